//! Handles: addresses that stand for Python objects.

use pyo3::{
    exceptions::{PyRuntimeError, PyTypeError},
    prelude::*,
};

use super::Ffi;
use crate::{
    cdata::{self, CData, Own},
    ctype::{self, CType},
    handle::Handle,
};

#[pymethods]
impl Ffi {
    /// A `void *` that stands for a Python object, for as long as the returned object lives.
    fn new_handle(&self, py: Python<'_>, x: Py<PyAny>) -> PyResult<Py<CData>> {
        let pointer = ctype::pointer_to(py, &ctype::void(py))?;
        let handle = Handle::new(x);
        let address = handle.address();
        Py::new(py, CData::owning(pointer, address, None, Own::Handle(handle)))
    }

    /// The object that a handle stands for.
    #[pyo3(name = "from_handle")]
    fn handled(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        object(py, cdata::expect(x)?.get())
    }
}

fn object(py: Python<'_>, cdata: &CData) -> PyResult<Py<PyAny>> {
    let ctype = cdata.ctype.get();
    let is_handle =
        |item: &CType| item.is_void() || item.primitive().is_some_and(|primitive| primitive.is_byte());
    if !ctype.pointee().is_some_and(|item| is_handle(item.get())) {
        return Err(PyTypeError::new_err(format!(
            "expected a 'cdata' object with a 'void *' out of new_handle(), got '{}'",
            ctype.text()
        )));
    }
    let address = cdata.address();
    if address.is_null() {
        return Err(PyRuntimeError::new_err("cannot use from_handle() on NULL pointer"));
    }
    Handle::object_at(py, address).ok_or_else(|| {
        PyRuntimeError::new_err("'void *' value does not correspond to any object that is still alive")
    })
}
