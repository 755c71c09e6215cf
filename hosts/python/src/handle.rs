//! Handles: addresses that stand for Python objects.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
};

use pyo3::prelude::*;

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

impl Handle {
    /// A handle for an object. Its address is its own: two handles of one object differ.
    pub(crate) fn new(object: Py<PyAny>) -> Box<Handle> {
        // The address of memory that nobody else has for as long as the handle lives.
        let mut handle = Box::new(Handle { object, address: 0 });
        handle.address = (&raw mut *handle).expose_provenance();
        alive().get_or_insert_default().insert(handle.address);
        handle
    }

    /// The address that stands for the object.
    pub(crate) fn address(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.address)
    }

    /// The object that an address stands for. `None` where no handle that lives has it.
    pub(crate) fn object_at(py: Python<'_>, address: *const u8) -> Option<Py<PyAny>> {
        let address = address.addr();
        let is_alive = alive().as_ref().is_some_and(|alive| alive.contains(&address));
        if !is_alive {
            return None;
        }
        // SAFETY: the address is in the list of those that live, so it is that of a `Handle`, which goes with the
        // interpreter attached only, as this thread is.
        let handle = unsafe { &*std::ptr::with_exposed_provenance::<Handle>(address) };
        Some(handle.object.clone_ref(py))
    }
}
