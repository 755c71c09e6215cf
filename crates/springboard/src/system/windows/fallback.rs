//! What libffi has here.

use std::ffi::c_void;

use libffi::{
    middle::{FfiAbi, Type},
    raw::ffi_cif,
};
use springboard_ir::{Complex, NamedConvention};

/// What libffi calls a convention that is not the machine's own: it knows none.
pub(crate) fn abi(_: NamedConvention) -> Option<FfiAbi> {
    None
}

/// libffi's own type of a complex number: it has none.
pub(crate) fn complex(_: Complex) -> Option<Type> {
    None
}

/// Calls `function`.
///
/// # Safety
/// As libffi's `ffi_call`.
pub(crate) unsafe fn call(
    cif: *mut ffi_cif,
    function: unsafe extern "C" fn(),
    result: *mut c_void,
    values: *mut *mut c_void,
) {
    // SAFETY: the contract is this function's own.
    unsafe { libffi::raw::ffi_call(cif, Some(function), result, values) }
}
