//! Ranges of pages, by address. The one file that maps, protects and unmaps memory.

use std::{
    ffi::c_void,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    ptr,
};

use rustix::{
    fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create},
    io::Errno,
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap},
    process::{Resource, getrlimit},
};

use super::error::{CodeError, Step};

/// Pages that this value owns, unmapped when it is dropped.
///
/// It holds an address and not a pointer: nothing is read or written through it, so it may cross threads.
#[derive(Debug)]
pub(super) struct Mapping {
    address: usize,
    bytes: usize,
}

/// What a range of pages allows. There is no value for writable and executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    None,
    Write,
    Execute,
}

impl Access {
    fn at_mapping(self) -> ProtFlags {
        match self {
            Access::None => ProtFlags::empty(),
            Access::Write => ProtFlags::READ | ProtFlags::WRITE,
            Access::Execute => ProtFlags::READ | ProtFlags::EXEC,
        }
    }

    fn later(self) -> MprotectFlags {
        match self {
            Access::None => MprotectFlags::empty(),
            Access::Write => MprotectFlags::READ | MprotectFlags::WRITE,
            Access::Execute => MprotectFlags::READ | MprotectFlags::EXEC,
        }
    }
}

impl Mapping {
    /// Maps `bytes` private bytes, zeroed and writable.
    pub(super) fn private(bytes: usize) -> Result<Mapping, CodeError> {
        // SAFETY: the kernel chooses the place, so no mapping that exists is touched.
        let start =
            unsafe { mmap_anonymous(ptr::null_mut(), bytes, Access::Write.at_mapping(), MapFlags::PRIVATE) };
        Mapping::owning(start, bytes, Step::MapPages)
    }

    /// Maps the first `bytes` of `file`, shared, with `access`.
    pub(super) fn shared(
        file: &CodeFile,
        bytes: usize,
        access: Access,
        step: Step,
    ) -> Result<Mapping, CodeError> {
        // SAFETY: the kernel chooses the place, so no mapping that exists is touched.
        let start =
            unsafe { mmap(ptr::null_mut(), bytes, access.at_mapping(), MapFlags::SHARED, file.0.as_fd(), 0) };
        Mapping::owning(start, bytes, step)
    }

    fn owning(
        start: rustix::io::Result<*mut c_void>,
        bytes: usize,
        step: Step,
    ) -> Result<Mapping, CodeError> {
        let start = start.map_err(|errno| step.failed(errno))?;
        Ok(Mapping { address: start.expose_provenance(), bytes })
    }

    /// Changes what the pages that hold `range`, offsets in bytes, allow.
    ///
    /// # Safety
    /// Nobody may hold a reference into these pages that the new access forbids to use.
    pub(super) unsafe fn protect(
        &self,
        range: Range<usize>,
        access: Access,
        step: Step,
    ) -> Result<(), CodeError> {
        let page = rustix::param::page_size();
        let start = range.start / page * page;
        let end = range.end.next_multiple_of(page).min(self.bytes);
        // SAFETY: the pages lie in this mapping, which is ours; the rest is the caller's promise.
        unsafe { mprotect(self.at(start).cast(), end - start, access.later()) }
            .map_err(|errno| step.failed(errno))
    }

    /// The address of the byte at `offset`.
    pub(super) fn at(&self, offset: usize) -> *mut u8 {
        debug_assert!(offset <= self.bytes);
        ptr::with_exposed_provenance_mut(self.address + offset)
    }

    /// Size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the pages are ours, and whoever could reach into them is gone: a stub keeps its segment, a view
        // is borrowed from its owner. A failure would leave the pages mapped, which harms nobody.
        let _ = unsafe { munmap(self.at(0).cast(), self.bytes) };
    }
}

/// A file in memory without a name. Its descriptor is closed as soon as the file is mapped, and no program started
/// meanwhile inherits it.
pub(super) struct CodeFile(OwnedFd);

impl CodeFile {
    /// A file of `bytes` zeros, all of them allocated.
    pub(super) fn new(bytes: usize) -> Result<CodeFile, CodeError> {
        let create = |flags| memfd_create(c"springboard", flags);
        // Kernels before 6.3 do not know the flag and make every such file executable; later ones may want it.
        let file = create(MemfdFlags::CLOEXEC | MemfdFlags::EXEC)
            .or_else(|errno| if errno == Errno::INVAL { create(MemfdFlags::CLOEXEC) } else { Err(errno) })
            .map_err(|errno| Step::CreateFile.failed(errno))?;
        // Growing a file beyond this limit would raise a signal, not an error.
        if getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < bytes as u64) {
            return Err(Step::SizeFile.failed(Errno::FBIG));
        }
        fallocate(&file, FallocateFlags::empty(), 0, bytes as u64)
            .map_err(|errno| Step::SizeFile.failed(errno))?;
        Ok(CodeFile(file))
    }
}
