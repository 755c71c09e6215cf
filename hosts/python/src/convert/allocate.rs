//! `ffi.new`.

use pyo3::{
    exceptions::{PyMemoryError, PyOverflowError, PyTypeError},
    prelude::*,
    types::{PyBytes, PyList, PyString, PyTuple},
};

use super::{
    text, to_c,
    to_c::initial::{body, each, new_length},
};
use crate::{
    cdata::{Block, CData, Contents, Own},
    ctype::{CType, Kind},
    error::type_name,
};

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
    /// From here.
    Ours(Contents),
    /// From a function of the program.
    Theirs { allocate: &'a Bound<'py, PyAny>, free: Option<&'a Py<PyAny>>, contents: Contents },
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
        Memory::Ours(contents) => {
            let block = Block::new(bytes, object.get().align().unwrap_or(1), *contents)?;
            (block.start(), Own::Memory(block))
        }
        Memory::Theirs { allocate, free, contents } => {
            let raw = allocated(&allocate.call1((bytes,))?)?;
            let address = raw.get().address();
            if *contents == Contents::Zero {
                // SAFETY: the program's function gave memory of this size.
                unsafe { std::ptr::write_bytes(address, 0, bytes) };
            }
            (address, Own::Allocated { raw, free: free.map(|free| free.clone_ref(py)) })
        }
    };
    let own = match object.get().aggregate() {
        Some(_) => Own::Structure(Py::new(py, CData::owning(object.clone_ref(py), address, length, own))?),
        None => own,
    };
    let made = Bound::new(py, CData::owning(ctype.clone_ref(py), address, length, own))?;
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
        return Err(PyMemoryError::new_err("alloc() returned NULL"));
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
