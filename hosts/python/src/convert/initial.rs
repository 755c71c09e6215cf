//! Initial values: lists, dictionaries and strings for arrays and structures, and `ffi.new`.

use std::sync::Arc;

use pyo3::{
    exceptions::{PyIndexError, PyKeyError, PyOverflowError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString, PyTuple},
};

use super::{refused, text, to_bits, to_c, type_name};
use crate::{
    cdata::{Allocated, Block, CData, Own},
    ctype::{Body, CField, CType, Form, Kind},
};

/// The items of a list or tuple.
fn items<'py>(value: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    match (value.cast::<PyList>(), value.cast::<PyTuple>()) {
        (Ok(list), _) => Some(list.iter().collect()),
        (_, Ok(tuple)) => Some(tuple.iter().collect()),
        _ => None,
    }
}

/// Fills an array of `ctype` at `at`.
pub(crate) fn array(ctype: &Py<CType>, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
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
    // SAFETY: as above, in units.
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
    // SAFETY: the caller's promise; `bytes` has at most `length` units.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
        if length.is_none_or(|length| bytes.len() < length * size) {
            std::ptr::write_bytes(at.add(bytes.len()), 0, size);
        }
    }
}

/// Fills a structure or union of `ctype` at `at` from a list, tuple or dictionary.
pub(crate) fn aggregate(ctype: &Py<CType>, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
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

fn body(of: &CType) -> PyResult<&Body> {
    of.members().ok_or_else(|| PyTypeError::new_err(format!("'{}' is opaque", of.text())))
}

/// Calls `give` with each member that `value` gives a value for.
fn each<'py>(
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
fn new_length<'py>(
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
            if let Ok(cdata) = value.cast::<CData>()
                && let (Kind::Array { item: of, .. }, Some(length)) =
                    (&cdata.get().ctype.get().kind, cdata.get().elements())
                && of.is(item)
            {
                return Ok((length, Some(value.clone())));
            }
            let length = super::index(value).map_err(|error| {
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

/// Bytes that a structure takes which ends in an array without a length, with what `value` gives for that.
fn extent(of: &CType, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let body = body(of)?;
    let mut extent = body.size;
    each(of, body, value, "list or tuple or dict", |field, value| {
        let end = match &field.ctype.get().kind {
            Kind::Array { length: None, item, .. } => {
                let (length, _) = new_length(item, value)?;
                length.checked_mul(item.get().size().unwrap_or(1))
            }
            Kind::Aggregate(inner) if inner.body.get().is_some_and(|body| body.flexible) => {
                match value.cast::<CData>() {
                    Ok(_) => Some(0),
                    Err(_) => Some(self::extent(field.ctype.get(), value)?),
                }
            }
            _ => Some(0),
        };
        let end =
            end.and_then(|bytes| bytes.checked_add(field.offset)).filter(|end| *end <= isize::MAX as usize);
        let end = end.ok_or_else(|| PyOverflowError::new_err("array size would overflow a Py_ssize_t"))?;
        extent = extent.max(end);
        Ok(())
    })?;
    Ok(extent)
}

/// How `new` gets its memory.
pub(crate) enum Memory<'a, 'py> {
    /// From here, all zero.
    Ours,
    /// From a function of the program.
    Theirs { allocate: &'a Bound<'py, PyAny>, free: Option<&'a Py<PyAny>>, clear: bool },
}

/// Makes what `ffi.new` does.
pub(crate) fn new<'py>(
    py: Python<'py>,
    ctype: &Py<CType>,
    initial: Option<&Bound<'py, PyAny>>,
    memory: &Memory<'_, 'py>,
) -> PyResult<Bound<'py, CData>> {
    let of = ctype.get();
    let initial = initial.filter(|initial| !initial.is_none());
    let (object, bytes, length, initial) = match &of.kind {
        Kind::Pointer(item) => {
            let inner = item.get();
            if let Some(aggregate) = inner.aggregate() {
                aggregate.check_whole(inner.text())?;
            }
            let size = inner.size().ok_or_else(|| {
                PyTypeError::new_err(format!("cannot instantiate ctype '{}' of unknown size", inner.text()))
            })?;
            let flexible = inner.members().is_some_and(|body| body.flexible) && inner.aggregate().is_some();
            let extent = match initial {
                Some(initial) if flexible && initial.cast::<CData>().is_err() => {
                    Some(extent(inner, initial)?)
                }
                _ => flexible.then_some(size),
            };
            // One more character than there is: a zero.
            let character = inner.primitive().is_some_and(|primitive| primitive.is_character());
            let bytes = extent.unwrap_or(if character { size * 2 } else { size });
            (item, bytes, extent, initial.cloned())
        }
        Kind::Array { item, length: Some(length), .. } => {
            (ctype, item.get().size().unwrap_or(0) * length, None, initial.cloned())
        }
        Kind::Array { item, .. } => {
            let none = py.None().into_bound(py);
            let (length, initial) = new_length(item, initial.unwrap_or(&none))?;
            let size = item.get().size().unwrap_or(0);
            let bytes = size.checked_mul(length).filter(|bytes| *bytes <= isize::MAX as usize);
            let bytes =
                bytes.ok_or_else(|| PyOverflowError::new_err("array size would overflow a Py_ssize_t"))?;
            (ctype, bytes, Some(length), initial)
        }
        _ => {
            return Err(PyTypeError::new_err(format!(
                "expected a pointer or array ctype, got '{}'",
                of.text()
            )));
        }
    };
    let (address, own) = match memory {
        Memory::Ours => {
            let block = Block::zeroed(bytes, object.get().align().unwrap_or(1))?;
            (block.start(), Own::Memory(Arc::new(block)))
        }
        Memory::Theirs { allocate, free, clear } => {
            let raw = allocated(&allocate.call1((bytes,))?)?;
            let address = raw.get().address();
            if *clear {
                // SAFETY: the program's function gave memory of this size.
                unsafe { std::ptr::write_bytes(address, 0, bytes) };
            }
            let free = free.map(|free| free.clone_ref(py));
            (address, Own::Allocated(Arc::new(Allocated { raw, free })))
        }
    };
    let made = CData::owning(ctype.clone_ref(py), address, length, own);
    let made = Bound::new(py, made)?;
    if let Some(initial) = initial {
        to_c(object, address, &initial)?;
    }
    Ok(made)
}

/// The memory that a function of the program allocated.
fn allocated(raw: &Bound<'_, PyAny>) -> PyResult<Py<CData>> {
    let Ok(cdata) = raw.cast::<CData>() else {
        return Err(PyTypeError::new_err(format!(
            "alloc() must return a cdata object (got {})",
            type_name(raw)
        )));
    };
    let this = cdata.get();
    let ctype = this.ctype.get();
    if !matches!(ctype.kind, Kind::Pointer(_) | Kind::Array { .. }) {
        return Err(PyTypeError::new_err(format!(
            "alloc() must return a cdata pointer, not '{}'",
            ctype.text()
        )));
    }
    if this.address().is_null() {
        return Err(pyo3::exceptions::PyMemoryError::new_err("alloc() returned NULL"));
    }
    Ok(cdata.clone().unbind())
}

/// Bytes that an argument takes which is given as the initial value of an array. `None` where it is no such value.
pub(crate) fn pointer_bytes(item: &CType, value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let Some(size) = item.size().filter(|size| *size > 0) else { return Ok(None) };
    let length = if let Ok(list) = value.cast::<PyList>() {
        list.len()
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        tuple.len()
    } else if let Ok(string) = value.cast::<PyString>() {
        let unit = if size == 2 { 2 } else { 4 };
        text::encode(string, unit)?.len() / unit + 1
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        bytes.as_bytes().len() + 1
    } else {
        return Ok(None);
    };
    let bytes = length.checked_mul(size).filter(|bytes| *bytes <= isize::MAX as usize);
    let bytes = bytes.ok_or_else(|| PyOverflowError::new_err("array size would overflow a Py_ssize_t"))?;
    Ok(Some(bytes.max(1)))
}
