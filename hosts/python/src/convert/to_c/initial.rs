//! Initial values: lists, dictionaries and strings for arrays and structures.

use pyo3::{
    exceptions::{PyIndexError, PyKeyError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString, PyTuple},
};

use super::{refused, to_bits, to_c};
use crate::{
    cdata::CData,
    convert::{integer, text},
    ctype::{Body, CField, CType, Form, Kind},
    error::type_name,
};

/// The items of a list or tuple.
pub(in crate::convert) fn items<'py>(value: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    match (value.cast::<PyList>(), value.cast::<PyTuple>()) {
        (Ok(list), _) => Some(list.iter().collect()),
        (_, Ok(tuple)) => Some(tuple.iter().collect()),
        _ => None,
    }
}

/// Fills an array of `ctype` at `at`.
pub(super) fn array(ctype: &Py<CType>, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let of = ctype.get();
    let Kind::Array { item, length, .. } = &of.kind else { return Err(refused(value, of, "array")) };
    if let Ok(cdata) = value.cast::<CData>() {
        let cdata = cdata.get();
        if let (true, Some(size)) = (cdata.ctype.is(ctype), cdata.size()) {
            // SAFETY: both are of the type; an array of open length was allocated for as many elements as this one has.
            unsafe { std::ptr::copy(cdata.address(), at, size) };
            return Ok(());
        }
    }
    fill(of, item, *length, at, value)
}

/// Fills `length` elements, or as many as there are values, from a list, tuple or string. `of` is for messages.
pub(crate) fn fill(
    of: &CType,
    item: &Py<CType>,
    length: Option<usize>,
    at: *mut u8,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let too_many = |what: &str, given: usize, unit: &str| {
        PyIndexError::new_err(format!("{what} for '{}' (got {given}{unit})", of.text()))
    };
    let size = item.get().size().unwrap_or(0);
    if let Ok(list) = value.cast::<PyList>() {
        if length.is_some_and(|length| list.len() > length) {
            return Err(too_many("too many initializers", list.len(), ""));
        }
        return list
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| to_c(item, at.wrapping_add(index * size), &value));
    }
    if let Some(values) = items(value) {
        if length.is_some_and(|length| values.len() > length) {
            return Err(too_many("too many initializers", values.len(), ""));
        }
        return values
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| to_c(item, at.wrapping_add(index * size), value));
    }
    let primitive = match &item.get().kind {
        Kind::Primitive(primitive) if primitive.is_byte() || primitive.is_character() => primitive,
        _ => return Err(refused(value, of, "list or tuple")),
    };
    if primitive.size == 1 {
        let Ok(bytes) = value.cast::<PyBytes>() else {
            return Err(refused(value, of, "bytes or list or tuple"));
        };
        let bytes = bytes.as_bytes();
        if length.is_some_and(|length| bytes.len() > length) {
            return Err(too_many("initializer bytes is too long", bytes.len(), " characters"));
        }
        if primitive.form == Form::Bool {
            check_booleans(bytes)?;
        }
        // SAFETY: there is room for `length` bytes; where that is not given, for one more than there are.
        unsafe { copy_with_zero(bytes, length, 1, at) };
        return Ok(());
    }
    let Ok(string) = value.cast::<PyString>() else {
        return Err(refused(value, of, "unicode or list or tuple"));
    };
    let units = text::encode(string, primitive.size)?;
    let count = units.len() / primitive.size;
    if length.is_some_and(|length| count > length) {
        return Err(too_many("initializer unicode is too long", count, " characters"));
    }
    // SAFETY: there is room for `length` units; where that is not given, for one more than there are.
    unsafe { copy_with_zero(&units, length, primitive.size, at) };
    Ok(())
}

pub(crate) fn check_booleans(bytes: &[u8]) -> PyResult<()> {
    match bytes.iter().any(|byte| *byte > 1) {
        true => Err(PyValueError::new_err("an array of _Bool can only contain \\x00 or \\x01")),
        false => Ok(()),
    }
}

/// Copies units, and a zero after them where there is room.
///
/// # Safety
/// `at` can be written for `length` units of `size` bytes; where that is not given, for one more than `bytes` has.
unsafe fn copy_with_zero(bytes: &[u8], length: Option<usize>, size: usize, at: *mut u8) {
    // SAFETY: the caller says that so much can be written at `at`; `bytes` has at most `length` units.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
        if length.is_none_or(|length| bytes.len() < length * size) {
            std::ptr::write_bytes(at.add(bytes.len()), 0, size);
        }
    }
}

/// Fills a structure or union of `ctype` at `at` from a list, tuple or dictionary.
pub(super) fn aggregate(ctype: &Py<CType>, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let of = ctype.get();
    let body = body(of)?;
    each(of, body, value, "list or tuple or dict or struct-cdata", |field, value| {
        let at = at.wrapping_add(field.offset);
        if let Kind::Array { length: None, item, .. } = &field.ctype.get().kind {
            let (_, value) = new_length(item, value)?;
            return match value {
                Some(value) => array(&field.ctype, at, &value),
                None => Ok(()),
            };
        }
        match field.bitshift >= 0 {
            true => to_bits(field, at, value),
            false => to_c(&field.ctype, at, value),
        }
    })
}

pub(in crate::convert) fn body(of: &CType) -> PyResult<&Body> {
    of.members().ok_or_else(|| PyTypeError::new_err(format!("'{}' is opaque", of.text())))
}

/// Calls `give` with each member that `value` gives a value for.
pub(in crate::convert) fn each<'py>(
    of: &CType,
    body: &Body,
    value: &Bound<'py, PyAny>,
    expected: &str,
    mut give: impl FnMut(&CField, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    if let Some(values) = items(value) {
        let mut fields = body.initialised();
        for value in &values {
            let field = fields.next().ok_or_else(|| {
                PyValueError::new_err(format!(
                    "too many initializers for '{}' (got {})",
                    of.text(),
                    values.len()
                ))
            })?;
            give(field, value)?;
        }
        return Ok(());
    }
    if let Ok(dictionary) = value.cast::<PyDict>() {
        for (name, value) in dictionary {
            let field = name.cast::<PyString>().ok().and_then(|name| body.member(text::utf8(name).ok()?));
            give(field.ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))?, &value)?;
        }
        return Ok(());
    }
    Err(refused(value, of, expected))
}

/// The length of an array that is made from a value, and the value, unless it is the length itself.
pub(in crate::convert) fn new_length<'py>(
    item: &Py<CType>,
    value: &Bound<'py, PyAny>,
) -> PyResult<(usize, Option<Bound<'py, PyAny>>)> {
    let length = match (value.cast::<PyBytes>(), value.cast::<PyString>()) {
        _ if items(value).is_some() => value.len()?,
        (Ok(bytes), _) => bytes.as_bytes().len() + 1,
        (_, Ok(string)) => {
            let size = item.get().size().unwrap_or(4);
            let unit = if size == 2 { 2 } else { 4 };
            text::encode(string, unit)?.len() / unit + 1
        }
        _ => {
            let length = integer::index(value).map_err(|error| {
                match error.is_instance_of::<PyTypeError>(value.py()) {
                    true => PyTypeError::new_err(format!(
                        "expected new array length or list/tuple/str, not {}",
                        type_name(value)
                    )),
                    false => error,
                }
            })?;
            let length =
                usize::try_from(length).map_err(|_| PyValueError::new_err("negative array length"))?;
            return Ok((length, None));
        }
    };
    Ok((length, Some(value.clone())))
}
