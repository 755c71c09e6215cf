//! What cffi has and this has not: what needs a C compiler, or Windows.

use pyo3::{
    exceptions::{PyNotImplementedError, PyValueError},
    prelude::*,
    types::{PyDict, PyTuple},
};

use super::Ffi;

#[pymethods]
impl Ffi {
    /// Windows has this.
    #[pyo3(signature = (code=-1))]
    fn getwinerror(&self, code: i32) -> PyResult<()> {
        let _ = code;
        Err(PyNotImplementedError::new_err("getwinerror() is for Windows"))
    }

    /// Needs a C compiler: cffi has it.
    #[pyo3(signature = (*_args, **_kwds))]
    fn verify(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(compiled("verify"))
    }

    /// Needs a C compiler: cffi has it.
    #[pyo3(signature = (*_args, **_kwds))]
    fn set_source(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(compiled("set_source"))
    }

    /// Needs a C compiler: cffi has it.
    #[pyo3(signature = (*_args, **_kwds))]
    fn compile(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(compiled("compile"))
    }

    /// For functions of a compiled module.
    #[pyo3(signature = (*_args, **_kwds))]
    fn def_extern(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(PyValueError::new_err("ffi.def_extern() is only available on API-mode FFI objects"))
    }
}

fn compiled(name: &str) -> PyErr {
    PyNotImplementedError::new_err(format!(
        "ffi.{name}() needs a C compiler; springboard has the ABI mode, which needs none"
    ))
}
