//! Structures that calls return. Each is C data with memory of its own; when the program is done with one, the next call
//! has it, so that calls of functions with small structures allocate nothing.

use std::{
    cell::UnsafeCell,
    sync::atomic::{AtomicIsize, AtomicPtr, Ordering},
};

use pyo3::{ffi, prelude::*};

use super::{Block, CData, Contents, Own};
use crate::ctype::CType;

/// Bytes up to which the memory of a structure is used again. All such memory has this size.
const ROOM: usize = 64;
/// How many objects wait.
const KEPT: usize = 64;

/// Objects that nobody refers to. Their field `ctype` is not a reference that they own.
struct Waiting(UnsafeCell<(usize, [*mut ffi::PyObject; KEPT])>);

// SAFETY: only `take` and `keep` touch the objects, with the interpreter attached, whose lock lets one thread in at a
// time.
unsafe impl Sync for Waiting {}

static WAITING: Waiting = Waiting(UnsafeCell::new((0, [std::ptr::null_mut(); KEPT])));

/// What the class did at the end of an object; null where it still does.
static OTHERWISE: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
/// Where in the object its C data lies, in bytes.
static CONTENTS: AtomicIsize = AtomicIsize::new(0);
/// Where it has its list of weak references.
static WEAK: AtomicIsize = AtomicIsize::new(0);

/// The function to be called at the end of an object in place of `otherwise`. C data begins `contents` bytes after the
/// start of the object, and its list of weak references is `weak` bytes after it.
pub(super) fn instead_of(otherwise: ffi::destructor, contents: isize, weak: isize) -> ffi::destructor {
    // The module may be imported again.
    if otherwise as usize == end as *const () as usize {
        return otherwise;
    }
    CONTENTS.store(contents, Ordering::Relaxed);
    WEAK.store(weak, Ordering::Relaxed);
    OTHERWISE.store(otherwise as *mut (), Ordering::Release);
    end
}

impl CData {
    /// An object that owns memory for what a call returns. The memory holds anything.
    pub(crate) fn returned(py: Python<'_>, ctype: &Py<CType>) -> PyResult<Py<CData>> {
        let (size, align) = (ctype.get().size().unwrap_or(0), ctype.get().align().unwrap_or(1));
        if size > ROOM || align > 16 || OTHERWISE.load(Ordering::Relaxed).is_null() {
            let block = Block::new(size, align, Contents::Zero)?;
            return Py::new(py, CData::owning(ctype.clone_ref(py), block.start(), None, Own::Memory(block)));
        }
        if let Some(object) = take(py, ctype) {
            return Ok(object);
        }
        let block = Block::new(ROOM, align, Contents::Zero)?;
        let made = CData::owning(ctype.clone_ref(py), block.start(), None, Own::Returned(block));
        let made = Py::new(py, made)?;
        // What it refers to refers to no structure, so it is in no cycle, and need not be looked at.
        // SAFETY: the object is new, and the interpreter is attached.
        unsafe { ffi::PyObject_GC_UnTrack(made.as_ptr().cast()) };
        Ok(made)
    }
}

/// An object that waits.
fn take(py: Python<'_>, ctype: &Py<CType>) -> Option<Py<CData>> {
    // SAFETY: the interpreter is attached, and nothing below runs Python.
    let (count, objects) = unsafe { &mut *WAITING.0.get() };
    *count = count.checked_sub(1)?;
    let object = objects[*count];
    // SAFETY: the object waits, so that it has no references, and everything except a type. Objects begin with the count
    // of their references, as `enable` saw.
    unsafe {
        let ctype = ctype.as_ptr();
        *ctype.cast::<usize>() += 1;
        (&raw mut (*contents(object)).ctype).cast::<*mut ffi::PyObject>().write(ctype);
        *object.cast::<usize>() = 1;
        Some(Bound::from_owned_ptr(py, object).cast_into_unchecked().unbind())
    }
}

fn contents(object: *mut ffi::PyObject) -> *mut CData {
    object.wrapping_byte_offset(CONTENTS.load(Ordering::Relaxed)).cast()
}

/// The end of an object: it waits, where it is one that can.
///
/// # Safety
/// As CPython calls `tp_dealloc`: attached, with C data that nobody refers to.
unsafe extern "C" fn end(object: *mut ffi::PyObject) {
    // SAFETY: nobody else refers to the object.
    let this = unsafe { &mut *contents(object) };
    let own = this.own.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
    let waits = matches!(own, Own::Returned(_));
    let weak = object.wrapping_byte_offset(WEAK.load(Ordering::Relaxed)).cast::<*mut ffi::PyObject>();
    // SAFETY: CPython has the list there.
    if waits && !unsafe { *weak }.is_null() {
        // Those who are told may run Python, which may have other objects wait.
        // SAFETY: nobody refers to the object, and the interpreter is attached.
        unsafe { ffi::PyObject_ClearWeakRefs(object) };
    }
    // SAFETY: the interpreter is attached, and nothing runs Python while the list is used.
    let (count, objects) = unsafe { &mut *WAITING.0.get() };
    if !waits || *count == KEPT {
        // SAFETY: `instead_of` stored a function of this type.
        let otherwise: ffi::destructor = unsafe { std::mem::transmute(OTHERWISE.load(Ordering::Relaxed)) };
        // SAFETY: this function's own promise.
        return unsafe { otherwise(object) };
    }
    let ctype = this.ctype.as_ptr();
    objects[*count] = object;
    *count += 1;
    // SAFETY: the object had a reference to its type, which it gives up; where it is not the last, counting is all.
    unsafe {
        match *ctype.cast::<usize>() {
            0 | 1 => ffi::Py_DECREF(ctype),
            _ => *ctype.cast::<usize>() -= 1,
        }
    }
}
