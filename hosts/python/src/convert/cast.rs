//! Casts, as C does them, and a few that it does not.

use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBytes, PyFloat, PyInt, PyString},
};

use super::{
    extended, file, from_c, integer, is_nonzero, text,
    to_c::{complex, long_double, write_float},
};
use crate::{
    cdata::CData,
    ctype::{CType, Form, Primitive},
    error::type_name,
};

/// `(ctype)value`.
pub(crate) fn cast(py: Python<'_>, ctype: &Py<CType>, value: &Bound<'_, PyAny>) -> PyResult<CData> {
    let of = ctype.get();
    if let Some(primitive) = of.primitive() {
        return CData::primitive(ctype.clone_ref(py), |at| self::primitive(ctype, primitive, at, value));
    }
    if !of.is_address() || of.size().is_none() {
        return Err(PyTypeError::new_err(format!("cannot cast to ctype '{}'", of.text())));
    }
    let address = match value.cast::<CData>() {
        Ok(cdata) if cdata.get().ctype.get().is_address() => cdata.get().address(),
        _ => {
            let file = of.pointee().map_or(Ok(None), |item| file(item.get(), value))?;
            match file {
                Some(file) => file,
                None => std::ptr::with_exposed_provenance_mut(integer::wrapped(value)? as usize),
            }
        }
    };
    Ok(CData::borrowed(ctype.clone_ref(py), address))
}

fn primitive(
    ctype: &Py<CType>,
    primitive: &Primitive,
    at: *mut u8,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let of = ctype.get();
    let cannot = |what: &str| PyTypeError::new_err(format!("cannot cast {what} to ctype '{}'", of.text()));
    if primitive.is_integral() {
        let word = integral(primitive, value, &cannot)?;
        let word = if primitive.form == Form::Bool { u64::from(word != 0) } else { word };
        integer::write(word, primitive.size, at);
        return Ok(());
    }
    // The value that C data stands for; only `long double` stays C data.
    let value = match value.cast::<CData>() {
        Ok(cdata) => {
            let given = cdata.get();
            if given.ctype.get().primitive().is_none() {
                return Err(cannot(&format!("cdata '{}'", given.ctype.get().text())));
            }
            from_c(value.py(), &given.ctype, given.data(), None)?
        }
        Err(_) => value.clone(),
    };
    if primitive.form == Form::LongDouble
        && let Ok(cdata) = value.cast::<CData>()
        && long_double(cdata.get())
    {
        // SAFETY: both are of the type, and the target is new.
        unsafe { std::ptr::copy_nonoverlapping(cdata.get().data(), at, primitive.size) };
        return Ok(());
    }
    let character = match (value.cast::<PyBytes>().map(|bytes| bytes.as_bytes()), value.cast::<PyString>()) {
        (Ok(&[byte]), _) => Some(u32::from(byte)),
        (Ok(bytes), _) => return Err(cannot(&format!("string of length {}", bytes.len()))),
        (_, Ok(string)) => {
            let length = string.len()?;
            Some(
                text::character(string)?
                    .ok_or_else(|| cannot(&format!("unicode string of length {length}")))?,
            )
        }
        _ => None,
    };
    match (primitive.form, character) {
        (Form::Complex, character) => {
            let (real, imaginary) = match character {
                Some(character) => (character.into(), 0.0),
                None => complex(&value)?,
            };
            let part = primitive.size / 2;
            write_float(real, part, at);
            write_float(imaginary, part, at.wrapping_add(part));
        }
        (form, character) => {
            let number = match character {
                Some(character) => character.into(),
                None => super::float(&value)?,
            };
            match form {
                Form::LongDouble => extended::write(number, at),
                _ => write_float(number, primitive.size, at),
            }
        }
    }
    Ok(())
}

/// The word that a cast to an integer gives; to `_Bool`, anything except zero for true.
fn integral(
    primitive: &Primitive,
    value: &Bound<'_, PyAny>,
    cannot: &dyn Fn(&str) -> PyErr,
) -> PyResult<u64> {
    if let Ok(cdata) = value.cast::<CData>() {
        let given = cdata.get();
        if given.ctype.get().is_address() {
            return Ok(given.address() as u64);
        }
        if let (Form::Bool, Some(of)) = (primitive.form, given.ctype.get().primitive())
            && of.form != Form::Complex
        {
            return Ok(is_nonzero(of, given.data()).into());
        }
    }
    if let Ok(string) = value.cast::<PyString>() {
        let length = string.len()?;
        let character = text::character(string)?;
        return character.map(u64::from).ok_or_else(|| cannot(&format!("unicode string of length {length}")));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return match bytes.as_bytes() {
            [byte] => Ok((*byte).into()),
            bytes => Err(cannot(&format!("string of length {}", bytes.len()))),
        };
    }
    if primitive.form == Form::Bool {
        if value.cast::<PyInt>().is_ok() {
            return value.is_truthy().map(u64::from);
        }
        if value.is_instance_of::<PyFloat>() {
            return Ok((value.extract::<f64>()? != 0.0).into());
        }
        if let Ok(method) = value.getattr("__float__") {
            return Ok((method.call0()?.extract::<f64>()? != 0.0).into());
        }
        if value.getattr("__int__").is_err() {
            return Err(PyTypeError::new_err(format!("integer/float expected, got '{}'", type_name(value))));
        }
    }
    integer::wrapped(value)
}
