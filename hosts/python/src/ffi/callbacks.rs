//! `ffi.callback`.

use pyo3::{exceptions::PyTypeError, prelude::*, types::PyString};

use super::Ffi;
use crate::{
    callback,
    cdata::CData,
    convert,
    ctype::{self, CType},
};

#[pymethods]
impl Ffi {
    /// A C function that calls a Python one, from any thread: or, without `python_callable`, a decorator that makes one.
    ///
    /// The object must be kept for as long as C may call. Where there is an exception, the caller gets `error`, or what
    /// `onerror(exception, value, traceback)` returns.
    #[pyo3(signature = (cdecl, python_callable=None, error=None, onerror=None))]
    fn callback<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        python_callable: Option<&Bound<'py, PyAny>>,
        error: Option<&Bound<'py, PyAny>>,
        onerror: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ctype = match cdecl.cast::<PyString>() {
            Ok(text) => self.declared(py).parse(py, convert::utf8(text)?)?.0,
            Err(_) => ctype::expect(cdecl)?.clone().unbind(),
        };
        match python_callable.filter(|callable| !callable.is_none()) {
            Some(callable) => callback_of(ctype.bind(py), callable, error, onerror).map(Bound::into_any),
            None => {
                let own = |object: Option<&Bound<'py, PyAny>>| object.map(|object| object.clone().unbind());
                Ok(Bound::new(py, Decorator { ctype, error: own(error), on_error: own(onerror) })?.into_any())
            }
        }
    }
}

fn callback_of<'py>(
    ctype: &Bound<'py, CType>,
    callable: &Bound<'py, PyAny>,
    error: Option<&Bound<'py, PyAny>>,
    on_error: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, CData>> {
    if !callable.is_callable() {
        return Err(PyTypeError::new_err("the 'python_callable' argument is not callable"));
    }
    callback::new(ctype, callable, error, on_error)
}

/// What `ffi.callback` without a function is.
#[pyclass(frozen, module = "springboard", name = "_CallbackDecorator")]
struct Decorator {
    ctype: Py<CType>,
    error: Option<Py<PyAny>>,
    on_error: Option<Py<PyAny>>,
}

#[pymethods]
impl Decorator {
    fn __call__<'py>(&self, py: Python<'py>, callable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, CData>> {
        let error = self.error.as_ref().map(|error| error.bind(py));
        let on_error = self.on_error.as_ref().map(|on_error| on_error.bind(py));
        callback_of(self.ctype.bind(py), callable, error, on_error)
    }
}
