//! What C data keeps.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyMemoryError, PyTypeError, PyValueError},
    prelude::*,
};

use super::CData;
use crate::{closure::Closure, handle::Handle, view::View};

/// What C data keeps.
#[expect(dead_code, reason = "memory is kept, and reached by the address in the object")]
pub(crate) enum Own {
    /// Nothing: the memory is somebody else's, or the value is in the object.
    Nothing,
    /// Nothing: a part of an array.
    Slice,
    /// Memory from `ffi.new`.
    Memory(Block),
    /// The structure that a pointer from `ffi.new` points to, which keeps the memory.
    Structure(Py<CData>),
    /// Memory of a structure that a call returned.
    Returned(Block),
    /// What `ffi.gc` guards.
    Guarded { origin: Py<CData>, destructor: Py<PyAny> },
    /// Memory that a Python object lends.
    Lent(View),
    /// A Python object of which the address is a handle.
    Handle(Box<Handle>),
    /// A callback.
    Closure(Box<Closure>),
    /// Memory that a function of the program allocated, and the function that frees it.
    Allocated { raw: Py<CData>, free: Option<Py<PyAny>> },
    /// What was released before its time.
    Released,
    /// What was lent, and was given back.
    GivenBack,
}

/// What new memory holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    Zero,
    /// What nobody wrote: it is the program's to write before it reads.
    Any,
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
    /// Memory of so many bytes, aligned for every type of C.
    pub(crate) fn new(bytes: usize, align: usize, contents: Contents) -> PyResult<Block> {
        let layout = Layout::from_size_align(bytes.max(1), align.max(16))
            .map_err(|_| PyMemoryError::new_err(format!("cannot allocate {bytes} bytes")))?;
        // SAFETY: the layout has at least one byte.
        let start = unsafe {
            match contents {
                Contents::Zero => alloc_zeroed(layout),
                Contents::Any => alloc(layout),
            }
        };
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
            Own::Allocated { raw, free } => {
                visit.call(raw)?;
                free.as_ref().map_or(Ok(()), |free| visit.call(free))
            }
            Own::Structure(structure) => visit.call(structure),
            Own::Handle(handle) => visit.call(&handle.object),
            Own::Closure(closure) => closure.traverse(visit),
            Own::Nothing
            | Own::Slice
            | Own::Memory(_)
            | Own::Returned(_)
            | Own::Lent(_)
            | Own::Released
            | Own::GivenBack => Ok(()),
        }
    }

    /// What makes cycles, for the garbage collector to break them.
    pub(super) fn take_references(&mut self) -> Own {
        match self {
            Own::Guarded { .. } | Own::Allocated { .. } | Own::Handle(_) | Own::Closure(_) => {
                std::mem::replace(self, Own::Released)
            }
            _ => Own::Nothing,
        }
    }

    /// Frees what is kept, and calls the destructor where there is one.
    pub(super) fn end(self) {
        if let Own::Guarded { origin: argument, destructor }
        | Own::Allocated { raw: argument, free: Some(destructor) } = self
        {
            Python::attach(|py| call_destructor(py, &destructor, &argument));
        }
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

/// The exception for what cannot be released.
pub(super) fn not_releasable() -> PyErr {
    PyValueError::new_err(
        "only 'cdata' object from ffi.new(), ffi.gc(), ffi.from_buffer() or ffi.new_allocator()() can be used with the 'with' keyword or ffi.release()",
    )
}

pub(super) fn check_releasable(cdata: &CData) -> PyResult<()> {
    match *cdata.own() {
        // A structure goes with the pointer to it.
        Own::Memory(_) | Own::Allocated { .. } if cdata.ctype.get().aggregate().is_some() => {
            Err(not_releasable())
        }
        Own::Nothing | Own::Slice | Own::Returned(_) | Own::Handle(_) | Own::Closure(_) => {
            Err(not_releasable())
        }
        _ => Ok(()),
    }
}

pub(super) fn release(cdata: &Bound<'_, CData>) -> PyResult<()> {
    check_releasable(cdata.get())?;
    let mut own = cdata.get().own();
    let instead = match &*own {
        // The memory may still be looked at: it goes with the objects.
        Own::Memory(_) => return Ok(()),
        Own::Structure(structure) => {
            let structure = structure.clone_ref(cdata.py());
            drop(own);
            let mut own = structure.get().own();
            if let Own::Allocated { .. } = *own {
                let ended = std::mem::replace(&mut *own, Own::Released);
                drop(own);
                ended.end();
            }
            return Ok(());
        }
        Own::Lent(_) | Own::GivenBack => Own::GivenBack,
        _ => Own::Released,
    };
    let ended = std::mem::replace(&mut *own, instead);
    drop(own);
    ended.end();
    Ok(())
}

/// Takes the destructor of `ffi.gc` away.
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
