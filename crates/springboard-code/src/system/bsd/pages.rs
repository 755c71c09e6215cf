//! Ranges of pages, by address. What maps, protects and unmaps memory for code.
//!
//! On Apple's own CPUs code lies in pages of `MAP_JIT`, which a thread may either write or execute: which of the two is a
//! state of the thread, for all such pages of the process (`pthread_jit_write_protect_np(3)`). So a thread changes the state
//! for one copy, in which it runs nothing of ours, and changes it back. Elsewhere pages are made executable by
//! `mprotect(2)`, once.

use std::{ffi::c_void, io, ops::Range, ptr};

use super::extent::{Extent, no_files};
use crate::{
    error::{CodeError, Step},
    faults::perform,
    mapping::{Mapping, retry_unmapping},
    site::Site,
};

/// Size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: the call takes a number, and reads nothing through it.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).expect("pages have a size")
}

/// Private pages that do not execute yet, and what will be in them.
pub(crate) struct Unsealed {
    pages: Mapping,
    contents: Vec<u8>,
}

impl Unsealed {
    /// Maps `bytes` private bytes, zeroed, where code should lie.
    pub(crate) fn new(bytes: usize, site: Site) -> Result<Unsealed, CodeError> {
        retry_unmapping();
        let near = ptr::without_provenance_mut(site.place(bytes));
        let start = perform(Step::MapPages, || map(near, bytes, sealing::ACCESS, sealing::FLAGS))?;
        Ok(Unsealed { pages: Mapping::owning(start, bytes), contents: vec![0; bytes] })
    }

    /// The contents.
    pub(crate) fn contents(&mut self) -> &mut [u8] {
        &mut self.contents
    }

    /// No stub has a row of its own here.
    pub(crate) fn describe(&mut self, _place: Range<usize>, _row: Option<u32>) {}

    /// Makes them executable, and not writable, for good.
    pub(crate) fn seal(self) -> Result<Mapping, CodeError> {
        // SAFETY: the pages are this value's own, as long as their contents, and nobody has a reference to them.
        unsafe { sealing::fill(self.pages.at(0), &self.contents) }?;
        Ok(self.pages)
    }
}

/// How pages become executable.
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
mod sealing {
    use std::{ffi::c_int, ptr};

    use crate::error::CodeError;

    pub(super) const ACCESS: c_int = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    pub(super) const FLAGS: c_int = libc::MAP_JIT;

    /// # Safety
    /// Pages of [`FLAGS`] at `start`, as long as `code`, are the caller's, and executed by nobody.
    pub(super) unsafe fn fill(start: *mut u8, code: &[u8]) -> Result<(), CodeError> {
        const WRITE: c_int = 0;
        const EXECUTE: c_int = 1;
        // SAFETY: between the two changes of its state this thread executes no page of `MAP_JIT`; the caller vouches for the
        // pages.
        unsafe {
            libc::pthread_jit_write_protect_np(WRITE);
            ptr::copy_nonoverlapping(code.as_ptr(), start, code.len());
            libc::pthread_jit_write_protect_np(EXECUTE);
        }
        Ok(())
    }
}

/// How pages become executable.
#[cfg(not(all(target_os = "macos", target_arch = "aarch64")))]
mod sealing {
    use std::{ffi::c_int, ptr};

    use crate::error::CodeError;

    pub(super) const ACCESS: c_int = libc::PROT_READ | libc::PROT_WRITE;
    pub(super) const FLAGS: c_int = 0;

    /// # Safety
    /// Pages of [`ACCESS`] from `start` on, as long as `code`, are the caller's, and executed by nobody.
    pub(super) unsafe fn fill(start: *mut u8, code: &[u8]) -> Result<(), CodeError> {
        // SAFETY: the caller vouches for the pages.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), start, code.len()) };
        super::protect(start, code.len())
    }
}

impl Mapping {
    /// There are no files for code.
    pub(crate) fn of(extent: &Extent, _site: Site) -> Result<Mapping, CodeError> {
        match extent.0 {}
    }

    /// What is mapped at `start`, now this value's own.
    pub(crate) fn owning(start: *mut c_void, bytes: usize) -> Mapping {
        Mapping::new(start, bytes, unmap)
    }
}

/// Pages at a multiple of an alignment, of which a part is yet to become executable.
pub(crate) struct Reserved(Mapping);

impl Reserved {
    /// Maps `bytes` private bytes, zeroed, to be read and written.
    pub(crate) fn new(bytes: usize, align: usize) -> Result<Reserved, CodeError> {
        retry_unmapping();
        let too_large = || Step::MapPages.failed(io::Error::from_raw_os_error(libc::ENOMEM));
        let all = bytes.checked_add(align).ok_or_else(too_large)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let start = perform(Step::MapPages, || map(ptr::null_mut(), all, access, 0))?;
        let before = start.addr().next_multiple_of(align) - start.addr();
        let end = before + bytes.next_multiple_of(page_size());
        // Each unmaps itself.
        drop((before != 0).then(|| Mapping::owning(start, before)));
        drop((end < all).then(|| Mapping::owning(start.wrapping_byte_add(end), all - end)));
        Ok(Reserved(Mapping::owning(start.wrapping_byte_add(before), bytes)))
    }

    /// Pages are not replaced by a file's here: they are sealed.
    pub(crate) fn execute(&mut self, _offset: usize, _code: &[u8]) -> Result<(), CodeError> {
        Err(no_files())
    }

    /// Writes `code` at `offset`, at the start of a page, and makes its pages executable and not writable, for good. The
    /// hardened runtime refuses it: pages of `MAP_JIT` cannot replace others (mmap(2): not with `MAP_FIXED`).
    pub(crate) fn seal(&mut self, offset: usize, code: &[u8]) -> Result<(), CodeError> {
        assert!(offset + code.len() <= self.0.bytes());
        // SAFETY: the pages are this value's own, writable since they were mapped, and as long as asserted.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), self.0.at(offset), code.len()) };
        protect(self.0.at(offset), code.len())
    }

    /// All of it.
    pub(crate) fn whole(self) -> Mapping {
        self.0
    }
}

/// Makes pages that the caller owns executable, and not writable. Nobody has a reference to them.
fn protect(start: *mut u8, bytes: usize) -> Result<(), CodeError> {
    let access = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: the pages are the caller's, and nobody writes there.
    perform(Step::SealPages, || done(unsafe { libc::mprotect(start.cast(), bytes, access) }))
}

/// Maps private bytes, zeroed, near an address.
fn map(near: *mut c_void, bytes: usize, access: i32, flags: i32) -> io::Result<*mut c_void> {
    // SAFETY: the address is a wish only, so no mapping that exists is touched.
    let start = unsafe { libc::mmap(near, bytes, access, libc::MAP_PRIVATE | libc::MAP_ANON | flags, -1, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start) }
}

fn unmap(start: *mut c_void, bytes: usize) -> Result<(), CodeError> {
    // SAFETY: the range is that of a `Mapping` that was dropped, the only owner of the pages.
    perform(Step::Unmap, || done(unsafe { libc::munmap(start, bytes) }))
}

/// What a call says that returns zero where it succeeds.
fn done(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
