//! What goes wrong with callbacks.

use std::{any::Any, error::Error, fmt, sync::Arc};

use springboard_ir::Type;

use crate::{code::CodeError, function::BindError, typed::TypeMismatch};

/// What a handler ended with instead of a result. The native caller got zero.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallbackError {
    /// It panicked. The message, where the panic had one.
    Panic(Option<Arc<str>>),
    /// It returned an error, or raised one with [`raise`](crate::raise).
    Raised(Arc<dyn Error + Send + Sync>),
}

impl CallbackError {
    /// What was caught of a panic.
    pub(super) fn panic(payload: Box<dyn Any + Send>) -> CallbackError {
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
        }
    }
}

impl Error for CallbackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallbackError::Panic(_) => None,
            CallbackError::Raised(error) => error.source(),
        }
    }
}

/// Why a callback, or a type of callbacks, could not be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CreateError {
    /// The declaration is none, a type has no layout, or neither a stub nor libffi can be called by that type.
    Bind(BindError),
    /// The handler's Rust type is not of the C type.
    Handler(TypeMismatch),
    /// A posted callback returns something: nobody would be there to return it.
    PostResult(Type),
    /// The mailbox belongs to another thread than the running one, or is gone.
    NotOwner,
    /// The system has no more memory for code.
    Memory(CodeError),
    /// libffi has no more memory for closures.
    Closures,
}

impl From<BindError> for CreateError {
    fn from(error: BindError) -> CreateError {
        CreateError::Bind(error)
    }
}

impl From<TypeMismatch> for CreateError {
    fn from(error: TypeMismatch) -> CreateError {
        CreateError::Handler(error)
    }
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CreateError::Bind(error) => error.fmt(f),
            CreateError::Handler(error) => write!(f, "the handler does not fit: {error}"),
            CreateError::PostResult(ty) => {
                write!(f, "a posted callback must return void, and this one returns {ty}")
            }
            CreateError::NotOwner => f.write_str("the mailbox belongs to another thread"),
            CreateError::Memory(error) => write!(f, "no memory for more callbacks: {error}"),
            CreateError::Closures => f.write_str("libffi has no memory for more closures"),
        }
    }
}

impl Error for CreateError {}
