//! Values of JavaScript, as slow functions take and return them.

use std::{borrow::Cow, fmt::Display};

/// A value of JavaScript. A host turns its engine's values into these for a slow call, and the result back.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Any<'a> {
    /// `undefined`; also the result of a function that returns nothing.
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A bigint. For one out of range of `i128` a host gives any that does not fit 64 bits and has the same low 64: V8 looks
    /// at no others.
    BigInt(i128),
    /// The memory of a view or an `ArrayBuffer`: its first byte and its length in bytes. The host keeps the memory there,
    /// and writable, for as long as `'a`.
    Bytes(*mut u8, usize),
    /// The same of a `SharedArrayBuffer` itself, which `node:ffi` does not take. A view of one is [`Any::Bytes`].
    SharedBytes(*mut u8, usize),
    /// A string.
    Text(Cow<'a, str>),
    /// Anything else.
    Other,
}

/// An error that JavaScript is to throw.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Thrown {
    /// Its class.
    pub kind: ErrorKind,
    /// What a host sets as its property `code`, if it has one. Slow calls of native functions throw `node:ffi`'s codes:
    /// `ERR_INVALID_ARG_VALUE`, `ERR_FFI_LIBRARY_CLOSED`, `ERR_FFI_CALL_FAILED`.
    pub code: Option<Cow<'static, str>>,
    /// Its message.
    pub message: String,
}

/// A class of errors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
#[repr(i32)]
pub enum ErrorKind {
    Error,
    TypeError,
    RangeError,
}

impl Any<'_> {
    /// The same value with a text of its own.
    pub fn into_owned(self) -> Any<'static> {
        match self {
            Any::Undefined => Any::Undefined,
            Any::Null => Any::Null,
            Any::Bool(value) => Any::Bool(value),
            Any::Number(value) => Any::Number(value),
            Any::BigInt(value) => Any::BigInt(value),
            Any::Bytes(data, length) => Any::Bytes(data, length),
            Any::SharedBytes(data, length) => Any::SharedBytes(data, length),
            Any::Text(text) => Any::Text(text.into_owned().into()),
            Any::Other => Any::Other,
        }
    }

    /// As messages show what was given.
    fn shown(&self) -> Cow<'static, str> {
        match self {
            Any::Undefined => "undefined".into(),
            Any::Null => "null".into(),
            Any::Bool(value) => value.to_string().into(),
            Any::Number(value) if value.is_infinite() => {
                if *value > 0.0 { "Infinity" } else { "-Infinity" }.into()
            }
            Any::Number(value) => value.to_string().into(),
            // Of one that does not fit 128 bits, the host gives something else.
            Any::BigInt(value) if value.unsigned_abs() >> 65 != 0 => "a bigint of more than 64 bits".into(),
            Any::BigInt(value) => format!("{value}n").into(),
            Any::Text(_) => "a string".into(),
            Any::Bytes(..) => "a buffer".into(),
            Any::SharedBytes(..) => "a SharedArrayBuffer".into(),
            Any::Other => "another value".into(),
        }
    }
}

impl Thrown {
    /// An error of a class, without a code.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Thrown {
        Thrown { kind, code: None, message: message.into() }
    }

    /// The same error with this code.
    #[must_use]
    pub fn code(self, code: impl Into<Cow<'static, str>>) -> Thrown {
        Thrown { code: Some(code.into()), ..self }
    }

    /// What is wrong with an argument.
    pub(super) fn argument(kind: ErrorKind, message: String) -> Thrown {
        Thrown::new(kind, message).code("ERR_INVALID_ARG_VALUE")
    }

    /// An argument is of a wrong type: what must be, and what was given.
    pub(super) fn refused(wanted: impl Display, given: &Any<'_>) -> Thrown {
        Thrown::argument(ErrorKind::TypeError, format!("{wanted}, not {}", given.shown()))
    }

    /// What a call of a closed library throws: slow calls do, and a host's [`ClosedHelper`](super::ClosedHelper) does
    /// the same.
    pub fn closed() -> Thrown {
        Thrown::new(ErrorKind::Error, "the library has been closed").code("ERR_FFI_LIBRARY_CLOSED")
    }

    /// What an integer out of its parameter's range throws: slow calls do, and a host's
    /// [`RangeHelper`](super::RangeHelper) does the same. Arguments are counted from 0, and the value is the one that
    /// V8 passes. That is 32 bits, so that the message has both values of which one may have been given.
    pub fn range(index: usize, value: i64) -> Thrown {
        let negative = value as i32;
        let value =
            if i64::from(negative) == value { value.to_string() } else { format!("{negative} or {value}") };
        let message = format!("argument {} is {value}, which does not fit", index + 1);
        Thrown::argument(ErrorKind::RangeError, message)
    }

    /// The same for a number that is not an integer of its parameter's type, where stubs check that
    /// ([`Narrow::Exact`](super::Narrow::Exact)).
    pub fn exact(index: usize, value: f64) -> Thrown {
        let message = format!("argument {} is {value}, which does not fit", index + 1);
        Thrown::argument(ErrorKind::RangeError, message)
    }

    /// What a value that is not a buffer throws: slow calls do, and a host's [`BufferHelper`](super::BufferHelper) does
    /// the same. Arguments are counted from 0.
    pub fn no_buffer(index: usize, given: &Any<'_>) -> Thrown {
        Thrown::refused(format_args!("argument {} must be a buffer", index + 1), given)
    }
}
