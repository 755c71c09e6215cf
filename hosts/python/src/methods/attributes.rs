//! Members of structures and unions as attributes.

use pyo3::{exceptions::PyAttributeError, ffi, prelude::*, types::PyString};

use crate::{
    cdata::CData,
    convert,
    ctype::{CField, Kind},
};

impl CData {
    /// The member of that name, of a structure or of what a pointer points to.
    fn member(&self, name: &str) -> Option<&CField> {
        self.ctype.get().members()?.member(name)
    }

    /// Where the members lie.
    fn base(&self, field: &CField) -> PyResult<*mut u8> {
        if self.address().is_null() {
            return Err(convert::null_dereference(self.ctype.get().text()));
        }
        Ok(self.address().wrapping_add(field.offset))
    }
}

#[pymethods]
impl CData {
    fn __getattribute__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        if let Some(field) =
            this.ctype.get().members().and_then(|body| body.member(convert::utf8(name).ok()?))
        {
            let at = this.base(field)?;
            if field.bitshift >= 0 {
                return convert::from_bits(py, field, at);
            }
            // An array without a length is as long as the memory of the structure says, where that is known.
            let length = match (&field.ctype.get().kind, this.extent()) {
                (Kind::Array { item, length: None, .. }, Some(extent)) => {
                    let size = item.get().size().unwrap_or(1).max(1);
                    Some(extent.saturating_sub(field.offset) / size)
                }
                _ => None,
            };
            return convert::from_c(py, &field.ctype, at, length);
        }
        // SAFETY: both are objects, and the interpreter is attached.
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyObject_GenericGetAttr(slf.as_ptr(), name.as_ptr())) }
    }

    /// Called where the other has found nothing.
    fn __getattr__(&self, name: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
        Err(self.no_member(name, "read"))
    }

    fn __setattr__(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(field) = self.member(convert::utf8(name)?) else {
            return Err(self.no_member(name, "write"));
        };
        let at = self.base(field)?;
        match field.bitshift >= 0 {
            true => convert::to_bits(field, at, value),
            false => convert::to_c(&field.ctype, at, value),
        }
    }

    fn __dir__(&self) -> Vec<String> {
        let body = self.ctype.get().members();
        body.map(|body| body.members.iter().map(|member| member.name.clone()).collect()).unwrap_or_default()
    }

    fn __delattr__(&self, name: &Bound<'_, PyString>) -> PyResult<()> {
        Err(PyAttributeError::new_err(format!("cannot delete struct field '{name}'")))
    }
}

impl CData {
    fn no_member(&self, name: &Bound<'_, PyString>, wanted: &str) -> PyErr {
        let ctype = self.ctype.get();
        let text = ctype.text();
        let message = match &ctype.kind {
            Kind::Pointer(item) => match item.get().aggregate() {
                Some(aggregate) if aggregate.body.get().is_none() => {
                    format!("cdata '{text}' points to an opaque type: cannot {wanted} fields")
                }
                Some(_) => format!("cdata '{text}' has no field '{name}'"),
                None => format!("cdata '{text}' has no attribute '{name}'"),
            },
            Kind::Aggregate(_) => format!("cdata '{text}' has no field '{name}'"),
            _ => format!("cdata '{text}' has no attribute '{name}'"),
        };
        PyAttributeError::new_err(message)
    }
}
