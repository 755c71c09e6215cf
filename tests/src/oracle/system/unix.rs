//! Unix: mappings and signals.

use std::{ffi::c_int, ops::Range, ptr, sync::OnceLock};

use super::access::Access;

/// Pages of a mapping, which may not be touched at first.
pub(in crate::oracle) struct Pages {
    start: *mut u8,
    bytes: usize,
}

/// Size of a page, in bytes.
pub(in crate::oracle) fn page_size() -> usize {
    // SAFETY: a question with no memory involved.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

impl Pages {
    /// # Panics
    /// Where the system gives none.
    pub(in crate::oracle) fn new(bytes: usize) -> Pages {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the system's choice.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "no memory");
        Pages { start: start.cast(), bytes }
    }

    pub(in crate::oracle) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Lets whole pages be used so.
    ///
    /// # Panics
    /// Where the system refuses.
    pub(in crate::oracle) fn allow(&self, range: Range<usize>, access: Access) {
        assert!(range.end <= self.bytes.next_multiple_of(page_size()));
        let access = match access {
            Access::Write => libc::PROT_READ | libc::PROT_WRITE,
            Access::Execute => libc::PROT_READ | libc::PROT_EXEC,
        };
        // SAFETY: the pages are in the mapping, which nobody has a reference to while it is not to be touched.
        let done = unsafe { libc::mprotect(self.start.add(range.start).cast(), range.len(), access) };
        assert_eq!(done, 0, "no memory");
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.cast(), self.bytes) };
    }
}

/// Bytes of the stack on which crashes are reported.
const STACK: usize = 64 << 10;

/// What is called with a signal and an address.
static REPORT: OnceLock<fn(u32, usize)> = OnceLock::new();

/// From now on, a signal that native code can cause calls `report` and ends the process.
pub(in crate::oracle) fn report_crashes(report: fn(u32, usize)) {
    REPORT.get_or_init(|| report);
    // SAFETY: the stack is never freed, and the handler has the type that SA_SIGINFO asks for.
    unsafe {
        let stack = libc::stack_t {
            ss_sp: Box::leak(vec![0u8; STACK].into_boxed_slice()).as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: STACK,
        };
        libc::sigaltstack(&raw const stack, ptr::null_mut());
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT]
        {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as unsafe extern "C" fn(_, _, _) as usize;
            action.sa_flags = libc::SA_ONSTACK | libc::SA_SIGINFO | libc::SA_RESETHAND;
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
    }
}

/// # Safety
/// Called by the system.
unsafe extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system hands over a valid description; and the process ends.
    unsafe {
        if let Some(report) = REPORT.get() {
            report(signal.cast_unsigned(), (*info).si_addr() as usize);
        }
        libc::_exit(1)
    }
}
