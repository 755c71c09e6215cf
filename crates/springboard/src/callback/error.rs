//! What goes wrong with callbacks.

use std::{error::Error, fmt};

use springboard_code::CodeError;
use springboard_ir::Type;

use super::copy::CopyError;
use crate::{bind_error::BindError, declaration::Position, thread::CallbackError, typed::TypeMismatch};

/// A drain stopped at an error.
#[derive(Clone, PartialEq, Debug)]
pub struct DrainError {
    /// How many records were delivered, the failing one included.
    pub delivered: usize,
    /// What its handler ended with.
    pub error: CallbackError,
}

impl fmt::Display for DrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for DrainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
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
    /// What is to be copied in cannot be.
    Copy {
        /// The parameter that it was declared for, counted from 0.
        parameter: usize,
        /// Why not.
        error: CopyError,
    },
    /// The value to return when time is up does not fit the result.
    TimeoutResult {
        /// The type that the signature returns.
        c: Type,
        /// The name of the Rust type of the value.
        rust: &'static str,
    },
    /// The mailbox belongs to another thread than the running one, or is gone.
    NotOwner,
    /// The system has no more memory for code.
    Memory(CodeError),
    /// The stubs of callbacks have as much memory as [`EngineBuilder::code_limit`](crate::EngineBuilder::code_limit) allows.
    CodeLimit {
        /// The limit, in bytes.
        bytes: usize,
    },
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
            CreateError::Copy { parameter, error } => {
                write!(f, "{}: {error}", Position::Parameter(*parameter))
            }
            CreateError::TimeoutResult { c, rust } => {
                write!(f, "the result is {c}, which a value of {rust} is not")
            }
            CreateError::NotOwner => f.write_str("the mailbox belongs to another thread"),
            CreateError::Memory(error) => write!(f, "no memory for more callbacks: {error}"),
            CreateError::CodeLimit { bytes } => {
                write!(f, "no memory for more callbacks: code is limited to {bytes} bytes")
            }
            CreateError::Closures => f.write_str("libffi has no memory for more closures"),
        }
    }
}

impl Error for CreateError {}
