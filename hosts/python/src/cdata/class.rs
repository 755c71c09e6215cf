//! What CPython calls for C data past pyo3: the call of an object (PEP 590), and its end. Both are fields of the class,
//! which are set where its head is found to be laid out as this crate knows it.

use std::ffi::c_ulong;

use pyo3::{ffi, prelude::*, types::PyType};

use super::{
    CData, returned,
    vectorcall::{Entry, Vectorcall},
};

/// The fields at the start of `PyTypeObject`, which have been the same since CPython 3.8.
#[repr(C)]
struct TypeHead {
    object: [usize; 3],
    name: usize,
    basic_size: isize,
    item_size: isize,
    dealloc: ffi::destructor,
    vectorcall_offset: isize,
    between: [usize; 12],
    buffer: usize,
    flags: c_ulong,
}

/// `Py_TPFLAGS_HAVE_VECTORCALL`.
const HAVE_VECTORCALL: c_ulong = 1 << 11;

fn head(class: &Bound<'_, PyType>) -> *mut TypeHead {
    class.as_ptr().cast()
}

/// Whether the head of a class says what Python says of the class.
fn agrees(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let flags: c_ulong = class.getattr("__flags__")?.extract()?;
    let basic_size: isize = class.getattr("__basicsize__")?.extract()?;
    let item_size: isize = class.getattr("__itemsize__")?.extract()?;
    // SAFETY: a type object is larger than this head.
    let head = unsafe { &*head(class) };
    Ok((head.flags, head.basic_size, head.item_size) == (flags, basic_size, item_size))
}

/// Has CPython call C data by vectorcall, first of all `slow`, and hand the ends of objects to [`returned`]. Returns
/// whether it does: where type objects are not laid out as they are known, `tp_call` serves, and stubs are not entered.
pub(crate) fn enable(py: Python<'_>, slow: Entry) -> PyResult<bool> {
    Vectorcall::set_slow(slow);
    let class = py.get_type::<CData>();
    let probe = Bound::new(py, CData::borrowed(crate::ctype::void(py), std::ptr::null_mut()))?;
    let from_start = |field: *const u8| field as isize - probe.as_ptr() as isize;
    let offset = from_start((&raw const probe.get().vectorcall).cast());
    let builtin = py.import("builtins")?.getattr("len")?.get_type();
    // The class of built-in functions is called by vectorcall, and says at which offset.
    // SAFETY: a type object is larger than this head.
    let (flags, known) = unsafe { ((*head(&builtin)).flags, (*head(&builtin)).vectorcall_offset) };
    let size = |class: &Bound<'_, PyType>| class.getattr("__basicsize__")?.extract::<isize>();
    let plausible = flags & HAVE_VECTORCALL != 0 && (1..size(&builtin)?).contains(&known);
    if !(plausible && (1..size(&class)?).contains(&offset) && agrees(&class)? && agrees(&builtin)?) {
        return Ok(false);
    }
    let head = head(&class);
    // SAFETY: the class is new and ours, its objects have the pointer at this offset, and no other thread runs Python.
    unsafe {
        (*head).vectorcall_offset = offset;
        (*head).flags |= HAVE_VECTORCALL;
    }
    // SAFETY: an object begins with its reference count where this one does: there is one reference to the probe.
    if unsafe { probe.as_ptr().cast::<usize>().read() } == 1 {
        let contents = from_start(std::ptr::from_ref(probe.get()).cast());
        let weak = class.getattr("__weakrefoffset__")?.extract()?;
        // SAFETY: the class is new and ours, and no other thread runs Python; its own function is called for what the other does not keep.
        unsafe { (*head).dealloc = returned::instead_of((*head).dealloc, contents, weak) };
    }
    Ok(true)
}
