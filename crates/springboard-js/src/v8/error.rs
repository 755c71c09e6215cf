//! Mistakes, found when a function is bound or registered and never when it is called.

use std::fmt;

use springboard::{
    Reason,
    abi::{Ineligible, Refusal},
    stamp::StampError,
};

use super::types::SignatureError;

/// A function of the host that stubs call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Helper {
    Buffer,
    Closed,
    Range,
    Throw,
    Value,
}

/// Why a native function could not be bound.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// As for any function.
    #[error(transparent)]
    Bind(#[from] springboard::BindError),
    /// The library has been closed.
    #[error("the library has been closed")]
    Closed,
    /// What is asked for needs a function of the host that the library was not given.
    #[error("the library was given no {helper} helper")]
    MissingHelper {
        /// Which.
        helper: Helper,
    },
    /// An index in the list of buffers is not that of a parameter.
    #[error("parameter {} is named a buffer, and there are {count}", .index + 1)]
    NoSuchParameter {
        /// The index that was given, from 0.
        index: u16,
        /// How many parameters there are.
        count: usize,
    },
    /// The types cannot be passed so: a buffer is named that is not a pointer.
    #[error(transparent)]
    Types(#[from] Ineligible),
    /// The names of types are not `node:ffi`'s.
    #[error(transparent)]
    Names(SignatureError),
}

impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Helper::Buffer => "buffer",
            Helper::Closed => "closed",
            Helper::Range => "range",
            Helper::Throw => "throw",
            Helper::Value => "value",
        })
    }
}

/// Why a function has no fast code. Its slow twin serves all calls.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoFast {
    /// The profile refuses it.
    #[error(transparent)]
    Refused(Refusal),
    /// It may call JavaScript back.
    #[error("the function may call JavaScript back")]
    CallsBack,
    /// No code could be made.
    #[error("{0}")]
    Reason(Reason),
}

impl From<StampError> for NoFast {
    fn from(error: StampError) -> NoFast {
        match error {
            StampError::Reason(reason) => NoFast::Reason(reason),
            other => panic!("a stub for V8 has other holes than those of its entry: {other}"),
        }
    }
}

/// Why a function of the host's own could not be registered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // `name` is the function's, `arguments` how many the variant takes
pub enum RegisterError {
    /// The name is taken.
    #[error("a function named {0} is registered already")]
    Name(String),
    /// Two variants take the same number of arguments.
    #[error("{name} has two variants of {arguments} arguments")]
    Arity { name: String, arguments: usize },
    /// A variant takes V8's options, and the function has no context that it could find there.
    #[error("the variant of {name} of {arguments} arguments takes options, and {name} has no context")]
    NoContext { name: String, arguments: usize },
    /// A tracking key is taken, or two outcomes of one function have one name.
    #[error("the tracking key {0} is taken")]
    Key(String),
    /// A name or an outcome is empty, or has a dot where none may be.
    #[error("{0:?} is no namespace.function")]
    BadName(String),
}
