//! Ranges of pages, by address. The one file that maps, protects and unmaps memory.

use std::{
    ffi::c_void,
    mem,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{
    fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create},
    io::Errno,
    mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap},
    process::{Resource, getrlimit},
};

use springboard_emit::LandingPads;

use crate::{
    error::{CodeError, Step},
    protection::protection,
    system::perform,
};

/// Pages that this value owns, unmapped when it is dropped.
///
/// It holds an address and not a pointer: nothing is read or written through it, so it may cross threads.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: usize,
    bytes: usize,
}

/// What a range of pages allows. There is no value for writable and executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    None,
    Write,
    Execute,
}

impl Access {
    fn at_mapping(self) -> ProtFlags {
        match self {
            Access::None => ProtFlags::empty(),
            Access::Write => ProtFlags::READ | ProtFlags::WRITE,
            Access::Execute => ProtFlags::READ | ProtFlags::EXEC | ProtFlags::from_bits_retain(checked()),
        }
    }

    fn later(self) -> MprotectFlags {
        match self {
            Access::None => MprotectFlags::empty(),
            Access::Write => MprotectFlags::READ | MprotectFlags::WRITE,
            Access::Execute => {
                MprotectFlags::READ | MprotectFlags::EXEC | MprotectFlags::from_bits_retain(checked())
            }
        }
    }
}

/// The bit by which the CPU checks where indirect branches into the pages land, if it can: `PROT_BTI`.
fn checked() -> u32 {
    match protection().landing_pads {
        LandingPads::Emit => 0x10,
        LandingPads::Omit => 0,
    }
}

/// What code should lie near to. How far a branch goes costs as much as a cycle or two (docs/benchmarks.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Site {
    /// The code that calls stubs. Where the rest of a stub's time is one way to the native function and back, this is
    /// as good as any.
    #[default]
    Program,
    /// The C library, and with it most others: for stubs that call native code several times.
    Libraries,
}

impl Site {
    /// The address of some code there.
    fn landmark(self) -> usize {
        match self {
            Site::Program => near as *const () as usize,
            Site::Libraries => libc::strlen as *const () as usize,
        }
    }

    /// Bytes of address space at the site that have been asked for so far.
    fn taken(self) -> &'static AtomicUsize {
        static TAKEN: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
        &TAKEN[self as usize]
    }
}

/// Distance from the code at the site at which code memory begins, downwards. More than programs are long, so that
/// the place is free, and far less than 4 GB.
const BELOW: usize = 64 << 20;

/// Size of the range in which places are asked for, in bytes. Those at its start are asked for again in the end.
const REACH: usize = 1 << 30;

/// The largest page that a supported CPU can be set to, in bytes.
const LARGEST_PAGE: usize = 64 << 10;

/// Where `bytes` of code would lie best.
fn near(site: Site, bytes: usize) -> *mut c_void {
    let bytes = bytes.next_multiple_of(LARGEST_PAGE);
    let taken = site.taken().fetch_add(bytes, Ordering::Relaxed) % REACH;
    // Null, which a program at low addresses may come to, asks for nothing.
    let place = site.landmark().saturating_sub(BELOW + taken + bytes);
    ptr::without_provenance_mut(place / LARGEST_PAGE * LARGEST_PAGE)
}

impl Mapping {
    /// Maps `bytes` private bytes, zeroed and writable, where code should lie.
    pub(crate) fn private(bytes: usize, site: Site) -> Result<Mapping, CodeError> {
        retry_unmapping();
        let flags = MapFlags::PRIVATE;
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let map = || unsafe { mmap_anonymous(near(site, bytes), bytes, Access::Write.at_mapping(), flags) };
        Ok(Mapping::owning(perform(Step::MapPages, map)?, bytes))
    }

    /// Maps the first `bytes` of `file`, shared, with `access`; at the site, if one is named.
    pub(crate) fn shared(
        file: &CodeFile,
        bytes: usize,
        access: Access,
        site: Option<Site>,
        step: Step,
    ) -> Result<Mapping, CodeError> {
        retry_unmapping();
        let place = site.map_or(ptr::null_mut(), |site| near(site, bytes));
        let (access, flags) = (access.at_mapping(), MapFlags::SHARED);
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let map = || unsafe { mmap(place, bytes, access, flags, file.0.as_fd(), 0) };
        Ok(Mapping::owning(perform(step, map)?, bytes))
    }

    fn owning(start: *mut c_void, bytes: usize) -> Mapping {
        Mapping { address: start.expose_provenance(), bytes }
    }

    /// Changes what the pages that hold `range`, offsets in bytes, allow.
    ///
    /// # Safety
    /// Nobody may hold a reference into these pages that the new access forbids to use.
    pub(crate) unsafe fn protect(
        &self,
        range: Range<usize>,
        access: Access,
        step: Step,
    ) -> Result<(), CodeError> {
        let page = rustix::param::page_size();
        let start = range.start / page * page;
        let end = range.end.next_multiple_of(page).min(self.bytes);
        // SAFETY: the pages lie in this mapping, which is ours; the rest is the caller's promise.
        perform(step, || unsafe { mprotect(self.at(start).cast(), end - start, access.later()) })
    }

    /// Keeps the kernel from joining windows of so many bytes to one mapping, so that protecting one of them takes no
    /// mapping apart and puts none together again, which costs more than all else about it. Neighbours that are alike
    /// are joined: every other window is left out of core dumps, where code stands by its executable mapping.
    pub(crate) fn divide(&self, window: usize) -> Result<(), CodeError> {
        for start in (window..self.bytes).step_by(2 * window) {
            let bytes = window.min(self.bytes - start);
            // SAFETY: the pages lie in this mapping, which is ours; neither contents nor access change.
            let advise = || unsafe { madvise(self.at(start).cast(), bytes, Advice::LinuxDontDump) };
            perform(Step::DivideView, advise)?;
        }
        Ok(())
    }

    /// Gives whole, writable pages of a shared file back to the system; they read as zeros from now on. Nothing is
    /// given back where the system could not promise to [restore](Mapping::restore) them.
    ///
    /// # Safety
    /// Nobody may hold a reference into these pages, through any mapping of the file.
    pub(crate) unsafe fn release(&self, range: Range<usize>) -> Result<(), CodeError> {
        self.restore(range.clone())?;
        let (start, bytes) = (self.at(range.start).cast(), range.len());
        // SAFETY: the pages lie in this mapping, which is ours; the rest is the caller's promise.
        perform(Step::ReleasePages, || unsafe { madvise(start, bytes, Advice::LinuxRemove) })
    }

    /// Makes sure that whole, writable pages of a shared file are there, so that no write to them can fail.
    pub(crate) fn restore(&self, range: Range<usize>) -> Result<(), CodeError> {
        let (start, bytes) = (self.at(range.start).cast(), range.len());
        // SAFETY: the pages lie in this mapping, which is ours. Their contents do not change.
        perform(Step::RestorePages, || unsafe { madvise(start, bytes, Advice::LinuxPopulateWrite) })
    }

    /// The address of the byte at `offset`.
    pub(crate) fn at(&self, offset: usize) -> *mut u8 {
        debug_assert!(offset <= self.bytes);
        ptr::with_exposed_provenance_mut(self.address + offset)
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // Whoever could reach into the pages is gone: stubs keep their segment, views belong to theirs.
        if unmap(self.address, self.bytes).is_err() {
            unmapped_later().push((self.address, self.bytes));
        }
    }
}

/// Address and size in bytes of mappings that nobody needs and that the system did not unmap: splitting a range of
/// pages may take memory that there is not.
static UNMAPPED_LATER: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

fn unmapped_later() -> std::sync::MutexGuard<'static, Vec<(usize, usize)>> {
    UNMAPPED_LATER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries again.
pub(crate) fn retry_unmapping() {
    let mut mappings = unmapped_later();
    for (address, bytes) in mem::take(&mut *mappings) {
        if unmap(address, bytes).is_err() {
            mappings.push((address, bytes));
        }
    }
}

fn unmap(address: usize, bytes: usize) -> Result<(), CodeError> {
    let start = ptr::with_exposed_provenance_mut(address);
    // SAFETY: the callers have the pages from a mapping that was given up.
    perform(Step::Unmap, || unsafe { munmap(start, bytes) })
}

/// A file in memory without a name. Its descriptor is closed as soon as the file is mapped, and no program started
/// meanwhile inherits it.
pub(crate) struct CodeFile(OwnedFd);

impl CodeFile {
    /// A file of `bytes` zeros, all of them allocated.
    pub(crate) fn new(bytes: usize) -> Result<CodeFile, CodeError> {
        let create = |flags| memfd_create(c"springboard", flags);
        // Kernels before 6.3 do not know the flag and make every such file executable; later ones may want it.
        let file = perform(Step::CreateFile, || {
            create(MemfdFlags::CLOEXEC | MemfdFlags::EXEC)
                .or_else(|errno| if errno == Errno::INVAL { create(MemfdFlags::CLOEXEC) } else { Err(errno) })
        })?;
        // Growing a file beyond this limit would raise a signal, not an error.
        if getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < bytes as u64) {
            return Err(Step::SizeFile.failed(Errno::FBIG));
        }
        perform(Step::SizeFile, || fallocate(&file, FallocateFlags::empty(), 0, bytes as u64))?;
        Ok(CodeFile(file))
    }
}
