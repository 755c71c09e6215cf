//! Last errors: the C runtime has an `errno`, and the system its own.

use std::ffi::c_int;

unsafe extern "C" {
    /// The address of the running thread's `errno`, in the C runtime that this program is linked to.
    #[link_name = "_errno"]
    pub(crate) fn errno() -> *mut c_int;
}

/// Stubs ask for the address of `errno` here.
pub(crate) fn errno_distance() -> Option<u64> {
    None
}

/// What reads the system's last error, where that is not `errno`.
pub(crate) fn system() -> Option<unsafe extern "C" fn() -> c_int> {
    Some(last)
}

unsafe extern "C" fn last() -> c_int {
    // SAFETY: the call takes nothing and any thread may make it.
    unsafe { windows_sys::Win32::Foundation::GetLastError() }.cast_signed()
}
