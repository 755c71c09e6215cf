//! What a call of a callback ends with instead of a result.

use std::{any::Any, error::Error, sync::Arc};

/// What a handler ended with instead of a result. The native caller got zero.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It panicked. The message, where the panic had one.
    #[error("a callback's handler panicked{}", said(.0.as_deref()))]
    Panic(Option<Arc<str>>),
    /// It returned an error, or raised one with [`raise`](crate::callback::raise).
    #[error(transparent)]
    Raised(Arc<dyn Error + Send + Sync>),
    /// No handler's: a call from another thread, whose system number (gettid(2)) is given, got zero because this
    /// thread was in native code for too long to answer it ([`Busy`](crate::callback::Busy)).
    #[error("thread {caller} called back and was refused: the owner was in native code for too long")]
    Busy {
        /// The thread that called.
        caller: i32,
    },
    /// No handler's: the mailbox belongs to the process that this one was forked from.
    #[error("the mailbox belongs to the process that this one was forked from")]
    Forked,
}

impl CallbackError {
    /// What was caught of a panic.
    pub(crate) fn panic(payload: Box<dyn Any + Send>) -> CallbackError {
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).map(Arc::from);
        // The payload is the host's, and its destructor may panic in its turn.
        if let Err(second) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        CallbackError::Panic(message)
    }
}

/// The message of a panic, after what is said of all.
fn said(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!(": {message}"))
}

/// Errors are equal where they are of the same event.
impl PartialEq for CallbackError {
    fn eq(&self, other: &CallbackError) -> bool {
        match (self, other) {
            (CallbackError::Panic(a), CallbackError::Panic(b)) => a == b,
            (CallbackError::Raised(a), CallbackError::Raised(b)) => Arc::ptr_eq(a, b),
            (CallbackError::Busy { caller: a }, CallbackError::Busy { caller: b }) => a == b,
            (CallbackError::Forked, CallbackError::Forked) => true,
            _ => false,
        }
    }
}
