//! The file in memory that code is written to. The one file that knows its descriptor.
//!
//! No mapping of it is writable: code reaches it by `pwrite`, and the pages that execute show what the file has. One
//! file serves the whole process, so that it takes one descriptor, however many stubs there are.
//!
//! The descriptor's number proves nothing. A host may close all descriptors that it does not know (`closefrom`), and the
//! number may then be given to somebody else's file. So the file position is read before each use: the file for code
//! stands at a random one, which nothing here ever moves. A file at another position is not touched; the file for code
//! is given up, and code goes on in a new one. Between that look and the write, a host that closes descriptors and opens
//! files on other threads is protected only by the number being high: the system gives out the lowest that are free.

use std::{
    any::Any,
    hash::{BuildHasher, RandomState},
    mem,
    ops::Range,
    os::fd::{BorrowedFd, RawFd},
    sync::{
        Mutex, MutexGuard, Once, PoisonError, Weak,
        atomic::{AtomicBool, AtomicI32, Ordering::Relaxed},
    },
};

use rustix::{
    fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SeekFrom, Stat, fallocate, memfd_create, open, seek},
    io::{Errno, fcntl_dupfd_cloexec, pwrite},
};

use super::{descriptor::Descriptor, ranges::Ranges};
use crate::{
    error::{CodeError, Step},
    faults::perform,
    system::unix::fork::{self, Process},
};

/// The least number that is wished for the descriptor. Below what `select` can wait for and most limits allow.
const NUMBER: RawFd = 900;

/// Marks a descriptor that was closed.
const CLOSED: RawFd = -1;

static OPEN: Mutex<Vec<Weak<CodeFile>>> = Mutex::new(Vec::new());

/// A file in memory without a name. No program that is started inherits its descriptor, and no forked child keeps it.
#[derive(Debug)]
pub(super) struct CodeFile {
    /// Its number, or [`CLOSED`].
    descriptor: AtomicI32,
    /// The position that it stands at.
    position: u64,
    /// Device and inode.
    inode: (u64, u64),
    /// Set for good when the number was found to mean something else.
    lost: AtomicBool,
    /// Which may use it.
    process: Process,
    ranges: Mutex<Ranges>,
}

/// The files that this process writes. Nobody waits for a fork with them locked.
pub(super) fn open_files() -> MutexGuard<'static, Vec<Weak<CodeFile>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CodeFile {
    /// An empty file.
    pub(super) fn create() -> Result<CodeFile, CodeError> {
        static GIVEN_UP_AT_FORK: Once = Once::new();
        GIVEN_UP_AT_FORK.call_once(|| fork::lock_at_fork(|| Box::new(GiveUp) as Box<dyn Any>));
        let create = |flags| memfd_create(c"springboard", flags);
        // Kernels before 6.3 do not know the flag and make every such file executable; later ones may want it.
        let first = perform(Step::CreateFile, || {
            create(MemfdFlags::CLOEXEC | MemfdFlags::EXEC)
                .or_else(|errno| if errno == Errno::INVAL { create(MemfdFlags::CLOEXEC) } else { Err(errno) })
        })?;
        let first = Descriptor::new(first, is_new)?;
        let inode = first.inode();
        let moved = perform(Step::MoveDescriptor, || fcntl_dupfd_cloexec(first.borrow(), NUMBER));
        let file = match moved {
            Ok(moved) => Descriptor::new(moved, is_new)?,
            Err(_) => first,
        };
        let position = RandomState::new().hash_one(inode) >> 2;
        perform(Step::IdentifyFile, || seek(file.borrow(), SeekFrom::Start(position)))?;
        Ok(CodeFile {
            descriptor: AtomicI32::new(file.keep()),
            position,
            inode,
            lost: AtomicBool::new(false),
            process: fork::process(),
            ranges: Mutex::default(),
        })
    }

    pub(super) fn ranges(&self) -> MutexGuard<'_, Ranges> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.lost.load(Relaxed) && self.descriptor.load(Relaxed) != CLOSED && self.process == fork::process()
    }

    /// The descriptor, if it is ours.
    pub(super) fn identified(&self) -> Result<BorrowedFd<'_>, CodeError> {
        let lost = Step::IdentifyFile.failed(Errno::BADF);
        if !self.is_usable() {
            return Err(lost);
        }
        let descriptor = self.descriptor.load(Relaxed);
        // SAFETY: the number is not -1, which `is_usable` looked at. That it is open and means this file is what the
        // next line asks: on any other the call changes nothing.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        match perform(Step::IdentifyFile, || seek(descriptor, SeekFrom::Current(0))) {
            Ok(position) if position == self.position => Ok(descriptor),
            Ok(_) => {
                self.lose();
                Err(lost)
            }
            Err(error) => {
                self.lose();
                Err(error)
            }
        }
    }

    /// Writes `bytes` from `start` on. Where it fails, part may have been written.
    pub(super) fn write(&self, mut start: u64, mut bytes: &[u8]) -> Result<(), CodeError> {
        let descriptor = self.identified()?;
        // Growing a file beyond this limit would raise a signal, not an error.
        if start + bytes.len() as u64 > file_limit() {
            return Err(Step::WriteFile.failed(Errno::FBIG));
        }
        while !bytes.is_empty() {
            match perform(Step::WriteFile, || pwrite(descriptor, bytes, start)) {
                Ok(0) => return Err(Step::WriteFile.failed(Errno::NOSPC)),
                Ok(written) => {
                    start += written as u64;
                    bytes = &bytes[written..];
                }
                Err(error) if error.errno == libc::EINTR => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives the pages of `range` back to the system.
    pub(super) fn release(&self, range: Range<u64>) -> Result<(), CodeError> {
        let descriptor = self.identified()?;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        perform(Step::ReleasePages, || fallocate(descriptor, flags, range.start, range.end - range.start))
    }

    /// The file, opened again for reading only. `None` where the system does not let us.
    pub(super) fn reopened(&self) -> Option<Descriptor> {
        let path = format!("/proc/self/fd/{}", self.descriptor.load(Relaxed));
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = perform(Step::ReopenFile, || open(&path, flags, Mode::empty())).ok()?;
        Descriptor::new(file, |status| (status.st_dev, status.st_ino) == self.inode).ok()
    }

    /// Gives the file up for good.
    pub(super) fn lose(&self) {
        self.lost.store(true, Relaxed);
    }

    /// Closes the descriptor, if it is ours. No other thread may be using it.
    fn close(&self) {
        let descriptor = self.descriptor.swap(CLOSED, Relaxed);
        if descriptor == CLOSED {
            return;
        }
        drop(Descriptor::known(descriptor, self.inode));
    }
}

/// Whether a file is as `memfd_create` makes it.
fn is_new(status: &Stat) -> bool {
    (status.st_nlink, status.st_size, status.st_mode) == (0, 0, libc::S_IFREG | 0o777)
}

impl Drop for CodeFile {
    fn drop(&mut self) {
        self.close();
    }
}

/// Has neither parent nor child write where both execute, and the child have no descriptor of its parent's code: after a
/// fork, each goes on in a file of its own.
struct GiveUp;

impl Drop for GiveUp {
    fn drop(&mut self) {
        // Whoever writes keeps the process from forking, so nobody does.
        mem::take(&mut *open_files()).iter().filter_map(Weak::upgrade).for_each(|file| file.close());
    }
}

/// `RLIMIT_FSIZE` in bytes. The system call of this name takes half the time of its successor, which tells the same.
fn file_limit() -> u64 {
    #[cfg(not(target_arch = "riscv64"))]
    {
        let mut limit = [u64::MAX; 2];
        // SAFETY: the call writes a `struct rlimit` of 64-bit Linux, two words, and only where it succeeds.
        let refused = unsafe { libc::syscall(libc::SYS_getrlimit, libc::RLIMIT_FSIZE, &raw mut limit) };
        if refused == 0 {
            return limit[0];
        }
    }
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX)
}
