//! What belongs to a function of a library.

use std::{collections::HashMap, ffi::CString, sync::Mutex};

use pyo3::ffi::PyMethodDef;
use springboard::stamp::Stub;
use springboard_everyday::columns::{Columns, Input};

/// What belongs to a function of a library.
pub(crate) struct Function {
    pub(crate) name: String,
    /// The declaration, as C writes it.
    pub(crate) prototype: String,
    /// The names of the parameters, where the declaration gives them.
    pub(crate) parameters: Vec<Option<String>>,
    pub(crate) gil: Gil,
    pub(crate) errno: Errno,
    pub(crate) object: Object,
    /// The code that CPython enters, where there is a stub. Keeps it.
    pub(crate) stub: Option<Stub>,
    /// What a built-in function refers to.
    pub(crate) method: Option<Box<Method>>,
    /// Made ready for calls over arrays.
    pub(crate) columns: PreparedColumns,
    /// Keeps the function's code loaded.
    pub(crate) _library: springboard::Library,
}

/// What has been made ready for calls over arrays, by what the parameters get.
pub(crate) type PreparedColumns = Mutex<HashMap<Vec<Input>, Columns>>;

/// What becomes of the interpreter's lock while C code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gil {
    /// Other threads may run Python meanwhile.
    Released,
    /// It is kept: for functions that return soon. They may call back.
    Kept,
}

/// What becomes of `errno` around the calls that a stub makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Errno {
    /// It is kept between calls.
    Kept,
    /// It is whatever it is: two calls less.
    Left,
}

/// What a function of a library is to Python.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Object {
    /// C data.
    Data,
    /// A built-in function, which CPython calls in a shorter way than other objects. Its `self` is the C data.
    Builtin,
}

/// What CPython is told of a built-in function. The texts are those that the definition points to.
pub(crate) struct Method {
    pub(crate) definition: PyMethodDef,
    pub(crate) _texts: [CString; 2],
}

// SAFETY: nothing is written after it was made.
unsafe impl Send for Method {}
// SAFETY: nothing is written after it was made.
unsafe impl Sync for Method {}
