//! The handle of a call in the background.

use std::{
    fmt, hint,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use springboard::{CallError, NativeScope};

use super::passed::Done;

/// What a call in the background ended with instead of a result.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum BackgroundError {
    /// The call was not made, or a callback that it made failed.
    Call(CallError),
    /// The call was made, and something that was passed panicked when it was dropped. The message, where there was one.
    Panic(Option<Arc<str>>),
    /// The call was not made: [`Shutdown::Abandon`](super::Shutdown::Abandon).
    Abandoned,
}

impl fmt::Display for BackgroundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackgroundError::Call(error) => error.fmt(f),
            BackgroundError::Panic(Some(message)) => write!(f, "what was passed panicked: {message}"),
            BackgroundError::Panic(None) => f.write_str("what was passed panicked"),
            BackgroundError::Abandoned => f.write_str("the call was abandoned before it was made"),
        }
    }
}

impl std::error::Error for BackgroundError {}

/// What goes from the thread that calls to the one that asked.
pub(super) struct Outcome(pub(super) Result<Done, BackgroundError>);

// SAFETY: a result that is a pointer is a number as far as Rust is concerned; whoever reads through it answers for the
// thread. Everything else in it is `Send` by itself.
unsafe impl Send for Outcome {}

/// A call in the background: a future for any executor, and a handle to wait with. Dropping it stops nothing: the call
/// is made, and what was passed is dropped when it has ended.
#[must_use = "the result, and the memory that was passed, come back by it"]
pub struct Pending {
    receiver: Receiver,
}

enum Receiver {
    Blocking(oneshot::Receiver<Outcome>),
    Async(oneshot::AsyncReceiver<Outcome>),
    /// It was polled to its end.
    Taken,
}

/// How long a waiting thread looks before it sleeps: about what sleeping and waking cost.
const LOOKS: u32 = 100;

pub(super) fn channel() -> (oneshot::Sender<Outcome>, Pending) {
    let (sender, receiver) = oneshot::channel();
    (sender, Pending { receiver: Receiver::Blocking(receiver) })
}

/// Whoever could have sent is gone: its thread was, with the process before it forked.
const GONE: Result<Done, BackgroundError> = Err(BackgroundError::Abandoned);

impl Pending {
    /// Waits for the call to end.
    ///
    /// The thread answers no callbacks meanwhile: a call that waits for this thread's mailbox finds it in native code
    /// ([`Busy`](springboard::Busy)).
    ///
    /// # Errors
    /// [`BackgroundError`].
    pub fn wait(self) -> Result<Done, BackgroundError> {
        let _native = NativeScope::enter();
        match self.receiver {
            Receiver::Blocking(receiver) => {
                for _ in 0..LOOKS {
                    match receiver.try_recv() {
                        Ok(outcome) => return outcome.0,
                        Err(oneshot::TryRecvError::Empty) => hint::spin_loop(),
                        Err(oneshot::TryRecvError::Disconnected) => return GONE,
                    }
                }
                receiver.recv().map_or(GONE, |outcome| outcome.0)
            }
            Receiver::Async(receiver) => look(receiver, None).unwrap_or(GONE),
            Receiver::Taken => GONE,
        }
    }

    /// Waits so long for the call to end. The handle comes back where it has not.
    ///
    /// # Errors
    /// The handle.
    pub fn wait_for(self, time: Duration) -> Result<Result<Done, BackgroundError>, Pending> {
        let _native = NativeScope::enter();
        // A time beyond what the clock can say has no end.
        let Some(until) = Instant::now().checked_add(time) else { return Ok(self.wait()) };
        match self.receiver {
            Receiver::Blocking(receiver) => match receiver.recv_deadline(until) {
                Ok(outcome) => Ok(outcome.0),
                Err(oneshot::RecvTimeoutError::Timeout) => {
                    Err(Pending { receiver: Receiver::Blocking(receiver) })
                }
                Err(oneshot::RecvTimeoutError::Disconnected) => Ok(GONE),
            },
            Receiver::Async(receiver) => look(receiver, Some(until))
                .map_err(|receiver| Pending { receiver: Receiver::Async(receiver) }),
            Receiver::Taken => Ok(GONE),
        }
    }
}

/// Waits for what was polled before. Whoever was to be woken then has given the handle away.
fn look(
    mut receiver: oneshot::AsyncReceiver<Outcome>,
    until: Option<Instant>,
) -> Result<Result<Done, BackgroundError>, oneshot::AsyncReceiver<Outcome>> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(outcome) = Pin::new(&mut receiver).poll(&mut context) {
            return Ok(outcome.map_or(GONE, |outcome| outcome.0));
        }
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return Err(receiver),
            Some(left) => thread::park_timeout(left),
        }
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Future for Pending {
    type Output = Result<Done, BackgroundError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut receiver = match std::mem::replace(&mut self.receiver, Receiver::Taken) {
            Receiver::Blocking(receiver) => receiver.into_future(),
            Receiver::Async(receiver) => receiver,
            Receiver::Taken => return Poll::Ready(GONE),
        };
        match Pin::new(&mut receiver).poll(context) {
            Poll::Ready(outcome) => Poll::Ready(outcome.map_or(GONE, |outcome| outcome.0)),
            Poll::Pending => {
                self.receiver = Receiver::Async(receiver);
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
