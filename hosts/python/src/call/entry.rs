//! How CPython enters calls of C data: by vectorcall, whose pointer lies in each object.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use pyo3::{exceptions::PyRuntimeError, ffi, prelude::*};

use crate::cdata::CData;

/// The slow twin as CPython and stubs enter it.
///
/// # Safety
/// As vectorcall: attached, `callee` is C data, and `arguments` has as many objects as `count` says without its topmost
/// bit, and those of `names`.
pub(crate) unsafe extern "C" fn slow(
    callee: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: this function's own promise.
    unsafe { enter(callee, arguments, count & (usize::MAX >> 1), names) }
}

/// The slow twin as the stub of a built-in function enters it.
///
/// # Safety
/// As for [`slow`]; `count` is the number of arguments.
pub(super) unsafe extern "C" fn slow_builtin(
    callee: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: isize,
) -> *mut ffi::PyObject {
    // SAFETY: this function's own promise.
    unsafe { enter(callee, arguments, count as usize, ptr::null_mut()) }
}

/// # Safety
/// As for [`slow`]; `count` is the number of arguments.
unsafe fn enter(
    callee: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    Python::attach(|py| {
        let call = || {
            // What a stub tried before may have failed: its exception is not the call's.
            if let Some(_tried) = PyErr::take(py) {}
            // SAFETY: CPython lends references for as long as the call runs.
            let callee = unsafe { Bound::from_borrowed_ptr(py, callee).cast_into_unchecked::<CData>() };
            // SAFETY: `names` is null or a tuple.
            if !names.is_null() && unsafe { ffi::PyTuple_Size(names) } > 0 {
                return Err(super::no_keywords());
            }
            let arguments: &[Bound<'_, PyAny>] = match count {
                0 => &[],
                // SAFETY: CPython lends this many objects; a `Bound` is one pointer to an object (`repr(transparent)`), and
                // none of these is dropped.
                _ => unsafe { slice::from_raw_parts(arguments.cast(), count) },
            };
            super::slow(&callee, arguments)
        };
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(result)) => result.into_ptr(),
            Ok(Err(error)) => {
                error.restore(py);
                ptr::null_mut()
            }
            Err(_) => {
                PyRuntimeError::new_err("springboard: a call of a C function panicked").restore(py);
                ptr::null_mut()
            }
        }
    })
}
