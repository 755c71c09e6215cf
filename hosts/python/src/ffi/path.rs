//! Paths of members and indices: `ffi.offsetof` and `ffi.addressof`.

use pyo3::{
    exceptions::{PyKeyError, PyOverflowError, PyTypeError},
    prelude::*,
    types::{PyString, PyTuple},
};

use super::{
    Ffi,
    library::{self, Library},
};
use crate::{
    cdata::{self, CData},
    convert,
    ctype::{self, CType, Kind},
};

#[pymethods]
impl Ffi {
    /// Offset in bytes of a member, or of a member of it: names of members, and indices of arrays.
    #[pyo3(signature = (cdecl, *fields_or_indexes))]
    fn offsetof(&self, cdecl: &Bound<'_, PyAny>, fields_or_indexes: &Bound<'_, PyTuple>) -> PyResult<isize> {
        if fields_or_indexes.is_empty() {
            return Err(PyTypeError::new_err("offsetof() takes a type and at least one field name or index"));
        }
        let ctype = self.named(cdecl)?;
        part(cdecl.py(), &ctype, fields_or_indexes).map(|(_, offset)| offset)
    }

    /// A pointer to a structure, to a member of it, to an element of an array; or to a function or variable of a library.
    #[pyo3(signature = (cdata, *fields_or_indexes))]
    fn addressof<'py>(
        &self,
        py: Python<'py>,
        cdata: &Bound<'py, PyAny>,
        fields_or_indexes: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(library) = cdata.cast::<Library>() {
            let name: String = fields_or_indexes.get_item(0)?.extract()?;
            return library::address_of(library, &name);
        }
        let cdata = cdata::expect(cdata)?.get();
        let ctype = cdata.ctype.get();
        let (of, offset) = match fields_or_indexes.is_empty() {
            true => {
                if !(ctype.aggregate().is_some() || matches!(ctype.kind, Kind::Array { .. })) {
                    return Err(PyTypeError::new_err(match ctype.pointee() {
                        Some(_) => "addressof(pointer)".into(),
                        None => format!("expected a cdata struct/union/array object, got '{}'", ctype.text()),
                    }));
                }
                (cdata.ctype.clone_ref(py), 0)
            }
            false => part(py, &cdata.ctype, fields_or_indexes)?,
        };
        if !(ctype.is_address() || ctype.aggregate().is_some()) {
            return Err(PyTypeError::new_err(format!(
                "expected a cdata struct/union/array/pointer object, got '{}'",
                ctype.text()
            )));
        }
        // A pointer to an array of open length points to one of the length that is known.
        let of = match (&of.get().kind, cdata.elements()) {
            (Kind::Array { item, length: None, .. }, Some(length)) if fields_or_indexes.is_empty() => {
                ctype::array_of(py, item, Some(length))?
            }
            _ => of,
        };
        let pointer = ctype::pointer_to(py, &of)?;
        Ok(Bound::new(py, CData::borrowed(pointer, cdata.address().wrapping_offset(offset)))?.into_any())
    }
}

/// The type at a path of members and indices, and its offset in bytes.
fn part(py: Python<'_>, ctype: &Py<CType>, path: &Bound<'_, PyTuple>) -> PyResult<(Py<CType>, isize)> {
    let mut of = ctype.clone_ref(py);
    let mut offset = 0isize;
    for (index, step) in path.iter().enumerate() {
        let (next, by) = match step.cast::<PyString>() {
            Ok(name) => {
                // The first step may go through a pointer.
                let this = of.get();
                let structure = this.pointee().filter(|_| index == 0).map_or(this, Py::get);
                let Some(aggregate) = structure.aggregate() else {
                    return Err(PyTypeError::new_err(
                        "with a field name argument, expected a struct or union ctype",
                    ));
                };
                let body = aggregate
                    .body
                    .get()
                    .ok_or_else(|| PyTypeError::new_err(format!("'{}' is opaque", structure.text())))?;
                let field = body
                    .member(convert::utf8(name)?)
                    .ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))?;
                if field.bitshift >= 0 {
                    return Err(PyTypeError::new_err("not supported for bitfields"));
                }
                (field.ctype.clone_ref(py), field.offset as isize)
            }
            Err(_) => {
                let number = convert::index(&step)
                    .map_err(|_| PyTypeError::new_err("field name or array index expected"))?;
                let this = of.get();
                let item = match &this.kind {
                    Kind::Array { item, .. } => item,
                    Kind::Pointer(item) if index == 0 => item,
                    _ => {
                        return Err(PyTypeError::new_err(
                            "with an integer argument, expected an array ctype or a pointer to non-opaque",
                        ));
                    }
                };
                let size = item.get().size().ok_or_else(|| {
                    PyTypeError::new_err(
                        "with an integer argument, expected an array ctype or a pointer to non-opaque",
                    )
                })?;
                let by = number
                    .checked_mul(size as isize)
                    .ok_or_else(|| PyOverflowError::new_err("array offset would overflow a Py_ssize_t"))?;
                (item.clone_ref(py), by)
            }
        };
        of = next;
        offset += by;
    }
    Ok((of, offset))
}
