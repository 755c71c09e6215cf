//! Handles: addresses that stand for Python objects.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
};

use pyo3::{
    exceptions::{PyRuntimeError, PyTypeError},
    prelude::*,
};

use crate::{
    cdata::{CData, Own},
    ctype::{CType, Kind},
};

/// The objects that are handles now, by address.
static ALIVE: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

fn alive() -> MutexGuard<'static, Option<HashSet<usize>>> {
    ALIVE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The mark of a handle that lives. Its end takes it from the list.
pub(crate) struct Handle {
    pub(crate) object: Py<PyAny>,
    address: usize,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(alive) = &mut *alive() {
            alive.remove(&self.address);
        }
    }
}

/// A handle for an object. Its address is its own: two handles of one object differ.
pub(crate) fn new(py: Python<'_>, pointer: Py<CType>, object: Py<PyAny>) -> PyResult<Py<CData>> {
    // The address of memory that nobody else has for as long as the handle lives.
    let mut handle = Box::new(Handle { object, address: 0 });
    let address = &raw mut *handle as usize;
    handle.address = address;
    alive().get_or_insert_default().insert(address);
    let start = std::ptr::with_exposed_provenance_mut((&raw mut *handle).expose_provenance());
    Py::new(py, CData::owning(pointer, start, None, Own::Handle(handle)))
}

/// The object that a handle stands for.
pub(crate) fn object(py: Python<'_>, cdata: &CData) -> PyResult<Py<PyAny>> {
    let ctype = cdata.ctype.get();
    let item = match &ctype.kind {
        Kind::Pointer(item) => item.get(),
        _ => {
            return Err(PyTypeError::new_err(format!(
                "expected a 'cdata' object with a 'void *' out of new_handle(), got '{}'",
                ctype.text()
            )));
        }
    };
    if !(item.is_void() || item.primitive().is_some_and(|primitive| primitive.is_byte())) {
        return Err(PyTypeError::new_err(format!(
            "expected a 'cdata' object with a 'void *' out of new_handle(), got '{}'",
            ctype.text()
        )));
    }
    let address = cdata.address();
    if address.is_null() {
        return Err(PyRuntimeError::new_err("cannot use from_handle() on NULL pointer"));
    }
    let is_alive = alive().as_ref().is_some_and(|alive| alive.contains(&(address as usize)));
    if !is_alive {
        return Err(PyRuntimeError::new_err(
            "'void *' value does not correspond to any object that is still alive",
        ));
    }
    // SAFETY: the address is in the list of those that live, so it is that of a `Handle`, which goes with the
    // interpreter attached only, as this thread is.
    let handle = unsafe { &*std::ptr::with_exposed_provenance::<Handle>(address as usize) };
    Ok(handle.object.clone_ref(py))
}
