//! Callbacks: C calls Python, from any thread.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use pyo3::{
    exceptions::{PyNotImplementedError, PyTypeError},
    ffi,
    prelude::*,
    types::PyTuple,
};
use springboard::callback::RawHandler;

use crate::{
    call::{self, is_in_memory, loaded},
    cdata::{CData, Own},
    closure::{Closure, State},
    convert,
    ctype::{CType, FunctionType, Kind},
    ending, engine, error,
};

/// Makes what `ffi.callback` does.
pub(crate) fn new<'py>(
    ctype: &Bound<'py, CType>,
    callable: &Bound<'py, PyAny>,
    error: Option<&Bound<'py, PyAny>>,
    on_error: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, CData>> {
    let py = ctype.py();
    let of = ctype.get();
    let Kind::Function(function) = &of.kind else {
        return Err(PyTypeError::new_err(format!("expected a function ctype, got '{}'", of.text())));
    };
    let on_error = on_error.filter(|on_error| !on_error.is_none());
    if let Some(on_error) = on_error
        && !on_error.is_callable()
    {
        return Err(PyTypeError::new_err("expected a callable object for 'onerror'"));
    }
    let unsupported = || {
        PyNotImplementedError::new_err(format!(
            "{}: callback with unsupported argument or return type or with '...'",
            of.text()
        ))
    };
    if function.ellipsis {
        return Err(unsupported());
    }
    let result = &function.result;
    let mut bytes = vec![0u128; result.get().size().unwrap_or(0).div_ceil(16).max(1)].into_boxed_slice();
    if let Some(error) = error.filter(|error| !error.is_none()) {
        if result.get().is_void() {
            return Err(PyTypeError::new_err("callback with the return type 'void' must return None"));
        }
        convert::to_c(result, bytes.as_mut_ptr().cast(), error)?;
    }
    let signature = call::signature(&function.arguments, None, result).ok_or_else(unsupported)??;
    let prepared =
        engine().callback_type(signature).map_err(|error| error::of_callback(of.text(), &error))?;
    let state = Arc::new(State {
        ctype: ctype.clone().unbind(),
        callable: callable.clone().unbind(),
        on_error: on_error.map(|on_error| on_error.clone().unbind()),
        error: bytes,
    });
    let context = Arc::into_raw(Arc::clone(&state)).cast::<c_void>();
    let handler = RawHandler { context, call: handle, release: Some(release) };
    // SAFETY: `handle` takes the context that is given here and the slots of the type's signature, from any thread, and
    // writes the result; the state lives until `release` is called.
    let callback = unsafe { prepared.raw(handler) }.map_err(|error| {
        // SAFETY: no callback was made, so nobody else will take this count back.
        drop(unsafe { Arc::from_raw(context.cast::<State>()) });
        error::of_callback(of.text(), &error)
    })?;
    let address = callback.as_ptr().cast();
    let own = Own::Closure(Box::new(Closure::new(state, callback)));
    Bound::new(py, CData::owning(ctype.clone().unbind(), address, None, own))
}

/// # Safety
/// `context` is a counted reference to a [`State`], which is given up.
unsafe fn release(context: *const c_void) {
    // SAFETY: the caller gives up one counted reference to a `State`.
    let state = unsafe { Arc::from_raw(context.cast::<State>()) };
    if let Some(state) = Arc::into_inner(state) {
        // Without an interpreter the objects are gone already, or nobody will ask for their memory.
        if Python::try_attach(|_| ()).is_none() {
            std::mem::forget(state);
            return;
        }
        Python::attach(|_| drop(state));
    }
}

/// Handles one call from C.
///
/// # Safety
/// `context` is a [`State`], and `slots` are those of a call of its type.
unsafe fn handle(context: *const c_void, slots: *mut u64) {
    call::leave_errno();
    // SAFETY: the callback keeps its state for as long as it can be called.
    let state = unsafe { &*context.cast::<State>() };
    if ending::is_gone() {
        // SAFETY: the caller says that the slots are those of a call of the type.
        unsafe { state.give_error(slots) };
    } else {
        // A stub may have released the lock without the knowledge of pyo3, which would take it for held.
        // SAFETY: the interpreter is there, and the lock is given back below.
        let held = unsafe { ffi::PyGILState_Ensure() };
        Python::attach(|py| {
            // SAFETY: the caller says that the slots are those of a call of the type.
            let call = || unsafe { state.call(py, slots) };
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                // SAFETY: the caller says that the slots are those of a call of the type.
                unsafe { state.give_error(slots) };
            }
        });
        // SAFETY: this is what was ensured above, on this thread.
        unsafe { ffi::PyGILState_Release(held) };
    }
    call::enter_errno();
}

impl State {
    fn function(&self) -> &FunctionType {
        match &self.ctype.get().kind {
            Kind::Function(function) => function,
            _ => unreachable!("callbacks are made of function types"),
        }
    }

    /// # Safety
    /// `slots` are those of a call of the type.
    unsafe fn call(&self, py: Python<'_>, slots: *mut u64) {
        let function = self.function();
        // SAFETY: the caller says that the slots are those of a call of the type.
        let result = unsafe { self.arguments(py, function, slots) };
        let result = result.and_then(|arguments| self.callable.call1(py, arguments));
        // SAFETY: the caller says that the slots are those of a call of the type.
        let given = result.and_then(|result| unsafe { self.give(function, slots, result.bind(py)) });
        let Err(error) = given else { return };
        // SAFETY: the caller says that the slots are those of a call of the type.
        unsafe { self.give_error(slots) };
        let Some(on_error) = &self.on_error else {
            error.write_unraisable(py, Some(self.callable.bind(py)));
            return;
        };
        let traceback =
            error.traceback(py).map_or_else(|| py.None(), |traceback| traceback.into_any().unbind());
        let told = on_error.call1(py, (error.get_type(py), error.value(py), traceback));
        let given = told.and_then(|result| match result.is_none(py) {
            true => Ok(()),
            // SAFETY: the caller says that the slots are those of a call of the type.
            false => unsafe { self.give(function, slots, result.bind(py)) },
        });
        if let Err(second) = given {
            error.write_unraisable(py, Some(self.callable.bind(py)));
            second.write_unraisable(py, Some(on_error.bind(py)));
        }
    }

    /// # Safety
    /// `slots` are those of a call of the type.
    unsafe fn arguments<'py>(
        &self,
        py: Python<'py>,
        function: &FunctionType,
        slots: *mut u64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let arguments = function.arguments.iter().enumerate().map(|(index, ctype)| {
            // SAFETY: there is a slot for each parameter.
            let slot = unsafe { slots.add(index) };
            match is_in_memory(ctype.get()) {
                // SAFETY: such a slot holds the address of the value's bytes.
                true => convert::result(py, ctype, unsafe { *slot } as *mut u8),
                false => convert::from_c(py, ctype, low(slot, ctype.get()), None),
            }
        });
        PyTuple::new(py, arguments.collect::<PyResult<Vec<_>>>()?)
    }

    /// Gives a result to the caller.
    ///
    /// # Safety
    /// `slots` are those of a call of the type.
    unsafe fn give(
        &self,
        function: &FunctionType,
        slots: *mut u64,
        result: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let ctype = &function.result;
        if ctype.get().is_void() {
            return match result.is_none() {
                true => Ok(()),
                false => Err(PyTypeError::new_err("callback with the return type 'void' must return None")),
            };
        }
        // SAFETY: the slot after those of the parameters is the result's.
        let slot = unsafe { slots.add(function.arguments.len()) };
        if is_in_memory(ctype.get()) {
            // SAFETY: such a slot holds the address of memory for the result.
            return convert::to_c(ctype, unsafe { *slot } as *mut u8, result);
        }
        let mut bytes = [0u64; 2];
        convert::to_c(ctype, bytes.as_mut_ptr().cast(), result)?;
        // SAFETY: the slot after those of the parameters is the result's.
        unsafe { *slot = loaded(ctype.get(), bytes.as_ptr().cast()) };
        Ok(())
    }

    /// Gives the caller what is given where there is an exception.
    ///
    /// # Safety
    /// `slots` are those of a call of the type.
    unsafe fn give_error(&self, slots: *mut u64) {
        let function = self.function();
        let ctype = function.result.get();
        if ctype.is_void() {
            return;
        }
        // SAFETY: the slot after those of the parameters is the result's, or has the address of memory for it; that has the size of the result, and so have the bytes.
        unsafe {
            let slot = slots.add(function.arguments.len());
            let bytes = self.error.as_ptr().cast::<u8>();
            match is_in_memory(ctype) {
                true => std::ptr::copy_nonoverlapping(bytes, *slot as *mut u8, ctype.size().unwrap_or(0)),
                false => *slot = loaded(ctype, bytes),
            }
        }
    }
}

/// Where the bytes of a word of `ctype` lie in its slot.
fn low(slot: *mut u64, ctype: &CType) -> *mut u8 {
    let unused = if cfg!(target_endian = "big") { 8 - ctype.size().unwrap_or(8) } else { 0 };
    slot.cast::<u8>().wrapping_add(unused)
}
