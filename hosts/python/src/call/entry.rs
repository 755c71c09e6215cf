//! How CPython enters calls of C data: by vectorcall, whose pointer lies in each object.

use std::{
    ffi::c_ulong,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use pyo3::{exceptions::PyRuntimeError, ffi, prelude::*};

use crate::cdata::{CData, Vectorcall};

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
            let count = count & (usize::MAX >> 1);
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

/// The fields at the start of `PyTypeObject`, which have been the same since CPython 3.8.
#[repr(C)]
struct TypeHead {
    object: [usize; 3],
    name: usize,
    basic_size: isize,
    item_size: isize,
    dealloc: usize,
    vectorcall_offset: isize,
    between: [usize; 12],
    buffer: usize,
    flags: c_ulong,
}

/// `Py_TPFLAGS_HAVE_VECTORCALL`.
const HAVE_VECTORCALL: c_ulong = 1 << 11;

/// Has CPython call C data by vectorcall, where its type objects are found to be laid out as this crate knows them.
/// Elsewhere `tp_call` serves, and stubs are not entered. Whether it does.
pub(crate) fn enable(py: Python<'_>) -> PyResult<bool> {
    Vectorcall::set_slow(slow);
    let class = py.get_type::<CData>();
    let probe = Bound::new(py, CData::borrowed(crate::ctype::void(py), ptr::null_mut()))?;
    let offset = (&raw const probe.get().vectorcall) as isize - probe.as_ptr() as isize;
    let builtin = py.import("builtins")?.getattr("len")?.get_type();
    let head = |class: &Bound<'_, pyo3::types::PyType>| class.as_ptr().cast::<TypeHead>();
    let agrees = |class: &Bound<'_, pyo3::types::PyType>| -> PyResult<bool> {
        let flags: c_ulong = class.getattr("__flags__")?.extract()?;
        let basic_size: isize = class.getattr("__basicsize__")?.extract()?;
        let item_size: isize = class.getattr("__itemsize__")?.extract()?;
        // SAFETY: a type object is larger than this head.
        let head = unsafe { &*head(class) };
        Ok((head.flags, head.basic_size, head.item_size) == (flags, basic_size, item_size))
    };
    // The class of built-in functions is called by vectorcall, and says at which offset.
    // SAFETY: as above.
    let (flags, known) = unsafe { ((*head(&builtin)).flags, (*head(&builtin)).vectorcall_offset) };
    let builtin_size: isize = builtin.getattr("__basicsize__")?.extract()?;
    let size: isize = class.getattr("__basicsize__")?.extract()?;
    let plausible =
        flags & HAVE_VECTORCALL != 0 && known > 0 && known < builtin_size && offset > 0 && offset < size;
    if !(plausible && agrees(&class)? && agrees(&builtin)?) {
        return Ok(false);
    }
    // SAFETY: the class is new and ours; its objects have the pointer at this offset, and no other thread runs Python.
    unsafe {
        let head = head(&class);
        (*head).vectorcall_offset = offset;
        (*head).flags |= HAVE_VECTORCALL;
    }
    Ok(true)
}
