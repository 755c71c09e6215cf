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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BindError {
    /// As for any function.
    Bind(springboard::BindError),
    /// The library has been closed.
    Closed,
    /// What is asked for needs a function of the host that the library was not given.
    MissingHelper {
        /// Which.
        helper: Helper,
    },
    /// An index in the list of buffers is not that of a parameter.
    NoSuchParameter {
        /// The index that was given, from 0.
        index: u16,
        /// How many parameters there are.
        count: usize,
    },
    /// The types cannot be passed so: a buffer is named that is not a pointer.
    Types(Ineligible),
    /// The names of types are not `node:ffi`'s.
    Names(SignatureError),
}

impl From<springboard::BindError> for BindError {
    fn from(error: springboard::BindError) -> BindError {
        BindError::Bind(error)
    }
}

impl From<Ineligible> for BindError {
    fn from(rule: Ineligible) -> BindError {
        BindError::Types(rule)
    }
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

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Bind(error) => error.fmt(f),
            BindError::Closed => f.write_str("the library has been closed"),
            BindError::MissingHelper { helper } => write!(f, "the library was given no {helper} helper"),
            BindError::NoSuchParameter { index, count } => {
                write!(f, "parameter {} is named a buffer, and there are {count}", index + 1)
            }
            BindError::Types(rule) => rule.fmt(f),
            BindError::Names(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {}

/// Why a function has no fast code. Its slow twin serves all calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NoFast {
    /// The profile refuses it.
    Refused(Refusal),
    /// It may call JavaScript back.
    CallsBack,
    /// No code could be made.
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

impl fmt::Display for NoFast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoFast::Refused(refusal) => refusal.fmt(f),
            NoFast::CallsBack => f.write_str("the function may call JavaScript back"),
            NoFast::Reason(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for NoFast {}

/// Why a function of the host's own could not be registered.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name is taken.
    Name(String),
    /// Two variants take the same number of arguments.
    Arity {
        /// The function.
        name: String,
        /// How many.
        arguments: usize,
    },
    /// A variant takes V8's options, and the function has no context that it could find there.
    NoContext {
        /// The function.
        name: String,
        /// How many arguments the variant takes.
        arguments: usize,
    },
    /// A tracking key is taken, or two outcomes of one function have one name.
    Key(String),
    /// A name or an outcome is empty, or has a dot where none may be.
    BadName(String),
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Name(name) => write!(f, "a function named {name} is registered already"),
            RegisterError::Arity { name, arguments } => {
                write!(f, "{name} has two variants of {arguments} arguments")
            }
            RegisterError::NoContext { name, arguments } => {
                write!(
                    f,
                    "the variant of {name} of {arguments} arguments takes options, and {name} has no context"
                )
            }
            RegisterError::Key(key) => write!(f, "the tracking key {key} is taken"),
            RegisterError::BadName(name) => write!(f, "{name:?} is no namespace.function"),
        }
    }
}

impl std::error::Error for RegisterError {}
