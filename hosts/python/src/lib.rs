//! C functions and C data for Python, at the speed of a C extension and with no compiler: the extension module behind the
//! package `springboard`.
//!
//! ```text
//! ffi ─► text ─► ctype ◄── convert ◄── cdata          library ─► call ─► springboard
//! ```
//! * `text` reads C, `ctype` has its types as Python objects, `convert` is the one place that knows what a value of one
//!   language is in the other, `cdata` has C data as Python objects.
//! * `call` calls functions and `callback` is called by them; `library` and `ffi` are what a program holds.

mod buffer;
mod call;
mod callback;
mod cdata;
mod convert;
mod ctype;
mod error;
mod ffi;
mod handle;
mod library;
mod text;

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use pyo3::prelude::*;
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

#[pymodule]
fn _springboard(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<ctype::CType>()?;
    module.add_class::<ctype::CField>()?;
    module.add_class::<cdata::CData>()?;
    ENTERS_STUBS.store(call::enable(py)?, Ordering::Relaxed);
    module.add_class::<library::Library>()?;
    module.add_class::<ffi::Ffi>()?;
    module.add("buffer", buffer::class(py)?)?;
    module.add("FFIError", py.get_type::<error::FFIError>())?;
    module.add("CDefError", py.get_type::<error::CDefError>())?;
    module.add("VerificationError", py.get_type::<error::VerificationError>())?;
    module.add("VerificationMissing", py.get_type::<error::VerificationMissing>())?;
    callback::end_with_interpreter(py)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
