//! libffi 3.8's call plans: a cif with its stub looked up once.

use std::{ffi::c_void, ptr::NonNull};

use crate::{
    call::{self, ffi_call},
    table, trace,
    types::{Cif, Code},
};

/// `ffi_call_plan`, which callers know by its address only.
pub(crate) struct CallPlan {
    /// `None` where each call goes the way of `ffi_call`.
    stub: Option<NonNull<c_void>>,
    cif: *mut Cif,
}

/// `ffi_call_plan_alloc`: a plan for calls that `cif` describes, to be freed by [`ffi_call_plan_free`].
///
/// # Safety
/// The cif is prepared, and outlives the plan.
#[unsafe(export_name = "springboard_libffi_ffi_call_plan_alloc")]
pub(crate) unsafe extern "C" fn ffi_call_plan_alloc(cif: *mut Cif) -> *mut CallPlan {
    // SAFETY: readable: the program vouches for it, as libffi asks.
    let known = table::shape(unsafe { &*cif });
    let plain = known.filter(|(_, shape)| !trace::enabled() && shape.numbers.is_none());
    let stub = plain.and_then(|(entry, shape)| entry.call_stub(shape));
    Box::into_raw(Box::new(CallPlan { stub, cif }))
}

/// `ffi_call_plan_invoke`: as `ffi_call`. Any number of threads may do so at once.
///
/// # Safety
/// As `ffi_call`; the plan was not freed.
#[unsafe(export_name = "springboard_libffi_ffi_call_plan_invoke")]
pub(crate) unsafe extern "C-unwind" fn ffi_call_plan_invoke(
    plan: *mut CallPlan,
    function: Code,
    rvalue: *mut c_void,
    avalue: *mut *mut c_void,
) {
    // SAFETY: the program vouches that the plan came from `ffi_call_plan_alloc` and was not freed.
    let plan = unsafe { &*plan };
    match plan.stub {
        // SAFETY: the stub is that of the cif's shape.
        Some(address) if !rvalue.is_null() => unsafe { call::stub(address)(function, rvalue, avalue) },
        // SAFETY: the program vouches that the plan's cif outlives it, and for function, result and arguments.
        _ => unsafe { ffi_call(plan.cif, function, rvalue, avalue) },
    }
}

/// `ffi_call_plan_free`. Null is nothing.
///
/// # Safety
/// The plan came from [`ffi_call_plan_alloc`], and is not used any more.
#[unsafe(export_name = "springboard_libffi_ffi_call_plan_free")]
pub(crate) unsafe extern "C" fn ffi_call_plan_free(plan: *mut CallPlan) {
    if !plan.is_null() {
        // SAFETY: not null, and from `Box::into_raw` in `ffi_call_plan_alloc`; the program frees it once.
        drop(unsafe { Box::from_raw(plan) });
    }
}

/// `ffi_call_plan_size`: what a plan takes, in bytes. 0 for null.
#[unsafe(export_name = "springboard_libffi_ffi_call_plan_size")]
pub(crate) extern "C" fn ffi_call_plan_size(plan: *mut CallPlan) -> usize {
    if plan.is_null() { 0 } else { size_of::<CallPlan>() }
}
