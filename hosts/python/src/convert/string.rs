//! `ffi.string` and `ffi.unpack`.

use pyo3::{
    exceptions::{PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyList, PyString},
};

use super::{from_c, integer, read_integer, text::decode};
use crate::{
    cdata::CData,
    ctype::{Form, Kind, Primitive},
};

/// The primitive type of characters that a string can be made of.
fn of_string(item: &Kind) -> Option<&Primitive> {
    match item {
        Kind::Primitive(primitive)
            if primitive.form != Form::Bool && (primitive.is_byte() || primitive.is_character()) =>
        {
            Some(primitive)
        }
        _ => None,
    }
}

/// `ffi.string`.
pub(crate) fn string<'py>(cdata: &Bound<'py, CData>, limit: Option<usize>) -> PyResult<Bound<'py, PyAny>> {
    let py = cdata.py();
    let this = cdata.get();
    let ctype = this.ctype.get();
    match &ctype.kind {
        Kind::Enum(enumeration) => {
            let value = read_integer(&enumeration.underlying, this.data());
            let name = enumeration.named(value).map_or_else(|| value.to_string(), String::from);
            return Ok(PyString::new(py, &name).into_any());
        }
        Kind::Primitive(primitive) if of_string(&ctype.kind).is_some() => {
            return match primitive.is_character() {
                true => from_c(py, &this.ctype, this.data(), None),
                false => Ok(PyBytes::new(py, &[read_integer(primitive, this.data()) as u8]).into_any()),
            };
        }
        _ => {}
    }
    let unsupported = || PyTypeError::new_err(format!("string(): unexpected cdata type '{}'", ctype.text()));
    let item = ctype.item().ok_or_else(unsupported)?;
    let primitive = of_string(&item.get().kind).ok_or_else(unsupported)?;
    if this.address().is_null() {
        return Err(PyRuntimeError::new_err(format!("cannot use string() on {}", cdata.repr()?)));
    }
    let limit = limit.or(this.elements());
    let unit = primitive.size;
    let mut length = 0;
    // An array of signed or unsigned bytes is one of bytes.
    while limit.is_none_or(|limit| length < limit)
        && integer::read(primitive, this.address().wrapping_add(length * unit)) != 0
    {
        length += 1;
    }
    units(py, this, length, unit)
}

/// `length` units as a string or as bytes.
fn units<'py>(py: Python<'py>, cdata: &CData, length: usize, unit: usize) -> PyResult<Bound<'py, PyAny>> {
    let bytes = match length {
        0 => &[],
        // SAFETY: the program says that the memory has that many units, or they have just been read.
        _ => unsafe { std::slice::from_raw_parts(cdata.address().cast_const(), length * unit) },
    };
    match unit {
        1 => Ok(PyBytes::new(py, bytes).into_any()),
        _ => decode(py, bytes, unit),
    }
}

/// `ffi.unpack`.
pub(crate) fn unpack<'py>(cdata: &Bound<'py, CData>, length: isize) -> PyResult<Bound<'py, PyAny>> {
    let py = cdata.py();
    let this = cdata.get();
    let ctype = this.ctype.get();
    let item = ctype.item().ok_or_else(|| {
        PyTypeError::new_err(format!("expected a pointer or array cdata, got '{}'", ctype.text()))
    })?;
    let length = usize::try_from(length).map_err(|_| PyValueError::new_err("'length' cannot be negative"))?;
    if this.address().is_null() {
        return Err(PyRuntimeError::new_err(format!("cannot use unpack() on {}", cdata.repr()?)));
    }
    let size = item.get().size().ok_or_else(|| {
        PyValueError::new_err(format!("'{}' points to items of unknown size", ctype.text()))
    })?;
    if let Kind::Primitive(primitive) = &item.get().kind
        && primitive.is_character()
    {
        return units(py, this, length, size);
    }
    let list = PyList::empty(py);
    for index in 0..length {
        list.append(from_c(py, item, this.address().wrapping_add(index * size), None)?)?;
    }
    Ok(list.into_any())
}
