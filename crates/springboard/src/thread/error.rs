//! What a call of a callback ends with instead of a result.

use std::{any::Any, error::Error, fmt, sync::Arc};

/// What a handler ended with instead of a result. The native caller got zero.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallbackError {
    /// It panicked. The message, where the panic had one.
    Panic(Option<Arc<str>>),
    /// It returned an error, or raised one with [`raise`](crate::callback::raise).
    Raised(Arc<dyn Error + Send + Sync>),
    /// No handler's: a call from another thread, whose system number (gettid(2)) is given, got zero because this
    /// thread was in native code for too long to answer it ([`Busy`](crate::callback::Busy)).
    Busy {
        /// The thread that called.
        caller: i32,
    },
    /// No handler's: the mailbox belongs to the process that this one was forked from.
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

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallbackError::Panic(Some(message)) => write!(f, "a callback's handler panicked: {message}"),
            CallbackError::Panic(None) => f.write_str("a callback's handler panicked"),
            CallbackError::Raised(error) => error.fmt(f),
            CallbackError::Busy { caller } => {
                write!(
                    f,
                    "thread {caller} called back and was refused: the owner was in native code for too long"
                )
            }
            CallbackError::Forked => f.write_str(FORKED),
        }
    }
}

impl Error for CallbackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallbackError::Panic(_) | CallbackError::Busy { .. } | CallbackError::Forked => None,
            CallbackError::Raised(error) => error.source(),
        }
    }
}

/// What is said of a mailbox that was made before the process was forked.
const FORKED: &str = "the mailbox belongs to the process that this one was forked from";
