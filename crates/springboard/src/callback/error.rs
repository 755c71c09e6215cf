//! What goes wrong with callbacks.

use springboard_code::CodeError;
use springboard_ir::Type;

use super::copy::CopyError;
use crate::{bind_error::BindError, declaration::Position, thread::CallbackError, typed::TypeMismatch};

/// A drain stopped at an error.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{error}")]
pub struct DrainError {
    /// How many records were delivered, the failing one included.
    pub delivered: usize,
    /// What its handler ended with.
    pub error: CallbackError,
}

/// Why a callback, or a type of callbacks, could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The declaration is not C, a type has no layout, or neither a stub nor libffi can be called by that type.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The handler's Rust type is not of the C type.
    #[error("the handler does not fit: {0}")]
    Handler(TypeMismatch),
    /// A posted callback returns something: nobody would be there to return it.
    #[error("a posted callback must return void, and this one returns {0}")]
    PostResult(Type),
    /// What is to be copied in cannot be.
    #[error("{}: {error}", Position::Parameter(*.parameter))]
    Copy {
        /// The parameter that it was declared for, counted from 0.
        parameter: usize,
        /// Why not.
        error: CopyError,
    },
    /// The value to return when time is up does not fit the result.
    #[error("the result is {c}, which a value of {rust} is not")]
    TimeoutResult {
        /// The type that the signature returns.
        c: Type,
        /// The name of the Rust type of the value.
        rust: &'static str,
    },
    /// The mailbox belongs to another thread than the running one, or is gone.
    #[error("the mailbox belongs to another thread")]
    NotOwner,
    /// The system has no more memory for code.
    #[error("no memory for more callbacks: {0}")]
    Memory(CodeError),
    /// The stubs of callbacks have as much memory as [`EngineBuilder::code_limit`](crate::EngineBuilder::code_limit) allows.
    #[error("no memory for more callbacks: code is limited to {bytes} bytes")]
    CodeLimit {
        /// The limit, in bytes.
        bytes: usize,
    },
    /// libffi has no more memory for closures.
    #[error("libffi has no memory for more closures")]
    Closures,
}

impl From<TypeMismatch> for CreateError {
    fn from(error: TypeMismatch) -> CreateError {
        CreateError::Handler(error)
    }
}
