//! What belongs to a function of a library.

use std::{
    cell::UnsafeCell,
    collections::HashMap,
    ffi::{CString, c_void},
    mem,
    sync::{Mutex, OnceLock, atomic::AtomicU32},
};

use pyo3::ffi::{PyCFunction, PyMethodDef, PyMethodDefPointer};
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
    pub(crate) when: When,
    /// Calls that the slow twin made before there was a stub.
    pub(crate) calls: AtomicU32,
    /// The code that CPython enters once there is a stub; `None` in it where there can be none. Keeps it.
    pub(crate) stub: OnceLock<Option<Stub>>,
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

/// When a function gets its stub, which takes as long to make as some hundred calls without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// As soon as the program has the function.
    Used,
    /// When it has been called some times.
    Called,
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
    pub(crate) definition: UnsafeCell<PyMethodDef>,
    pub(crate) _texts: [CString; 2],
}

// SAFETY: only `enter_by` writes, with the interpreter attached, whose lock lets one thread in at a time.
unsafe impl Send for Method {}
// SAFETY: only `enter_by` writes, with the interpreter attached, whose lock lets one thread in at a time.
unsafe impl Sync for Method {}

impl Method {
    /// What CPython calls from now on.
    ///
    /// # Safety
    /// The interpreter is attached, and `entry` is a function as `METH_FASTCALL` has it, for as long as the object is there.
    pub(crate) unsafe fn enter_by(&self, entry: *const c_void) {
        // SAFETY: the caller says so; CPython reads the pointer at each call.
        unsafe {
            let entry = mem::transmute::<*const c_void, PyCFunction>(entry);
            (*self.definition.get()).ml_meth = PyMethodDefPointer { PyCFunction: entry };
        }
    }
}
