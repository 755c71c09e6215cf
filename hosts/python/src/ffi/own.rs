//! What C data keeps: memory, and what is called when it goes.

use pyo3::{exceptions::PyTypeError, prelude::*};

use super::Ffi;
use crate::{
    cdata::{self, CData, Contents, Own},
    convert::{self, Memory},
    error::type_name,
};

#[pymethods]
impl Ffi {
    /// Allocates memory for what a pointer type points to, or for an array, and returns the pointer or array. The memory
    /// is all zero, or holds `init`, and goes with the object.
    #[pyo3(name = "new", signature = (cdecl, init=None))]
    fn allocate<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        init: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, CData>> {
        let ctype = self.named(cdecl)?;
        convert::new(py, &ctype, init, &Memory::Ours(Contents::Zero))
    }

    /// A function as `new` is, with memory that `alloc` gives and `free` takes back, or the usual memory without `alloc`.
    /// Without `should_clear_after_alloc` it is not zeroed, and holds anything where `init` does not say.
    #[pyo3(signature = (alloc=None, free=None, should_clear_after_alloc=true))]
    fn new_allocator(
        slf: &Bound<'_, Self>,
        alloc: Option<Py<PyAny>>,
        free: Option<Py<PyAny>>,
        should_clear_after_alloc: bool,
    ) -> PyResult<Allocator> {
        let py = slf.py();
        let alloc = alloc.filter(|alloc| !alloc.is_none(py));
        let free = free.filter(|free| !free.is_none(py));
        if alloc.is_none() && free.is_some() {
            return Err(PyTypeError::new_err("cannot pass 'free' without 'alloc'"));
        }
        let contents = if should_clear_after_alloc { Contents::Zero } else { Contents::Any };
        Ok(Allocator { ffi: slf.clone().unbind(), alloc, free, contents })
    }

    /// The same address, with a function that is called with `cdata` when the new object goes. `destructor=None` takes
    /// the function away again.
    #[pyo3(signature = (cdata, destructor, size=0))]
    fn gc<'py>(
        &self,
        py: Python<'py>,
        cdata: &Bound<'py, PyAny>,
        destructor: &Bound<'py, PyAny>,
        size: isize,
    ) -> PyResult<Option<Bound<'py, CData>>> {
        let _ = size;
        if destructor.is_none() {
            cdata::forget_destructor(cdata)?;
            return Ok(None);
        }
        let origin = cdata::expect(cdata)?;
        if !destructor.is_callable() {
            return Err(PyTypeError::new_err(format!(
                "destructor must be callable, not {}",
                type_name(destructor)
            )));
        }
        let this = origin.get();
        let ctype = this.ctype.get();
        if !(ctype.is_address() || ctype.aggregate().is_some()) {
            return Err(PyTypeError::new_err(format!(
                "expected a pointer, array, struct or union cdata, got '{}'",
                ctype.text()
            )));
        }
        let own = Own::Guarded { origin: origin.clone().unbind(), destructor: destructor.clone().unbind() };
        let guarded = CData::owning(this.ctype.clone_ref(py), this.address(), this.extent(), own);
        Bound::new(py, guarded).map(Some)
    }

    /// Frees now what goes with the object otherwise: calls the destructor, gives the buffer back.
    fn release(&self, cdata: &Bound<'_, PyAny>) -> PyResult<()> {
        cdata::expect(cdata)?;
        cdata::release(cdata)
    }
}

/// What `ffi.new_allocator` makes.
#[pyclass(frozen, module = "springboard", name = "_Allocator")]
struct Allocator {
    ffi: Py<Ffi>,
    alloc: Option<Py<PyAny>>,
    free: Option<Py<PyAny>>,
    contents: Contents,
}

#[pymethods]
impl Allocator {
    #[pyo3(signature = (cdecl, init=None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        init: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, CData>> {
        let ctype = self.ffi.get().named(cdecl)?;
        let memory = match &self.alloc {
            Some(alloc) => {
                Memory::Theirs { allocate: alloc.bind(py), free: self.free.as_ref(), contents: self.contents }
            }
            None => Memory::Ours(self.contents),
        };
        convert::new(py, &ctype, init, &memory)
    }
}
