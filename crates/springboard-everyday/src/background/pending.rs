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

/// Why a call in the background has no result.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum BackgroundError {
    /// The call was not made, or a callback that it made failed.
    Call(CallError),
    /// Something that was passed panicked when it was dropped: the panic's message, if it had one.
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

/// What the thread that made the call sends to the one that asked.
pub(super) struct Outcome(pub(super) Result<Done, BackgroundError>);

// SAFETY: only a pointer in the result is not `Send`. It is not dereferenced here; code that does so is unsafe and answers
// for the thread.
unsafe impl Send for Outcome {}

/// A call in the background: a future for any executor, and a handle to wait with. Dropping it does not stop the call:
/// what was passed is dropped when the call has ended.
#[must_use = "it brings the result, and the memory that was passed"]
pub struct Pending {
    receiver: Receiver,
}

enum Receiver {
    Blocking(oneshot::Receiver<Outcome>),
    Async(oneshot::AsyncReceiver<Outcome>),
    /// It was polled to completion.
    Taken,
}

/// How often a thread looks for the result before it sleeps: for about as long as sleeping and waking take.
const LOOKS: u32 = 100;

pub(super) fn channel() -> (oneshot::Sender<Outcome>, Pending) {
    let (sender, receiver) = oneshot::channel();
    (sender, Pending { receiver: Receiver::Blocking(receiver) })
}

/// The sender is gone: this process was forked from the one in which it ran.
const GONE: Result<Done, BackgroundError> = Err(BackgroundError::Abandoned);

impl Pending {
    /// Waits for the call to end.
    ///
    /// Meanwhile the thread counts as being in native code: its mailbox is not served, and a callback that would wait for
    /// it does what its [`Busy`](springboard::Busy) says.
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

    /// Waits for the call to end, for at most `time`.
    ///
    /// # Errors
    /// This handle, if the call has not ended.
    pub fn wait_for(self, time: Duration) -> Result<Result<Done, BackgroundError>, Pending> {
        let _native = NativeScope::enter();
        // A time beyond the clock's range is waited for without end.
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

/// Waits for what was polled before. This thread's waker takes the place of the executor's.
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

/// Wakes the thread that waits.
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
