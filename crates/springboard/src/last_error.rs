//! Last errors: `errno` and its like, delivered with a result.

use std::{
    ffi::{c_int, c_void},
    mem,
    num::NonZero,
    ptr::{self, NonNull},
};

use springboard_abi::ErrorSource;

/// What a call reads as soon as the native function has returned, before anything else can run on the thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LastError {
    /// The C library's `errno`. It is set to zero before the call, so that what is delivered is the call's own: zero,
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

    /// How a plan says it.
    pub(crate) fn source(self) -> ErrorSource {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            LastError::Errno => ErrorSource::ThreadLocal,
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            LastError::Errno => ErrorSource::Location,
            LastError::Function(_) => ErrorSource::Function,
        }
    }

    /// What a stub calls, or how far from the thread pointer it looks.
    pub(crate) fn helper(self) -> u64 {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            LastError::Errno => errno_distance(),
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            LastError::Errno => libc::__errno_location as *const () as u64,
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
                    let errno = libc::__errno_location();
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

/// How far from the thread pointer `errno` is, on every thread alike: glibc has it in the static thread-local storage of
/// a library that programs start with (its symbol is of the initial-exec model), musl in the thread's descriptor.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn errno_distance() -> u64 {
    let thread: u64;
    // SAFETY: the first word that the thread pointer points to is the thread pointer itself (ELF TLS ABI, variant II).
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) thread, options(nostack, preserves_flags, readonly, pure));
    }
    // SAFETY: it has no conditions.
    let errno = unsafe { libc::__errno_location() };
    (errno.expose_provenance() as u64).wrapping_sub(thread)
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn errno_is_as_far_from_the_thread_pointer_on_every_thread() {
        let here = errno_distance();
        for _ in 0..4 {
            assert_eq!(std::thread::spawn(errno_distance).join().ok(), Some(here));
        }
    }
}
