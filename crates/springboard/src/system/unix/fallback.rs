//! What libffi has here.

use std::ffi::c_void;

use libffi::{
    middle::{FfiAbi, Type},
    raw::ffi_cif,
};
use springboard_ir::{Complex, NamedConvention};

/// What libffi calls a convention that is not the machine's own. `None` where it does not know it.
pub(crate) fn abi(convention: NamedConvention) -> Option<FfiAbi> {
    match convention {
        #[cfg(target_arch = "x86_64")]
        NamedConvention::Microsoft => Some(libffi::raw::ffi_abi_FFI_GNUW64),
        _ => None,
    }
}

/// libffi's own type of a complex number. Built for RISC-V it has none.
#[cfg(not(target_arch = "riscv64"))]
pub(crate) fn complex(complex: Complex) -> Option<Type> {
    Some(match complex {
        Complex::Float => Type::c32(),
        Complex::Double => Type::c64(),
        Complex::LongDouble => Type::complex_longdouble(),
    })
}

#[cfg(target_arch = "riscv64")]
pub(crate) fn complex(_: Complex) -> Option<Type> {
    None
}

/// Calls `function`: what `ffi_call` comes down to, with nothing in the register of Go's closures. On x86_64 `ffi_call` first
/// looks for large structures and copies them, for conventions that pass their addresses; those are copied before.
///
/// # Safety
/// As libffi's `ffi_call`; whatever is passed by reference is a copy.
#[cfg(not(target_vendor = "apple"))]
#[inline(always)]
pub(crate) unsafe fn call(
    cif: *mut ffi_cif,
    function: unsafe extern "C" fn(),
    result: *mut c_void,
    values: *mut *mut c_void,
) {
    // SAFETY: the contract is this function's own.
    unsafe { libffi::raw::ffi_call_go(cif, Some(function), result, values, std::ptr::null_mut()) }
}

/// Calls `function`. There are no Go closures: their register is the system's.
///
/// # Safety
/// As libffi's `ffi_call`.
#[cfg(target_vendor = "apple")]
pub(crate) unsafe fn call(
    cif: *mut ffi_cif,
    function: unsafe extern "C" fn(),
    result: *mut c_void,
    values: *mut *mut c_void,
) {
    // SAFETY: the contract is this function's own.
    unsafe { libffi::raw::ffi_call(cif, Some(function), result, values) }
}
