//! Last errors: `errno` is all that there is.

use std::ffi::c_int;

/// What reads the system's last error, where that is not `errno`.
pub(crate) fn system() -> Option<unsafe extern "C" fn() -> c_int> {
    None
}

/// The address of the running thread's `errno`.
pub(crate) unsafe extern "C" fn errno() -> *mut c_int {
    // SAFETY: the call takes nothing and any thread may make it.
    unsafe { libc::__error() }
}

/// Stubs ask for the address of `errno` here.
pub(crate) fn errno_distance() -> Option<u64> {
    None
}
