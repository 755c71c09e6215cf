//! What stubs call. None of these raises an exception that is seen: where one of those that unbox cannot, the slow twin is
//! called, and does.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use pyo3::{exceptions::PyRuntimeError, ffi, prelude::*};

use crate::{
    call::errno,
    cdata::CData,
    convert,
    ctype::{CType, Form, Kind},
};

/// What a function returns that could not unbox.
pub(super) const MISSED: u64 = 0x8000_5052_494E_4701;

/// Before a call that releases the interpreter's lock.
pub(super) extern "C" fn release() -> *mut c_void {
    // SAFETY: stubs are entered with the interpreter attached.
    let state = unsafe { ffi::PyEval_SaveThread() };
    errno::enter();
    state.cast()
}

/// After it.
pub(super) extern "C" fn take(state: *mut c_void) {
    errno::leave();
    // SAFETY: the state is what `release` returned on this thread for this call.
    unsafe { ffi::PyEval_RestoreThread(state.cast()) }
}

/// Before a call that keeps the lock.
pub(super) extern "C" fn enter() -> *mut c_void {
    errno::enter();
    ptr::null_mut()
}

/// After it.
pub(super) extern "C" fn leave(_nothing: *mut c_void) {
    errno::leave();
}

/// The value of an integer as a `long long`.
pub(super) extern "C" fn signed(object: *mut ffi::PyObject) -> u64 {
    let mut overflow = 0;
    // SAFETY: stubs pass an object, with the interpreter attached.
    unsafe {
        if ffi::PyLong_Check(object) == 0 {
            return MISSED;
        }
        let value = ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow);
        if overflow == 0 { value as u64 } else { MISSED }
    }
}

/// The value of an integer as an `unsigned long long`.
pub(super) extern "C" fn unsigned(object: *mut ffi::PyObject) -> u64 {
    let mut overflow = 0;
    // SAFETY: stubs pass an object, with the interpreter attached.
    unsafe {
        if ffi::PyLong_Check(object) == 0 {
            return MISSED;
        }
        let value = ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow);
        if overflow == 0 && value >= 0 { value as u64 } else { MISSED }
    }
}

/// The value of a `bytes` of length 1, extended as `char` is.
pub(super) extern "C" fn character(object: *mut ffi::PyObject) -> u64 {
    // SAFETY: stubs pass an object, with the interpreter attached; the bytes of a `bytes` of length 1 are one, and a zero.
    unsafe {
        if ffi::PyBytes_Check(object) == 0 || ffi::PyBytes_Size(object) != 1 {
            return MISSED;
        }
        let byte = *ffi::PyBytes_AsString(object).cast::<u8>();
        if crate::engine().data_model().char_signed { byte as i8 as u64 } else { byte.into() }
    }
}

/// The address of C data that goes with a pointer type though it is not of that type.
pub(super) extern "C" fn pointer(object: *mut ffi::PyObject, ctype: *mut ffi::PyObject) -> u64 {
    // SAFETY: stubs are entered attached; the arguments are objects, and `ctype` is the type that the stub was made for,
    // which its function keeps.
    let (object, ctype) = unsafe {
        let py = Python::assume_attached();
        (
            Bound::from_borrowed_ptr(py, object),
            Bound::from_borrowed_ptr(py, ctype).cast_into_unchecked::<CType>(),
        )
    };
    let cdata = object.cast::<CData>().ok();
    cdata.and_then(|cdata| convert::address(ctype.as_unbound(), cdata.get())).map_or(MISSED, |at| at as u64)
}

/// Makes an object, or raises.
fn made(make: impl FnOnce(Python<'_>) -> PyResult<*mut ffi::PyObject>) -> *mut ffi::PyObject {
    // SAFETY: stubs are entered attached.
    let py = unsafe { Python::assume_attached() };
    let made = catch_unwind(AssertUnwindSafe(|| make(py)));
    let made = made.unwrap_or_else(|_| Err(PyRuntimeError::new_err("springboard: making a result panicked")));
    made.unwrap_or_else(|error| {
        error.restore(py);
        ptr::null_mut()
    })
}

/// The object of a result that is a word.
pub(super) extern "C" fn word(word: u64, ctype: *mut ffi::PyObject) -> *mut ffi::PyObject {
    made(|py| {
        // SAFETY: `ctype` is the type that the stub was made for, which its function keeps.
        let ctype = unsafe { Bound::from_borrowed_ptr(py, ctype).cast_into_unchecked::<CType>() };
        if let Kind::Pointer(_) | Kind::Function(_) = ctype.get().kind {
            let address = ptr::with_exposed_provenance_mut(word as usize);
            return Ok(Py::new(py, CData::borrowed(ctype.unbind(), address))?.into_ptr());
        }
        let size = ctype.get().size().unwrap_or(8);
        let mut bytes = word.to_ne_bytes();
        let unused = if cfg!(target_endian = "big") { 8 - size } else { 0 };
        debug_assert!(ctype.get().primitive().is_some_and(|primitive| primitive.form != Form::Float));
        let value = convert::from_c(py, ctype.as_unbound(), bytes[unused..].as_mut_ptr(), None)?;
        Ok(value.into_ptr())
    })
}

/// C data that owns a new structure.
pub(super) extern "C" fn structure(ctype: *mut ffi::PyObject) -> *mut ffi::PyObject {
    made(|py| {
        // SAFETY: `ctype` is the type that the stub was made for, which its function keeps; a `Py` is one pointer to an object (`repr(transparent)`), not dropped here.
        let ctype = unsafe { &*(&raw const ctype).cast::<Py<CType>>() };
        Ok(CData::returned(py, ctype)?.into_ptr())
    })
}
