//! C data as Python objects: a value of a primitive type, an address, or memory with a type.

mod builtin;
mod class;
mod own;
mod returned;
mod vectorcall;

use std::{
    cell::UnsafeCell,
    sync::{Mutex, MutexGuard, OnceLock},
};

use pyo3::{PyTraverseError, PyVisit, exceptions::PyTypeError, prelude::*, types::PyTuple};

pub(crate) use self::{
    builtin::behind,
    class::enable,
    own::{Block, Contents, Own},
    vectorcall::Vectorcall,
};
use crate::{
    ctype::{CType, Kind},
    error::type_name,
    function::Function,
};

// C data. The class has no documentation of its own: that of an object is its function's.
#[pyclass(frozen, weakref, module = "springboard", name = "CData")]
pub(crate) struct CData {
    /// Entered by CPython when the object is called: the slow twin, or a stub that was made for the function.
    pub(crate) vectorcall: Vectorcall,
    pub(crate) ctype: Py<CType>,
    /// An address: that of the memory; of a pointer or function, the value itself. Not used for primitive types.
    address: *mut u8,
    /// The bytes of a primitive type's value.
    value: UnsafeCell<[u64; 2]>,
    /// Elements of an array whose type leaves the length open; bytes of a structure that ends in such an array.
    length: Option<usize>,
    own: Mutex<Own>,
    /// What belongs to a function of a library.
    pub(crate) function: OnceLock<Box<Function>>,
}

// SAFETY: the bytes of `value` are written before the object is seen by others. What `address` points to is C's, and is
// as safe to use from a thread as the program says; all access to it happens with the interpreter attached.
unsafe impl Send for CData {}
// SAFETY: all access to what `address` points to happens with the interpreter attached; the rest is behind locks.
unsafe impl Sync for CData {}

impl CData {
    fn with(ctype: Py<CType>, address: *mut u8, length: Option<usize>, own: Own) -> CData {
        CData {
            vectorcall: Vectorcall::slow(),
            ctype,
            address,
            value: UnsafeCell::new([0; 2]),
            length,
            own: Mutex::new(own),
            function: OnceLock::new(),
        }
    }

    /// An address, or memory that is somebody else's.
    pub(crate) fn borrowed(ctype: Py<CType>, address: *mut u8) -> CData {
        CData::with(ctype, address, None, Own::Nothing)
    }

    /// The same, for an array of which the type leaves the length open.
    pub(crate) fn array(ctype: Py<CType>, address: *mut u8, length: usize) -> CData {
        CData::with(ctype, address, Some(length), Own::Slice)
    }

    /// What keeps memory or another object, with the address.
    pub(crate) fn owning(ctype: Py<CType>, address: *mut u8, length: Option<usize>, own: Own) -> CData {
        CData::with(ctype, address, length, own)
    }

    /// A value of a primitive type or an enumeration, zero until `write` fills it.
    pub(crate) fn primitive(
        ctype: Py<CType>,
        write: impl FnOnce(*mut u8) -> PyResult<()>,
    ) -> PyResult<CData> {
        let made = CData::with(ctype, std::ptr::null_mut(), None, Own::Nothing);
        write(made.value.get().cast())?;
        Ok(made)
    }

    /// Where the bytes of the data lie; of a pointer or function, where it points.
    pub(crate) fn data(&self) -> *mut u8 {
        match self.ctype.get().primitive() {
            Some(_) => self.value.get().cast(),
            None => self.address,
        }
    }

    /// The address, of data that is one.
    pub(crate) fn address(&self) -> *mut u8 {
        self.address
    }

    /// Where the object has its address.
    pub(crate) fn address_field(&self) -> *const *mut u8 {
        &raw const self.address
    }

    pub(crate) fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The number of elements of an array.
    pub(crate) fn elements(&self) -> Option<usize> {
        match &self.ctype.get().kind {
            Kind::Array { length, .. } => length.or(self.length).or(Some(0)),
            _ => None,
        }
    }

    /// Bytes of a structure that ends in an array without a length, as far as they are known.
    pub(crate) fn extent(&self) -> Option<usize> {
        self.length
    }

    /// The size that `sizeof` answers for the data.
    pub(crate) fn size(&self) -> Option<usize> {
        match &self.ctype.get().kind {
            Kind::Array { item, .. } => Some(item.get().size()? * self.elements()?),
            Kind::Aggregate(_) => self.length.or(self.ctype.get().size()),
            _ => self.ctype.get().size(),
        }
    }

    /// The size of what a pointer points to, or of an array.
    pub(crate) fn pointed_size(&self) -> Option<usize> {
        match self.ctype.get().pointee() {
            Some(item) => self.length.or(item.get().size()),
            None => self.size(),
        }
    }

    /// Whether memory goes when the object does.
    pub(crate) fn owns_memory(&self) -> bool {
        matches!(*self.own(), Own::Memory(_) | Own::Structure(_) | Own::Returned(_) | Own::Allocated { .. })
    }

    /// The structure that a pointer from `ffi.new` points to.
    pub(crate) fn structure(&self, py: Python<'_>) -> Option<Py<CData>> {
        match &*self.own() {
            Own::Structure(structure) => Some(structure.clone_ref(py)),
            _ => None,
        }
    }
}

#[pymethods]
impl CData {
    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        own::check_releasable(slf.get())?;
        Ok(slf.clone().into_any().unbind())
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(slf: &Bound<'_, Self>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        own::release(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.ctype)?;
        match self.own.try_lock() {
            Ok(own) => own.traverse(&visit),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let taken = self.own.try_lock().map(|mut own| own.take_references());
        if let Ok(taken) = taken {
            taken.end();
        }
    }
}

impl Drop for CData {
    fn drop(&mut self) {
        let own = std::mem::replace(
            self.own.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()),
            Own::Nothing,
        );
        own.end();
    }
}

/// The C data that an object is.
pub(crate) fn expect<'a, 'py>(object: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, CData>> {
    object.cast::<CData>().map_err(|_| {
        let given = type_name(object);
        PyTypeError::new_err(format!("expected a cdata object, got '{given}'"))
    })
}

/// Ends what an owning object keeps, before the object goes.
pub(crate) fn release(object: &Bound<'_, PyAny>) -> PyResult<()> {
    match object.cast::<CData>() {
        Ok(cdata) => own::release(cdata),
        Err(_) => Err(own::not_releasable()),
    }
}

/// Takes the destructor of `ffi.gc` away.
pub(crate) fn forget_destructor(cdata: &Bound<'_, PyAny>) -> PyResult<()> {
    own::forget_destructor(expect(cdata)?.get())
}
