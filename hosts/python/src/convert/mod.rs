//! Values of Python as C has them, and back: one rule for each type, wherever a value goes.

mod cast;
mod extended;
mod from_c;
mod initial;
mod integer;
mod text;
mod to_c;

use pyo3::{exceptions::PyRuntimeError, prelude::*};

pub(crate) use self::{
    cast::cast,
    extended::{read as long_double, text as long_double_text},
    from_c::{from_bits, from_c, is_nonzero, result},
    initial::{Memory, check_booleans, fill, new, pointer_bytes},
    integer::{index, read as read_integer, strict as strict_integer},
    text::{string, unpack, utf8},
    to_c::{float, refused, to_bits, to_c},
};

/// The name of an object's type, for messages.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string())
}

pub(crate) fn null_dereference(ctype: &str) -> PyErr {
    PyRuntimeError::new_err(format!("cannot dereference null pointer from cdata '{ctype}'"))
}
