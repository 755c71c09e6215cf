//! Ranges of pages, by address. What maps, protects and unmaps memory for code.

use std::{ffi::c_void, ops::Range, os::fd::OwnedFd, ptr};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::{Errno, pwrite},
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap},
};
use springboard_emit::LandingPads;

use super::{extent::Extent, protection::protection};
use crate::{
    error::{CodeError, Step},
    faults::perform,
    mapping::{Mapping, retry_unmapping},
    site::Site,
};

/// Size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// Private pages that were mapped for writing and do not execute.
pub(crate) struct Unsealed(Mapping);

/// What pages that execute allow, when they are mapped.
fn execute() -> ProtFlags {
    ProtFlags::READ | ProtFlags::EXEC | ProtFlags::from_bits_retain(checked())
}

/// The bit by which the CPU checks where indirect branches into the pages land, if it can: `PROT_BTI`.
fn checked() -> u32 {
    match protection().landing_pads {
        LandingPads::Emit => 0x10,
        LandingPads::Omit => 0,
    }
}

/// Where `bytes` of code would lie best.
fn near(site: Site, bytes: usize) -> *mut c_void {
    ptr::without_provenance_mut(site.place(bytes))
}

impl Unsealed {
    /// Maps `bytes` private bytes, zeroed, where code should lie.
    pub(crate) fn new(bytes: usize, site: Site) -> Result<Unsealed, CodeError> {
        retry_unmapping();
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let map = || unsafe { mmap_anonymous(near(site, bytes), bytes, access, flags) };
        Ok(Unsealed(Mapping::owning(perform(Step::MapPages, map)?, bytes)))
    }

    /// The contents.
    pub(crate) fn contents(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has so many bytes, zeroed when they were mapped, readable and writable until `seal`
        // consumes it. It is owned by `self`, which the result borrows exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.0.at(0), self.0.bytes()) }
    }

    /// No stub has a row of its own here.
    pub(crate) fn describe(&mut self, _place: Range<usize>, _row: Option<u32>) {}

    /// Makes them executable, and not writable, for good.
    pub(crate) fn seal(self) -> Result<Mapping, CodeError> {
        let access = MprotectFlags::from_bits_retain(execute().bits());
        // SAFETY: the pages are this mapping's own, and a reference to them would borrow `self`, which is moved here.
        perform(Step::SealPages, || unsafe { mprotect(self.0.at(0).cast(), self.0.bytes(), access) })?;
        Ok(self.0)
    }
}

impl Mapping {
    /// Maps all of `extent`, executable, at `site`. No mapping of the file can be made writable: it is shared with
    /// nobody who may write; or else private, so that what is written to it by force is seen by nobody else.
    pub(crate) fn of(extent: &Extent, site: Site) -> Result<Mapping, CodeError> {
        retry_unmapping();
        let bytes = extent.bytes();
        let reopened = extent.reopened();
        let (file, flags) = match &reopened {
            Some(file) => (file.borrow(), MapFlags::SHARED),
            None => (extent.descriptor()?, MapFlags::PRIVATE),
        };
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let map = || unsafe { mmap(near(site, bytes), bytes, execute(), flags, file, extent.start()) };
        Ok(Mapping::owning(perform(Step::MapExecutable, map)?, bytes))
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
        let all = bytes.checked_add(align).ok_or_else(|| Step::MapPages.failed(Errno::NOMEM))?;
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the kernel chooses the address, so no mapping that exists is touched.
        let map = || unsafe { mmap_anonymous(ptr::null_mut(), all, access, flags) };
        let start = perform(Step::MapPages, map)?;
        let before = start.addr().next_multiple_of(align) - start.addr();
        let whole = start.wrapping_byte_add(before);
        let page = page_size();
        let end = before + bytes.next_multiple_of(page);
        // Each unmaps itself.
        drop((before != 0).then(|| Mapping::owning(start, before)));
        drop((end < all).then(|| Mapping::owning(start.wrapping_byte_add(end), all - end)));
        Ok(Reserved(Mapping::owning(whole, bytes)))
    }

    /// Has whole pages from `offset` on execute `code`. Where it fails, they are as they were.
    pub(crate) fn execute(&mut self, offset: usize, code: &[u8]) -> Result<(), CodeError> {
        assert!(offset + code.len() <= self.0.bytes());
        let file = CodeFile::holding(code)?;
        let (at, flags) = (self.0.at(offset).cast(), MapFlags::PRIVATE | MapFlags::FIXED);
        // SAFETY: the pages that this replaces are this value's own, and nobody has a reference to them.
        perform(Step::MapExecutable, || unsafe { mmap(at, code.len(), execute(), flags, &file.0, 0) })?;
        Ok(())
    }

    /// Writes `code` at `offset`, at the start of a page, and makes its pages executable and not writable, for good.
    pub(crate) fn seal(&mut self, offset: usize, code: &[u8]) -> Result<(), CodeError> {
        assert!(offset + code.len() <= self.0.bytes());
        // SAFETY: the pages are this value's own, writable since they were mapped, and as long as asserted.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), self.0.at(offset), code.len()) };
        let access = MprotectFlags::from_bits_retain(execute().bits());
        // SAFETY: the pages are this value's own, and nobody has a reference to them.
        perform(Step::SealPages, || unsafe { mprotect(self.0.at(offset).cast(), code.len(), access) })
    }

    /// All of it.
    pub(crate) fn whole(self) -> Mapping {
        self.0
    }
}

/// A file in memory that holds code and is mapped privately: what is written to it by force is seen by nobody.
struct CodeFile(OwnedFd);

impl CodeFile {
    fn holding(code: &[u8]) -> Result<CodeFile, CodeError> {
        let create = || memfd_create("springboard closures", MemfdFlags::CLOEXEC);
        let file = perform(Step::CreateFile, create)?;
        let whole = |written| if written == code.len() { Ok(()) } else { Err(Errno::IO) };
        perform(Step::WriteFile, || pwrite(&file, code, 0).and_then(whole))?;
        Ok(CodeFile(file))
    }
}

fn unmap(start: *mut c_void, bytes: usize) -> Result<(), CodeError> {
    // SAFETY: the range is that of a `Mapping` that was dropped, the only owner of the pages.
    perform(Step::Unmap, || unsafe { munmap(start, bytes) })
}
