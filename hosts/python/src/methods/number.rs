//! C data as numbers: conversion, comparison, and arithmetic of pointers.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    ffi,
    prelude::*,
    pyclass::CompareOp,
    types::{PyBool, PyInt},
};

use crate::{
    cdata::CData,
    convert,
    ctype::{Form, Kind, Primitive},
};

impl CData {
    fn has_no(&self, conversion: &str) -> PyErr {
        PyTypeError::new_err(format!("{conversion}() not supported on cdata '{}'", self.ctype.get().text()))
    }

    /// The Python value of a primitive type or enumeration.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.ctype.get().primitive() {
            Some(_) => convert::from_c(py, &self.ctype, self.data(), None).map(Some),
            None => Ok(None),
        }
    }

    fn moved(&self, py: Python<'_>, by: &Bound<'_, PyAny>, sign: isize) -> PyResult<Py<PyAny>> {
        let ctype = self.ctype.get();
        let by = match by.cast::<CData>() {
            Ok(_) => {
                return Err(PyTypeError::new_err(format!(
                    "cannot add a cdata '{}' and a cdata",
                    ctype.text()
                )));
            }
            Err(_) => convert::index(by)?,
        };
        let pointer = match &ctype.kind {
            Kind::Pointer(_) => &self.ctype,
            Kind::Array { decayed, .. } => decayed,
            _ => {
                return Err(PyTypeError::new_err(format!(
                    "cannot add a cdata '{}' and a number",
                    ctype.text()
                )));
            }
        };
        let size = self.step()?;
        let address = self.address().wrapping_offset(by.wrapping_mul(sign).wrapping_mul(size as isize));
        Ok(Py::new(py, CData::borrowed(pointer.clone_ref(py), address))?.into_any())
    }

    /// The distance between elements, in bytes.
    fn step(&self) -> PyResult<usize> {
        let ctype = self.ctype.get();
        let item = ctype.item().map(Py::get);
        match item {
            Some(item) if item.is_void() => Ok(1),
            Some(item) => item.size().ok_or_else(|| {
                PyTypeError::new_err(format!("ctype '{}' points to items of unknown size", ctype.text()))
            }),
            None => Ok(1),
        }
    }

    fn distance(&self, other: &CData) -> PyResult<isize> {
        let decayed = |cdata: &'_ CData| match &cdata.ctype.get().kind {
            Kind::Array { decayed, .. } => decayed.as_ptr(),
            _ => cdata.ctype.as_ptr(),
        };
        let are_pointers = self.ctype.get().item().is_some() && decayed(self) == decayed(other);
        let (true, Ok(size)) = (are_pointers, self.step()) else {
            let text = |cdata: &CData| match &cdata.ctype.get().kind {
                Kind::Array { decayed, .. } => decayed.get().text().to_owned(),
                _ => cdata.ctype.get().text().to_owned(),
            };
            return Err(PyTypeError::new_err(format!(
                "cannot subtract cdata '{}' and cdata '{}'",
                text(self),
                text(other)
            )));
        };
        let size = size.max(1) as isize;
        let bytes = (self.address() as isize).wrapping_sub(other.address() as isize);
        if bytes % size != 0 {
            return Err(PyValueError::new_err(
                "pointer subtraction: the distance between the two pointers is not a multiple of the item size",
            ));
        }
        Ok(bytes / size)
    }
}

#[pymethods]
impl CData {
    fn __bool__(&self) -> bool {
        let ctype = self.ctype.get();
        match ctype.primitive() {
            Some(primitive) => convert::is_nonzero(primitive, self.data()),
            None => !self.address().is_null(),
        }
    }

    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.ctype.get().primitive() {
            Some(primitive) if primitive.is_integral() => {
                let value = convert::read_integer(primitive, self.data());
                Ok(value.into_pyobject(py)?.into_any())
            }
            Some(Primitive { form: Form::LongDouble, .. }) => {
                let value = convert::long_double(self.data());
                value.into_pyobject(py)?.call_method0("__int__")
            }
            Some(Primitive { form: Form::Float, .. }) => {
                convert::from_c(py, &self.ctype, self.data(), None)?.call_method0("__int__")
            }
            _ => Err(self.has_no("int")),
        }
    }

    fn __float__(&self, py: Python<'_>) -> PyResult<f64> {
        match self.ctype.get().primitive() {
            Some(Primitive { form: Form::Float, .. }) => {
                convert::from_c(py, &self.ctype, self.data(), None)?.extract()
            }
            Some(Primitive { form: Form::LongDouble, .. }) => Ok(convert::long_double(self.data())),
            _ => Err(self.has_no("float")),
        }
    }

    fn __complex__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.ctype.get().primitive() {
            Some(Primitive { form: Form::Complex, .. }) => {
                convert::from_c(py, &self.ctype, self.data(), None)
            }
            _ => Err(self.has_no("complex")),
        }
    }

    fn __hash__(slf: &Bound<'_, Self>) -> PyResult<isize> {
        let this = slf.get();
        if let Some(primitive) = this.ctype.get().primitive()
            && primitive.form != Form::LongDouble
        {
            let value = convert::from_c(slf.py(), &this.ctype, this.data(), None)?;
            return value.hash();
        }
        let address = match this.ctype.get().primitive() {
            Some(_) => slf.as_ptr() as usize,
            None => this.address() as usize,
        };
        // Addresses are multiples of 16; -1 would mean an error.
        let hash = address.rotate_right(4) as isize;
        Ok(if hash == -1 { -2 } else { hash })
    }

    fn __richcmp__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>, how: CompareOp) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let value = |cdata: &CData| cdata.value(py);
        let other_data = other.cast::<CData>().ok();
        let answer = |answer: bool| Ok(PyBool::new(py, answer).to_owned().into_any().unbind());
        if let (None, Some(that)) = (this.ctype.get().primitive(), other_data)
            && that.get().ctype.get().primitive().is_none()
        {
            return answer(how.matches(this.address().cmp(&that.get().address())));
        }
        // At least one of them is a value, compared as Python compares it.
        let mine = match value(this)? {
            Some(value) => value,
            None => return Ok(py.NotImplemented()),
        };
        let theirs = match other_data {
            Some(that) => match value(that.get())? {
                Some(value) => value,
                None => return Ok(py.NotImplemented()),
            },
            None => other.clone(),
        };
        if mine.cast::<CData>().is_ok() {
            // Only `long double` is a value that stays C data.
            return match other_data {
                Some(that) if theirs.cast::<CData>().is_ok() => {
                    let (a, b) = (convert::long_double(this.data()), convert::long_double(that.get().data()));
                    answer(a.partial_cmp(&b).is_some_and(|ordering| how.matches(ordering)))
                }
                _ => {
                    let mine = convert::long_double(this.data()).into_pyobject(py)?;
                    Ok(mine.rich_compare(&theirs, how)?.unbind())
                }
            };
        }
        Ok(mine.rich_compare(&theirs, how)?.unbind())
    }

    fn __add__(slf: &Bound<'_, Self>, by: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        slf.get().moved(slf.py(), by, 1)
    }

    fn __radd__(slf: &Bound<'_, Self>, by: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        slf.get().moved(slf.py(), by, 1)
    }

    fn __sub__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        match other.cast::<CData>() {
            Ok(other) if other.get().ctype.get().primitive().is_none() => {
                let distance = slf.get().distance(other.get())?;
                // SAFETY: the interpreter is attached.
                let distance =
                    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromSsize_t(distance)) }?;
                Ok(distance.cast_into::<PyInt>()?.into_any().unbind())
            }
            _ => slf.get().moved(py, other, -1),
        }
    }
}
