//! Last errors: `errno` and its like, delivered with a result.

use std::{
    ffi::{c_int, c_void},
    mem,
    num::NonZero,
    ptr::{self, NonNull},
};

use springboard_abi::ErrorSource;

use crate::system::errors;

/// What a call reads as soon as the native function has returned, before anything else can run on the thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LastError {
    /// The C library's `errno` (Windows: that of the C runtime that this program is linked to). It is set to zero before the call, so that what is delivered is the call's own: zero,
    /// or what the function left there.
    Errno,
    /// What the function at this address returns, an `int (*)(void)`: that of a library which keeps its last error
    /// itself. [`LastError::function`] makes one.
    Function(NonZero<usize>),
}

impl LastError {
    /// What the function at `address` returns, an `int (*)(void)`. It must stay callable for as long as functions that
    /// deliver it are called.
    pub fn function(address: NonNull<c_void>) -> LastError {
        LastError::Function(address.expose_provenance())
    }

    /// Where the running thread's `errno` is, for as long as the thread lives: that of [`LastError::Errno`].
    pub fn errno() -> *mut c_int {
        // SAFETY: the call takes nothing, and any thread may make it.
        unsafe { errors::errno() }
    }

    /// The system's own last error: what `GetLastError` returns on Windows, and elsewhere [`LastError::Errno`]. Windows
    /// sets it where a function fails; it is not set to zero before the call.
    pub fn system() -> LastError {
        let address = errors::system().and_then(|read| NonNull::new(read as *mut c_void));
        address.map_or(LastError::Errno, LastError::function)
    }

    /// How a plan says it.
    pub(crate) fn source(self) -> ErrorSource {
        match self {
            LastError::Errno if errors::errno_distance().is_some() => ErrorSource::ThreadLocal,
            LastError::Errno => ErrorSource::Location,
            LastError::Function(_) => ErrorSource::Function,
        }
    }

    /// What a stub calls, or how far from the thread pointer it looks.
    pub(crate) fn helper(self) -> u64 {
        match self {
            LastError::Errno => errors::errno_distance().unwrap_or(errors::errno as *const () as u64),
            LastError::Function(address) => address.get() as u64,
        }
    }

    /// Calls with the error written to `to` after it, where no stub does it.
    ///
    /// # Safety
    /// A function's address is that of an `int (*)(void)`; `to` can be written.
    pub(crate) unsafe fn around(self, to: *mut c_int, call: impl FnOnce()) {
        match self {
            LastError::Errno => {
                // SAFETY: the address is the running thread's, on which the call stays.
                unsafe {
                    let errno = LastError::errno();
                    *errno = 0;
                    call();
                    to.write_unaligned(*errno);
                }
            }
            LastError::Function(address) => {
                // SAFETY: the caller vouches that the address is an `int (*)(void)`, and that `to` can be written.
                unsafe {
                    let read = ptr::with_exposed_provenance::<c_void>(address.get());
                    let read = mem::transmute::<*const c_void, unsafe extern "C" fn() -> c_int>(read);
                    call();
                    to.write_unaligned(read());
                }
            }
        }
    }
}
