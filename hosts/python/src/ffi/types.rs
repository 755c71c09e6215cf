//! Types by their names.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyString,
};

use super::Ffi;
use crate::{
    cdata::{self, CData},
    ctype::CType,
};

#[pymethods]
impl Ffi {
    /// The type that a text names, or that C data has.
    #[pyo3(name = "typeof")]
    fn type_of<'py>(&self, py: Python<'py>, cdecl: &Bound<'py, PyAny>) -> PyResult<Py<CType>> {
        if let Ok(text) = cdecl.cast::<PyString>() {
            return self.spelled(text);
        }
        match cdata::behind(cdecl).cast::<CData>() {
            Ok(cdata) => Ok(cdata.get().ctype.clone_ref(py)),
            Err(_) => Err(PyTypeError::new_err(cdecl.get_type().unbind())),
        }
    }

    /// Size in bytes of a type or of C data.
    fn sizeof(&self, cdecl: &Bound<'_, PyAny>) -> PyResult<usize> {
        if let Ok(cdata) = cdecl.cast::<CData>() {
            let this = cdata.get();
            return this.size().ok_or_else(|| {
                PyTypeError::new_err(format!("don't know the size of cdata '{}'", this.ctype.get().text()))
            });
        }
        let ctype = self.named(cdecl)?;
        let of = ctype.get();
        of.size().ok_or_else(|| PyValueError::new_err(format!("ctype '{}' is of unknown size", of.text())))
    }

    /// Alignment in bytes of a type, or of the type that C data has.
    fn alignof(&self, cdecl: &Bound<'_, PyAny>) -> PyResult<usize> {
        let ctype = match cdecl.cast::<CData>() {
            Ok(cdata) => cdata.get().ctype.clone_ref(cdecl.py()),
            Err(_) => self.named(cdecl)?,
        };
        let of = ctype.get();
        of.align()
            .ok_or_else(|| PyValueError::new_err(format!("ctype '{}' is of unknown alignment", of.text())))
    }

    /// The text of a type, with `replace_with` where the name of a declared thing would stand.
    #[pyo3(signature = (cdecl, replace_with=""))]
    fn getctype(&self, cdecl: &Bound<'_, PyAny>, replace_with: &str) -> PyResult<String> {
        let ctype = self.named(cdecl)?;
        let name = &ctype.get().name;
        let declarator = replace_with.trim();
        Ok(match declarator.chars().next() {
            None => name.text().into(),
            Some('*') if name.binds_tighter() => name.with(&format!("({declarator})")),
            Some('[' | '(') => name.with(declarator),
            Some(_) => name.with(&format!(" {declarator}")),
        })
    }
}
