//! The handle of a call in the background.

use std::{
    fmt, hint,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use oneshot::{AsyncReceiver, Sender};
use springboard::{CallError, callback::NativeScope};

use super::passed::Done;

/// Why a call in the background has no result.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackgroundError {
    /// The call was not made, or a callback that it made failed.
    #[error(transparent)]
    Call(CallError),
    /// Something that was passed panicked when it was dropped: the panic's message, if it had one.
    #[error("what was passed panicked{}", .0.as_ref().map(|message| format!(": {message}")).unwrap_or_default())]
    Panic(Option<Arc<str>>),
    /// The call was not made: [`Shutdown::Abandon`](super::Shutdown::Abandon).
    #[error("the call was abandoned before it was made")]
    Abandoned,
}

/// What the thread that made the call sends to the one that asked.
pub(super) struct Outcome(pub(super) Result<Done, BackgroundError>);

// SAFETY: only a pointer in the result is not `Send`. It is not dereferenced here; code that does so is unsafe and answers
// for the thread.
unsafe impl Send for Outcome {}

/// A call in the background: a future for any executor, and a handle to wait with. Dropping it does not stop the call:
/// what was passed is dropped when the call has ended.
#[must_use = "it brings the result, and the memory that was passed"]
pub struct Pending {
    /// `None` once it was polled to completion.
    receiver: Option<AsyncReceiver<Outcome>>,
}

/// How often a thread looks for the result before it sleeps: for about as long as sleeping and waking take.
const LOOKS: u32 = 100;

pub(super) fn channel() -> (Sender<Outcome>, Pending) {
    let (sender, receiver) = oneshot::async_channel();
    (sender, Pending { receiver: Some(receiver) })
}

impl Pending {
    /// Waits for the call to end.
    ///
    /// Meanwhile the thread counts as being in native code: its mailbox is not served, and a callback that would wait for
    /// it does what its [`Busy`](springboard::callback::Busy) says.
    ///
    /// # Errors
    /// [`BackgroundError`].
    pub fn wait(mut self) -> Result<Done, BackgroundError> {
        loop {
            match self.wait_for(Duration::MAX) {
                Ok(outcome) => return outcome,
                Err(pending) => self = pending,
            }
        }
    }

    /// Waits for the call to end, for at most `time`. Otherwise as [`Pending::wait`].
    ///
    /// # Errors
    /// This handle, if the call has not ended.
    pub fn wait_for(mut self, time: Duration) -> Result<Result<Done, BackgroundError>, Pending> {
        let _native = NativeScope::enter();
        // A time beyond the clock's range is waited for without end.
        let until = Instant::now().checked_add(time);
        // It takes the place of an executor's waker, if the handle was polled before.
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut looks = LOOKS;
        loop {
            if let Poll::Ready(outcome) = Pin::new(&mut self).poll(&mut context) {
                return Ok(outcome);
            }
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Err(self),
                _ if looks > 0 => {
                    looks -= 1;
                    hint::spin_loop();
                }
                None => thread::park(),
                Some(left) => thread::park_timeout(left),
            }
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
        // Where there is no sender, this process was forked from the one in which it was.
        let gone = Err(BackgroundError::Abandoned);
        let Some(receiver) = &mut self.receiver else { return Poll::Ready(gone) };
        let outcome = ready!(Pin::new(receiver).poll(context));
        self.receiver = None;
        Poll::Ready(outcome.map_or(gone, |outcome| outcome.0))
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
