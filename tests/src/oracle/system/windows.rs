//! Windows: virtual memory and exceptions.

use std::{ops::Range, ptr, sync::OnceLock};

use windows_sys::Win32::{
    Foundation::{EXCEPTION_BREAKPOINT, STATUS_SEVERITY_ERROR},
    System::{
        Diagnostics::Debug::{AddVectoredExceptionHandler, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS},
        Memory::{
            MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_EXECUTE_READ, PAGE_NOACCESS, PAGE_READWRITE,
            VirtualAlloc, VirtualFree, VirtualProtect,
        },
        SystemInformation::{GetSystemInfo, SYSTEM_INFO},
        Threading::{GetCurrentProcess, TerminateProcess},
    },
};

use super::access::Access;

/// Pages, which may not be touched at first.
pub(in crate::oracle) struct Pages {
    start: *mut u8,
    bytes: usize,
}

/// Size of a page, in bytes.
pub(in crate::oracle) fn page_size() -> usize {
    let mut info = SYSTEM_INFO::default();
    // SAFETY: the call writes the structure, which is ours.
    unsafe { GetSystemInfo(&mut info) };
    info.dwPageSize as usize
}

impl Pages {
    /// # Panics
    /// Where the system gives none.
    pub(in crate::oracle) fn new(bytes: usize) -> Pages {
        // SAFETY: new pages at an address of the system's choice.
        let start = unsafe { VirtualAlloc(ptr::null(), bytes, MEM_RESERVE | MEM_COMMIT, PAGE_NOACCESS) };
        assert!(!start.is_null(), "no memory");
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
            Access::Write => PAGE_READWRITE,
            Access::Execute => PAGE_EXECUTE_READ,
        };
        let mut before = 0;
        // SAFETY: the pages are this value's, which nobody has a reference to while they are not to be touched.
        let done =
            unsafe { VirtualProtect(self.start.add(range.start).cast(), range.len(), access, &mut before) };
        assert_ne!(done, 0, "no memory");
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the pages are ours, and no reference into them outlives `self`.
        unsafe { VirtualFree(self.start.cast(), 0, MEM_RELEASE) };
    }
}

/// What is called with an exception and an address.
static REPORT: OnceLock<fn(u32, usize)> = OnceLock::new();

/// From now on, an exception that native code can cause calls `report` and ends the process.
pub(in crate::oracle) fn report_crashes(report: fn(u32, usize)) {
    const FIRST: u32 = 1;
    REPORT.get_or_init(|| report);
    // SAFETY: the handler has the type that is asked for, and is never taken away.
    unsafe { AddVectoredExceptionHandler(FIRST, Some(on_exception)) };
}

/// # Safety
/// Called by the system.
unsafe extern "system" fn on_exception(exception: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the system hands over a valid description.
    let (code, address) = unsafe {
        let record = &*(*exception).ExceptionRecord;
        (record.ExceptionCode, record.ExceptionAddress.addr())
    };
    // Panics and C++'s exceptions pass by here too, by numbers that are no errors of the system's (bit 29).
    let is_crash = code.cast_unsigned() >> 29 == STATUS_SEVERITY_ERROR << 1 || code == EXCEPTION_BREAKPOINT;
    if is_crash {
        if let Some(report) = REPORT.get() {
            report(code.cast_unsigned(), address);
        }
        // SAFETY: the process ends.
        unsafe { TerminateProcess(GetCurrentProcess(), 1) };
    }
    EXCEPTION_CONTINUE_SEARCH
}
