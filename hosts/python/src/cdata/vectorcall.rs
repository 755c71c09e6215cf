//! The pointer by which CPython calls C data.

use std::{
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use pyo3::ffi;

/// What CPython calls: callee, arguments, their number, names of keywords.
pub(crate) type Entry = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// What new objects are entered by: the slow twin, which the module for calls gives when it is made ready. CPython takes null
/// for an object that is called by `__call__`.
static SLOW: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// The pointer that CPython calls (PEP 590).
#[repr(transparent)]
pub(crate) struct Vectorcall(AtomicPtr<c_void>);

impl Vectorcall {
    /// The one that serves every call.
    pub(super) fn slow() -> Vectorcall {
        Vectorcall(AtomicPtr::new(SLOW.load(Ordering::Relaxed)))
    }

    /// What serves every call, of objects that are made from now on.
    pub(crate) fn set_slow(entry: Entry) {
        SLOW.store(entry as *mut c_void, Ordering::Relaxed);
    }

    /// Another one, from now on.
    pub(crate) fn set(&self, stub: *const c_void) {
        self.0.store(stub.cast_mut(), Ordering::Release);
    }
}
