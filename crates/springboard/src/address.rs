//! Addresses of code, as data pointers and as function pointers.

use std::{ffi::c_void, mem, ptr::NonNull};

use springboard_code::CodePointer;

/// The code at an address.
#[inline(always)]
pub(crate) fn code(address: NonNull<c_void>) -> CodePointer {
    // SAFETY: the address is not null, and a function pointer has the size and form of a data pointer on every target.
    // Calling it is unsafe, and whoever does answers for what it points to.
    unsafe { mem::transmute::<NonNull<c_void>, CodePointer>(address) }
}

/// The address of code.
#[inline(always)]
pub(crate) fn of(code: CodePointer) -> NonNull<c_void> {
    // SAFETY: a function pointer has the size and form of a data pointer on every target, and is never null.
    unsafe { mem::transmute::<CodePointer, NonNull<c_void>>(code) }
}
