//! The objects for functions of libraries: what CPython enters when they are called, and when that becomes a stub.

use std::{
    cell::UnsafeCell,
    ffi::{CString, c_int, c_void},
    mem,
    ptr::{self, NonNull},
    sync::atomic::Ordering,
};

use pyo3::{ffi, prelude::*};

use super::{boxed, entry};
use crate::{
    cdata::CData,
    ctype::{CType, FunctionType, Kind},
    function::{Function, Method, Object, When},
};

/// `METH_FASTCALL`, which every version that this module is for has, and the stable interface since CPython 3.10.
const METH_FASTCALL: c_int = 0x80;

/// The object for a function of a library.
pub(crate) fn function<'py>(
    py: Python<'py>,
    ctype: Py<CType>,
    address: NonNull<c_void>,
    mut bound: Function,
) -> PyResult<Bound<'py, PyAny>> {
    if let (Kind::Function(function), Object::Builtin) = (&ctype.get().kind, bound.object) {
        bound.method = Some(method(py, function, &bound)?);
    }
    let data = CData::borrowed(ctype, address.as_ptr().cast());
    let bound = data.function.get_or_init(|| Box::new(bound));
    if bound.when == When::Used {
        give_stub(py, &data, bound);
    }
    let Some(method) = &bound.method else { return Ok(Bound::new(py, data)?.into_any()) };
    let definition = method.definition.get();
    let data = Bound::new(py, data)?;
    // SAFETY: the definition lives in the function that `data` has, which the new object keeps.
    unsafe {
        let made = ffi::PyCMethod_New(definition, data.as_ptr(), ptr::null_mut(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, made)
    }
}

/// Calls by the slow twin before there is a stub.
const CALLS: u32 = 100;

/// Counts a call by the slow twin. After enough of them, the next is entered by a stub.
pub(super) fn count(py: Python<'_>, data: &CData) {
    if let Some(bound) = data.function.get()
        && bound.stub.get().is_none()
        && bound.calls.fetch_add(1, Ordering::Relaxed) >= CALLS
    {
        give_stub(py, data, bound);
    }
}

/// Has CPython enter a stub from now on, where there can be one.
fn give_stub(py: Python<'_>, data: &CData, bound: &Function) {
    let (Kind::Function(function), Some(address)) =
        (&data.ctype.get().kind, NonNull::new(data.address().cast()))
    else {
        return;
    };
    let made = if crate::enters_stubs() { boxed::stub(py, function, address, bound) } else { None };
    // Python that ran meanwhile may have called the function until it had one.
    let Some(stub) = bound.stub.get_or_init(|| made) else { return };
    let entry = stub.address().as_ptr().cast_const();
    match &bound.method {
        None => data.vectorcall.set(entry),
        // SAFETY: attached; the stub is of this type, and the C data keeps both.
        Some(method) => unsafe { method.enter_by(entry) },
    }
}

/// What CPython is told of a built-in function.
fn method(py: Python<'_>, ctype: &FunctionType, function: &Function) -> PyResult<Box<Method>> {
    let texts = [
        CString::new(function.name.as_str())?,
        CString::new(super::signature::builtin(py, ctype, function)?)?,
    ];
    // SAFETY: CPython calls it by the type that the flags say, which it has.
    let entry =
        unsafe { mem::transmute::<*mut c_void, ffi::PyCFunction>(entry::slow_builtin as *mut c_void) };
    let definition = ffi::PyMethodDef {
        ml_name: texts[0].as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: entry },
        ml_flags: METH_FASTCALL,
        ml_doc: texts[1].as_ptr(),
    };
    Ok(Box::new(Method { definition: UnsafeCell::new(definition), _texts: texts }))
}
