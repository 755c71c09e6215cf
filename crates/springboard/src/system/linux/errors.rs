//! Last errors: `errno` is all that there is.

use std::ffi::c_int;

/// What reads the system's last error, where that is not `errno`.
pub(crate) fn system() -> Option<unsafe extern "C" fn() -> c_int> {
    None
}

/// The address of the running thread's `errno`.
pub(crate) unsafe extern "C" fn errno() -> *mut c_int {
    // SAFETY: the call takes nothing and any thread may make it.
    unsafe { libc::__errno_location() }
}

/// How far from the thread pointer `errno` is, on every thread alike: glibc has it in the static thread-local storage of
/// a library that programs start with (its symbol is of the initial-exec model), musl in the thread's descriptor.
#[cfg(target_arch = "x86_64")]
pub(crate) fn errno_distance() -> Option<u64> {
    let thread: u64;
    // SAFETY: the first word that the thread pointer points to is the thread pointer itself (ELF TLS ABI, variant II).
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) thread, options(nostack, preserves_flags, readonly, pure));
    }
    // SAFETY: it has no conditions.
    let errno = unsafe { errno() };
    Some((errno.addr() as u64).wrapping_sub(thread))
}

/// Stubs of this CPU do not look for it by the thread pointer.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn errno_distance() -> Option<u64> {
    None
}

#[cfg(all(test, target_arch = "x86_64"))]
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
