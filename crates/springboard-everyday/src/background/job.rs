//! A call that waits for a thread, and its way through it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use springboard::Function;

use super::{
    passed::{Done, Passed},
    pending::{BackgroundError, Outcome},
};
use crate::outputs::call_with_any_error;

/// A call that was accepted.
pub(super) struct Job {
    function: Function,
    arguments: Vec<Passed>,
    sender: oneshot::Sender<Outcome>,
}

// SAFETY: only pointers in `Passed` are not `Send`, and whoever called `Background::call` said that they may be used on
// any of its threads.
unsafe impl Send for Job {}

impl Job {
    pub(super) fn new(function: Function, arguments: Vec<Passed>, sender: oneshot::Sender<Outcome>) -> Job {
        Job { function, arguments, sender }
    }

    /// Makes the call, drops what was passed, calls `ended`, and delivers.
    pub(super) fn run(self, ended: impl FnOnce()) {
        let Job { function, arguments, sender } = self;
        let outcome = catch_unwind(AssertUnwindSafe(|| perform(&function, arguments)));
        let outcome = outcome.unwrap_or_else(|payload| Err(BackgroundError::Panic(message(payload))));
        ended();
        deliver(sender, outcome);
    }

    /// Drops what was passed, and delivers that the call is not made.
    pub(super) fn abandon(self) {
        let Job { arguments, sender, .. } = self;
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(arguments)));
        let error = match dropped {
            Ok(()) => BackgroundError::Abandoned,
            Err(payload) => BackgroundError::Panic(message(payload)),
        };
        deliver(sender, Err(error));
    }
}

fn perform(function: &Function, arguments: Vec<Passed>) -> Result<Done, BackgroundError> {
    let values: Vec<_> = arguments.iter().map(Passed::value).collect();
    // SAFETY: whoever called `Background::call` keeps what `Function::call` asks for, on this thread too.
    let called = unsafe { call_with_any_error(function, &values) };
    let memory = arguments.into_iter().filter_map(|passed| match passed {
        Passed::Memory(memory) => Some(memory),
        _ => None,
    });
    let memory = memory.collect();
    let (result, last_error) = called.map_err(BackgroundError::Call)?;
    Ok(Done { result, last_error, memory })
}

/// What comes back is dropped here if the handle is gone.
fn deliver(sender: oneshot::Sender<Outcome>, outcome: Result<Done, BackgroundError>) {
    let _ = sender.send(Outcome(outcome));
}

fn message(payload: Box<dyn Any + Send>) -> Option<Arc<str>> {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).map(Arc::from);
    // The payload is the host's: dropping it may panic too.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    text
}
