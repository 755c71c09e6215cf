//! Why functions and callbacks are not bound.

use springboard_ir::{LayoutError, ParseError};

use crate::{declaration::Position, fallback::Unsupported, library::SymbolError, reason::Reason};

/// Why a function could not be bound.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The text is not a prototype.
    #[error(transparent)]
    Prototype(#[from] ParseError),
    /// The declaration has no name, and none was given beside it.
    #[error("the declaration names no function")]
    Unnamed,
    /// The symbol has no address.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// A type of the signature has no layout on this machine.
    #[error("{position}: {error}")]
    Layout {
        /// Where it stands.
        position: Position,
        /// What is wrong with it.
        error: LayoutError,
    },
    /// No way leads to the function.
    #[error("no way to call it: {reason}; and {unsupported}")]
    NoPath {
        /// Why there is no stub.
        reason: Reason,
        /// Why libffi cannot call it either.
        unsupported: Unsupported,
    },
}
