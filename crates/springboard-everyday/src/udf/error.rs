//! Why a C function is no function of an engine.

use std::fmt;

use springboard::BindError;
use springboard_ir::{ParseError, Type};

use crate::columns::ColumnsError;

/// Why a C function is not a scalar function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UdfError {
    /// The prototype cannot be read.
    Prototype {
        /// The prototype.
        text: String,
        /// What is wrong, and where.
        error: ParseError,
    },
    /// It names no function.
    Nameless(String),
    /// The library does not have the function, or no way leads to it.
    Bind(BindError),
    /// A parameter or result of a type of which a column has no rows.
    Type {
        /// The function.
        name: String,
        /// The parameter, counted from 0. `None` for the result.
        parameter: Option<usize>,
        /// Its type.
        ty: Type,
        /// What is wrong with that.
        why: NoElement,
    },
    /// It cannot be called over columns.
    Columns {
        /// The function.
        name: String,
        /// Why.
        error: ColumnsError,
    },
}

/// Why rows of a column cannot be of a C type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoElement {
    /// `void`: there would be nothing to select.
    Void,
    /// `char *`: the function might write to it, or the caller have to free it.
    WritableText,
    /// A pointer to anything else: an engine has nothing to point at.
    Pointer,
    /// A structure, `long double` or anything else that does not fit a word.
    NoWord,
}

impl fmt::Display for NoElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoElement::Void => "a function of an engine has a value",
            NoElement::WritableText => {
                "a text is `const char *`; this one might be written to, or be the caller's to free"
            }
            NoElement::Pointer => "an engine has nothing for this pointer to point at",
            NoElement::NoWord => "columns are of numbers of at most 8 bytes, and of texts",
        })
    }
}

impl fmt::Display for UdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UdfError::Prototype { text, error } => write!(f, "{error}\n{}", error.excerpt(text)),
            UdfError::Nameless(text) => write!(f, "`{text}` names no function"),
            UdfError::Bind(error) => error.fmt(f),
            UdfError::Type { name, parameter: Some(index), ty, why } => {
                write!(f, "{name}: parameter {} is of type {ty}: {why}", index + 1)
            }
            UdfError::Type { name, parameter: None, ty, why } => {
                write!(f, "{name}: the result is of type {ty}: {why}")
            }
            UdfError::Columns { name, error } => write!(f, "{name}: {error}"),
        }
    }
}

impl std::error::Error for UdfError {}
