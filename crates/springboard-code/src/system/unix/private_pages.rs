//! Private pages: mapped to be written, then executable for good.

use std::{ffi::c_void, ptr};

use rustix::{
    io::Errno,
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap},
};

use crate::{
    error::{CodeError, Step},
    faults::perform,
    mapping::{Mapping, retry_unmapping},
    site::Site,
    system::protection::executable,
};

/// Size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// Private pages that were mapped for writing and do not execute.
#[cfg(not(all(target_os = "macos", target_arch = "aarch64")))]
pub(crate) struct Unsealed(Mapping);

#[cfg(not(all(target_os = "macos", target_arch = "aarch64")))]
impl Unsealed {
    /// Maps `bytes` private bytes, zeroed, where code should lie.
    pub(crate) fn new(bytes: usize, site: Site) -> Result<Unsealed, CodeError> {
        let start = map(near(site, bytes), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::empty())?;
        Ok(Unsealed(Mapping::owning(start, bytes)))
    }

    /// The contents.
    pub(crate) fn contents(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has so many bytes, zeroed when they were mapped, readable and writable until `seal`
        // consumes it. It is owned by `self`, which the result borrows exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.0.at(0), self.0.bytes()) }
    }

    /// No stub has a row of its own here.
    pub(crate) fn describe(&mut self, _place: std::ops::Range<usize>, _row: Option<u32>) {}

    /// Makes them executable, and not writable, for good.
    pub(crate) fn seal(self) -> Result<Mapping, CodeError> {
        seal(&self.0, 0, self.0.bytes())?;
        Ok(self.0)
    }
}

/// Pages at a multiple of an alignment, of which a part is yet to become executable.
pub(crate) struct Reserved(pub(in crate::system) Mapping);

impl Reserved {
    /// Maps `bytes` private bytes, zeroed, to be read and written.
    pub(crate) fn new(bytes: usize, align: usize) -> Result<Reserved, CodeError> {
        let all = bytes.checked_add(align).ok_or_else(|| Step::MapPages.failed(Errno::NOMEM))?;
        let start = map(ptr::null_mut(), all, ProtFlags::READ | ProtFlags::WRITE, MapFlags::empty())?;
        let before = start.addr().next_multiple_of(align) - start.addr();
        let end = before + bytes.next_multiple_of(page_size());
        // Each unmaps itself.
        drop((before != 0).then(|| Mapping::owning(start, before)));
        drop((end < all).then(|| Mapping::owning(start.wrapping_byte_add(end), all - end)));
        Ok(Reserved(Mapping::owning(start.wrapping_byte_add(before), bytes)))
    }

    /// Writes `code` at `offset`, at the start of a page, and makes its pages executable and not writable, for good.
    pub(crate) fn seal(&mut self, offset: usize, code: &[u8]) -> Result<(), CodeError> {
        assert!(offset + code.len() <= self.0.bytes());
        // SAFETY: the pages are this value's own, writable since they were mapped, and as long as asserted.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), self.0.at(offset), code.len()) };
        seal(&self.0, offset, code.len())
    }

    /// All of it.
    pub(crate) fn whole(self) -> Mapping {
        self.0
    }
}

impl Mapping {
    /// What is mapped at `start`, now this value's own.
    pub(crate) fn owning(start: *mut c_void, bytes: usize) -> Mapping {
        Mapping::new(start, bytes, unmap)
    }
}

/// Where `bytes` of code would lie best.
pub(in crate::system) fn near(site: Site, bytes: usize) -> *mut c_void {
    ptr::without_provenance_mut(site.place(bytes))
}

/// Maps private bytes, zeroed, near an address.
pub(in crate::system) fn map(
    near: *mut c_void,
    bytes: usize,
    access: ProtFlags,
    flags: MapFlags,
) -> Result<*mut c_void, CodeError> {
    retry_unmapping();
    // SAFETY: the address is a wish only, so no mapping that exists is touched.
    perform(Step::MapPages, || unsafe { mmap_anonymous(near, bytes, access, MapFlags::PRIVATE | flags) })
}

/// Makes pages that nobody writes any more executable, and not writable.
fn seal(pages: &Mapping, offset: usize, bytes: usize) -> Result<(), CodeError> {
    let access = MprotectFlags::from_bits_retain(executable().bits());
    // SAFETY: the mapping owns the pages, and its owner is about to give it up or has it exclusively: no reference to them
    // is left.
    perform(Step::SealPages, || unsafe { mprotect(pages.at(offset).cast(), bytes, access) })
}

fn unmap(start: *mut c_void, bytes: usize) -> Result<(), CodeError> {
    // SAFETY: the range is that of a `Mapping` that was dropped, the only owner of the pages.
    perform(Step::Unmap, || unsafe { munmap(start, bytes) })
}
