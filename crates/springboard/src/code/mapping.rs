//! Ranges of pages, by address. The one file that maps, protects and unmaps memory.

use std::{
    ffi::c_void,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
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

/// Distance from this program's code at which code memory begins, downwards. More than programs are long, so that
/// the place is free, and far less than 4 GB.
const BELOW: usize = 64 << 20;

/// Size of the range in which places are asked for, in bytes. Those at its start are asked for again in the end.
const REACH: usize = 1 << 30;

/// The largest page that a supported CPU can be set to, in bytes.
const LARGEST_PAGE: usize = 64 << 10;

/// Where `bytes` of code would lie best: near the code that calls them. Intel's CPUs take two cycles longer over a
/// stub that calls and returns if its caller's address differs in the upper half (docs/benchmarks.md).
fn near(bytes: usize) -> *mut c_void {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let bytes = bytes.next_multiple_of(LARGEST_PAGE);
    let taken = TAKEN.fetch_add(bytes, Ordering::Relaxed) % REACH;
    let here = near as *const () as usize;
    // Null, which a program at low addresses may come to, asks for nothing.
    let place = here.saturating_sub(BELOW + taken + bytes);
    ptr::without_provenance_mut(place / LARGEST_PAGE * LARGEST_PAGE)
}

impl Mapping {
    /// Maps `bytes` private bytes, zeroed and writable, where code should lie.
    pub(super) fn private(bytes: usize) -> Result<Mapping, CodeError> {
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let start =
            unsafe { mmap_anonymous(near(bytes), bytes, Access::Write.at_mapping(), MapFlags::PRIVATE) };
        Mapping::owning(start, bytes, Step::MapPages)
    }

    /// Maps the first `bytes` of `file`, shared, with `access`; where code should lie, if it is executable.
    pub(super) fn shared(
        file: &CodeFile,
        bytes: usize,
        access: Access,
        step: Step,
    ) -> Result<Mapping, CodeError> {
        let place = if access == Access::Execute { near(bytes) } else { ptr::null_mut() };
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let start = unsafe { mmap(place, bytes, access.at_mapping(), MapFlags::SHARED, file.0.as_fd(), 0) };
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
