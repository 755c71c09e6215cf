//! Why a C function is no function of an engine.

use springboard::{BindError, function::Position};
use springboard_ir::{ParseError, Type};

use crate::columns::ColumnsError;

/// Why a C function is not a scalar function.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // `name` is the function's; parameters are counted from 0, `None` is the result
pub enum UdfError {
    /// The prototype cannot be read.
    #[error("{error}\n{}", .error.excerpt(.text))]
    Prototype { text: String, error: ParseError },
    /// It names no function.
    #[error("`{0}` names no function")]
    Nameless(String),
    /// The library does not have the function, or no way leads to it.
    #[error(transparent)]
    Bind(BindError),
    /// A parameter or result of a type of which a column has no rows.
    #[error("{name}: {} is of type {ty}: {why}", .parameter.map_or(Position::Result, Position::Parameter))]
    Type { name: String, parameter: Option<usize>, ty: Type, why: NoElement },
    /// A parameter that is said to be bytes with their length in the next one, and is not.
    #[error("{name}: {} is not bytes with their length after them: {why}", Position::Parameter(*.parameter))]
    Sized { name: String, parameter: usize, why: NoSpan },
    /// It cannot be called over columns.
    #[error("{name}: {error}")]
    Columns { name: String, error: ColumnsError },
}

/// Why rows of a column cannot be of a C type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoElement {
    /// `void`: there would be nothing to select.
    #[error("a function of an engine has a value")]
    Void,
    /// `char *`: the function might write to it, or the caller have to free it.
    #[error("a text is `const char *`; this one might be written to, or be the caller's to free")]
    WritableText,
    /// A pointer to anything else: an engine has nothing to point at.
    #[error("an engine has nothing for this pointer to point at")]
    Pointer,
    /// A structure, `long double` or anything else that does not fit a word.
    #[error("columns are of numbers of at most 8 bytes, and of texts")]
    NoWord,
}

/// Why two parameters are not bytes and their length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoSpan {
    /// There are not so many parameters.
    #[error("there is no such parameter")]
    None,
    /// No parameter comes after it.
    #[error("it is the last one")]
    Last,
    /// It does not point to constant characters, bytes or `void`.
    #[error("it is no pointer to constant characters, bytes or void")]
    Bytes,
    /// The next parameter is no integer of 4 or 8 bytes.
    #[error("the next parameter is no integer of 4 or 8 bytes")]
    Length,
}
