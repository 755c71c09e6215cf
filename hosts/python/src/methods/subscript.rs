//! Elements of arrays, what pointers point to, and slices.

use pyo3::{
    exceptions::{PyIndexError, PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyByteArray, PyBytes, PySlice},
};

use super::iterate::CDataIterator;
use crate::{
    cdata::CData,
    convert,
    ctype::{self, CType, Form, Kind},
};

/// A part of an array or of what a pointer points to.
struct Part<'a> {
    item: &'a Py<CType>,
    start: *mut u8,
    length: usize,
    size: usize,
}

impl CData {
    fn not_indexable(&self) -> PyErr {
        PyTypeError::new_err(format!("cdata of type '{}' cannot be indexed", self.ctype.get().text()))
    }

    /// Type and address of the element at an index.
    fn element(&self, index: &Bound<'_, PyAny>) -> PyResult<(&Py<CType>, *mut u8)> {
        let ctype = self.ctype.get();
        let index = convert::index(index)?;
        let item = ctype.item().ok_or_else(|| self.not_indexable())?;
        if let Kind::Pointer(_) = ctype.kind {
            if self.owns_memory() && index != 0 {
                return Err(PyIndexError::new_err(format!(
                    "cdata '{}' can only be indexed by 0",
                    ctype.text()
                )));
            }
            if self.address().is_null() {
                return Err(PyRuntimeError::new_err(format!(
                    "cannot dereference null pointer from cdata '{}'",
                    ctype.text()
                )));
            }
        } else {
            let length = self.elements().unwrap_or(0);
            if index < 0 {
                return Err(PyIndexError::new_err("negative index"));
            }
            if index as usize >= length {
                return Err(PyIndexError::new_err(format!(
                    "index too large for cdata '{}' (expected {index} < {length})",
                    ctype.text()
                )));
            }
        }
        let size = item.get().size().ok_or_else(|| {
            PyTypeError::new_err(format!("cannot access an object of unknown size: '{}'", item.get().text()))
        })?;
        Ok((item, self.address().wrapping_offset(index.wrapping_mul(size as isize))))
    }

    fn part(&self, slice: &Bound<'_, PySlice>) -> PyResult<Part<'_>> {
        let bound = |name: &str| {
            let value = slice.getattr(name)?;
            match value.is_none() {
                true => Err(PyIndexError::new_err(format!("slice {name} must be specified"))),
                false => convert::index(&value),
            }
        };
        let (start, stop) = (bound("start")?, bound("stop")?);
        if !slice.getattr("step")?.is_none() {
            return Err(PyIndexError::new_err("slice with step not supported"));
        }
        if start > stop {
            return Err(PyIndexError::new_err("slice start > stop"));
        }
        let item = self.ctype.get().item().ok_or_else(|| self.not_indexable())?;
        if let Some(length) = self.elements() {
            if start < 0 {
                return Err(PyIndexError::new_err("negative index"));
            }
            if stop as usize > length {
                return Err(PyIndexError::new_err(format!("index too large (expected {stop} <= {length})")));
            }
        }
        let size = item.get().size().ok_or_else(|| self.not_indexable())?;
        let start_at = self.address().wrapping_offset(start.wrapping_mul(size as isize));
        Ok(Part { item, start: start_at, length: (stop - start) as usize, size })
    }

    fn assign_slice(&self, slice: &Bound<'_, PySlice>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Part { item, start, length, size } = self.part(slice)?;
        if let Ok(source) = value.cast::<CData>() {
            let source = source.get();
            let same = matches!(&source.ctype.get().kind, Kind::Array { item: of, .. } if of.is(item));
            if same && source.elements() == Some(length) {
                // SAFETY: both arrays have that many elements, as the program says; they may overlap.
                unsafe { std::ptr::copy(source.address(), start, size * length) };
                return Ok(());
            }
        }
        if item.get().primitive().is_some_and(|primitive| primitive.form == Form::Char) {
            let bytes = match (value.cast::<PyBytes>(), value.cast::<PyByteArray>()) {
                (Ok(bytes), _) => Some(bytes.as_bytes().to_vec()),
                (_, Ok(bytes)) => Some(bytes.to_vec()),
                _ => None,
            };
            if let Some(bytes) = bytes {
                if bytes.len() != length {
                    return Err(PyValueError::new_err(format!(
                        "need a string of length {length}, got {}",
                        bytes.len()
                    )));
                }
                // SAFETY: the slice has that many bytes, as the program says, and the source is a copy.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, length) };
                return Ok(());
            }
        }
        let mut values = value.try_iter()?;
        for index in 0..length {
            let Some(value) = values.next().transpose()? else {
                return Err(PyValueError::new_err(format!("need {length} values to unpack, got {index}")));
            };
            convert::to_c(item, start.wrapping_add(index * size), &value)?;
        }
        match values.next().transpose()? {
            Some(_) => Err(PyValueError::new_err(format!("got more than {length} values to unpack"))),
            None => Ok(()),
        }
    }
}

#[pymethods]
impl CData {
    fn __len__(&self) -> PyResult<usize> {
        self.elements().ok_or_else(|| {
            PyTypeError::new_err(format!("cdata of type '{}' has no len()", self.ctype.get().text()))
        })
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        if let Ok(slice) = key.cast::<PySlice>() {
            let Part { item, start, length, .. } = this.part(slice)?;
            let open = ctype::array_of(py, item, None)?;
            return Ok(Bound::new(py, CData::array(open, start, length))?.into_any());
        }
        let (item, at) = this.element(key)?;
        if let Some(structure) = this.structure(py) {
            return Ok(structure.into_bound(py).into_any());
        }
        convert::from_c(py, item, at, None)
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(slice) = key.cast::<PySlice>() {
            return self.assign_slice(slice, value);
        }
        let (item, at) = self.element(key)?;
        convert::to_c(item, at, value)
    }

    fn __delitem__(&self, _key: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err("'del x[n]' not supported for cdata objects"))
    }

    fn __iter__(slf: &Bound<'_, Self>) -> PyResult<CDataIterator> {
        let this = slf.get();
        let length = this.elements().ok_or_else(|| {
            PyTypeError::new_err(format!("cdata '{}' does not support iteration", this.ctype.get().text()))
        })?;
        Ok(CDataIterator::new(slf.clone().unbind(), length))
    }
}
