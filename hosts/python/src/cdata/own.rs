//! What C data keeps.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    sync::Arc,
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyMemoryError, PyTypeError, PyValueError},
    prelude::*,
};

use super::CData;
use crate::{closure::Closure, handle::Handle, view::View};

/// What C data keeps.
pub(crate) enum Own {
    /// Nothing: the memory is somebody else's, or the value is in the object.
    Nothing,
    /// Nothing: a part of an array.
    Slice,
    /// Memory from `ffi.new`, which a pointer shares with the structure that it points to.
    Memory(Arc<Block>),
    /// What `ffi.gc` guards.
    Guarded { origin: Py<CData>, destructor: Py<PyAny> },
    /// Memory that a Python object lends.
    Lent(View),
    /// A Python object of which the address is a handle.
    Handle(Box<Handle>),
    /// A callback.
    Closure(Box<Closure>),
    /// Memory that a function of the program allocated, shared as [`Own::Memory`] is.
    Allocated(Arc<Allocated>),
    /// What was released before its time.
    Released,
}

/// Memory that was allocated by a function of the program.
pub(crate) struct Allocated {
    pub(crate) raw: Py<CData>,
    pub(crate) free: Option<Py<PyAny>>,
}

impl Drop for Allocated {
    fn drop(&mut self) {
        let Some(free) = self.free.take() else { return };
        Python::attach(|py| call_destructor(py, &free, &self.raw));
    }
}

/// Memory of our own.
pub(crate) struct Block {
    start: *mut u8,
    layout: Layout,
}

// SAFETY: memory may be freed by any thread.
unsafe impl Send for Block {}
// SAFETY: a shared block gives its address and nothing else.
unsafe impl Sync for Block {}

impl Block {
    /// Memory of so many bytes, all zero, aligned for every type of C.
    pub(crate) fn zeroed(bytes: usize, align: usize) -> PyResult<Block> {
        let layout = Layout::from_size_align(bytes.max(1), align.max(16))
            .map_err(|_| PyMemoryError::new_err(format!("cannot allocate {bytes} bytes")))?;
        // SAFETY: the layout has at least one byte.
        let start = unsafe { alloc_zeroed(layout) };
        if start.is_null() {
            return Err(PyMemoryError::new_err(format!("cannot allocate {bytes} bytes")));
        }
        Ok(Block { start, layout })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the memory was allocated with this layout, and nobody else frees it.
        unsafe { dealloc(self.start, self.layout) }
    }
}

impl Own {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Own::Guarded { origin, destructor } => {
                visit.call(origin)?;
                visit.call(destructor)
            }
            Own::Handle(handle) => visit.call(&handle.object),
            Own::Closure(closure) => closure.traverse(visit),
            // What is shared is visited by none of those who share it, and so never found to be garbage; it holds no
            // cycle unless the program's own allocator does.
            Own::Allocated(_) | Own::Lent(_) | Own::Nothing | Own::Slice | Own::Memory(_) | Own::Released => {
                Ok(())
            }
        }
    }

    /// What makes cycles, for the garbage collector to break them.
    pub(super) fn take_references(&mut self) -> Own {
        match self {
            Own::Guarded { .. } | Own::Handle(_) | Own::Closure(_) => std::mem::replace(self, Own::Released),
            _ => Own::Nothing,
        }
    }

    /// Frees what is kept, and calls the destructor where there is one.
    pub(super) fn end(self) {
        if let Own::Guarded { origin, destructor } = self {
            Python::attach(|py| call_destructor(py, &destructor, &origin));
        }
    }

    fn is_releasable(&self) -> bool {
        !matches!(self, Own::Nothing | Own::Slice | Own::Handle(_) | Own::Closure(_))
    }
}

/// Calls a destructor. Nobody could be told of an exception, so Python's hook is; one that is pending stays so.
fn call_destructor(py: Python<'_>, destructor: &Py<PyAny>, argument: &Py<CData>) {
    let pending = PyErr::take(py);
    if let Err(error) = destructor.call1(py, (argument.clone_ref(py),)) {
        error.write_unraisable(py, Some(destructor.bind(py)));
    }
    if let Some(pending) = pending {
        pending.restore(py);
    }
}

pub(super) fn check_releasable(cdata: &CData) -> PyResult<()> {
    match cdata.own().is_releasable() {
        true => Ok(()),
        false => Err(PyValueError::new_err(
            "only 'cdata' object from ffi.new(), ffi.gc(), ffi.from_buffer() or ffi.new_allocator()() can be used with the 'with' keyword or ffi.release()",
        )),
    }
}

pub(super) fn release(cdata: &Bound<'_, CData>) -> PyResult<()> {
    let cdata = cdata.get();
    check_releasable(cdata)?;
    let mut own = cdata.own();
    if let Own::Memory(_) = *own {
        // The structure that a pointer points to may still be looked at: its memory goes with the objects.
        return Ok(());
    }
    let ended = std::mem::replace(&mut *own, Own::Released);
    drop(own);
    ended.end();
    Ok(())
}

pub(super) fn forget_destructor(cdata: &CData) -> PyResult<()> {
    let mut own = cdata.own();
    let Own::Guarded { .. } = *own else {
        return Err(PyTypeError::new_err(
            "Can remove destructor only on a object previously returned by ffi.gc()",
        ));
    };
    let forgotten = std::mem::replace(&mut *own, Own::Released);
    drop(own);
    drop(forgotten);
    Ok(())
}
