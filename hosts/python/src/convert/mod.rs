//! Values of Python as C has them, and back: one rule for each type, wherever a value goes.

mod allocate;
mod cast;
mod extended;
mod file;
mod from_c;
mod integer;
mod string;
mod text;
mod to_c;

use pyo3::{exceptions::PyRuntimeError, prelude::*};

pub(crate) use self::{
    allocate::{Memory, new, pointer_bytes},
    cast::cast,
    extended::{read as long_double, text as long_double_text},
    file::file,
    from_c::{from_bits, from_c, is_nonzero, result},
    integer::{index, read as read_integer, strict as strict_integer},
    string::{string, unpack},
    text::utf8,
    to_c::{
        address, float,
        initial::{check_booleans, fill},
        refused, to_bits, to_c,
    },
};

pub(crate) fn null_dereference(ctype: &str) -> PyErr {
    PyRuntimeError::new_err(format!("cannot dereference null pointer from cdata '{ctype}'"))
}
