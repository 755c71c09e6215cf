//! Built-in functions that stand for C data.

use pyo3::{ffi, prelude::*};

use super::CData;

/// The C data that an object stands for: a built-in function stands for the function of a library.
pub(crate) fn behind<'py>(object: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
    let py = object.py();
    // SAFETY: the object is asked only for what objects of its class have; `self` is null or an object that it keeps.
    let this = unsafe {
        if ffi::PyCFunction_CheckExact(object.as_ptr()) == 0 {
            return object.clone();
        }
        Bound::from_borrowed_ptr_or_opt(py, ffi::PyCFunction_GetSelf(object.as_ptr()))
    };
    let own = this.and_then(|this| this.cast_into::<CData>().ok()).filter(|this| {
        let method = this.get().function.get().and_then(|function| function.method.as_ref());
        // SAFETY: it is a builtin function, which has an entry; every member of the union is the address of a function.
        method.is_some_and(|method| unsafe {
            let entry = ffi::PyCFunction_GetFunction(object.as_ptr());
            entry.is_some_and(|entry| {
                entry as usize == (*method.definition.get()).ml_meth.PyCFunction as usize
            })
        })
    });
    own.map_or_else(|| object.clone(), Bound::into_any)
}
