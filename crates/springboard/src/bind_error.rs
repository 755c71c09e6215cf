//! Why functions and callbacks are not bound.

use std::fmt;

use springboard_ir::{LayoutError, ParseError};

use crate::{declaration::Position, fallback::Unsupported, library::SymbolError, reason::Reason};

/// Why a function could not be bound.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The text is no prototype.
    Prototype(ParseError),
    /// The declaration has no name, and none was given beside it.
    Unnamed,
    /// The symbol has no address.
    Symbol(SymbolError),
    /// A type of the signature has no layout on this machine.
    Layout {
        /// Where it stands.
        position: Position,
        /// What is wrong with it.
        error: LayoutError,
    },
    /// No way leads to the function.
    NoPath {
        /// Why there is no stub.
        reason: Reason,
        /// Why libffi cannot call it either.
        unsupported: Unsupported,
    },
}

impl From<ParseError> for BindError {
    fn from(error: ParseError) -> BindError {
        BindError::Prototype(error)
    }
}

impl From<SymbolError> for BindError {
    fn from(error: SymbolError) -> BindError {
        BindError::Symbol(error)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Prototype(error) => error.fmt(f),
            BindError::Unnamed => f.write_str("the declaration names no function"),
            BindError::Symbol(error) => error.fmt(f),
            BindError::Layout { position, error } => write!(f, "{position}: {error}"),
            BindError::NoPath { reason, unsupported } => {
                write!(f, "no way to call it: {reason}; and {unsupported}")
            }
        }
    }
}

impl std::error::Error for BindError {}
