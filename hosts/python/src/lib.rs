//! C functions and C data for Python, at the speed of a C extension and with no compiler: the extension module behind the
//! package `springboard`.
//!
//! Floors from the top; a module uses those of lower floors only.
//!
//! ```text
//! ffi                            what a program holds: declarations, and the libraries that it opens
//! methods   callback   buffer    what Python does with C data; C calls Python; the memory of C data as bytes
//! call                           Python calls C
//! convert   text                 what a value of one language is in the other, known nowhere else; C as text
//! cdata                          C data as Python objects
//! function  closure              what C data keeps of a library's function, and of a callback
//! ctype     handle     view      C types as Python objects; addresses for Python objects; memory that Python lends
//! error      ending              exceptions; the interpreter's end
//! ```

mod buffer;
mod call;
mod callback;
mod cdata;
mod closure;
mod convert;
mod ctype;
mod ending;
mod error;
mod ffi;
mod function;
mod handle;
mod methods;
mod text;
mod view;

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use pyo3::{exceptions::PyImportError, ffi as python, prelude::*};
use springboard::Engine;

/// The engine of the process.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::new)
}

/// Whether CPython enters stubs: it calls C data by vectorcall.
static ENTERS_STUBS: AtomicBool = AtomicBool::new(false);

pub(crate) fn enters_stubs() -> bool {
    ENTERS_STUBS.load(Ordering::Relaxed)
}

/// Refuses every interpreter of the process except the first: classes and types are the process's, and an interpreter's
/// objects must not be met in another. pyo3 does not refuse them before CPython 3.12.
fn check_interpreter() -> PyResult<()> {
    static FIRST: OnceLock<i64> = OnceLock::new();
    // SAFETY: the interpreter is attached.
    let this = unsafe { python::PyInterpreterState_GetID(python::PyInterpreterState_Get()) };
    match *FIRST.get_or_init(|| this) == this {
        true => Ok(()),
        false => {
            Err(PyImportError::new_err("springboard serves one interpreter of a process, and another has it"))
        }
    }
}

#[pymodule]
fn _springboard(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    check_interpreter()?;
    module.add_class::<ctype::CType>()?;
    module.add_class::<ctype::CField>()?;
    module.add_class::<cdata::CData>()?;
    ENTERS_STUBS.store(cdata::enable(py, call::entry)?, Ordering::Relaxed);
    module.add_class::<ffi::Library>()?;
    module.add_class::<ffi::Ffi>()?;
    module.add("buffer", buffer::class(py)?)?;
    module.add("FFIError", py.get_type::<error::FFIError>())?;
    module.add("CDefError", py.get_type::<error::CDefError>())?;
    module.add("VerificationError", py.get_type::<error::VerificationError>())?;
    module.add("VerificationMissing", py.get_type::<error::VerificationMissing>())?;
    ending::watch(py)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
