//! Descriptors of the file for code.

use std::{
    mem::ManuallyDrop,
    os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd},
};

use rustix::{
    fs::{Stat, fstat},
    io::Errno,
};

use crate::error::{CodeError, Step};

/// Closed when it is dropped, unless its number means another file by then. (An
/// `OwnedFd` would close whatever it means.)
pub(crate) struct Descriptor {
    number: RawFd,
    /// Device and inode of the file.
    inode: (u64, u64),
}

impl Descriptor {
    /// One that was opened just now, if it is still that of a file as `expected`.
    pub(super) fn new(
        opened: OwnedFd,
        expected: impl FnOnce(&Stat) -> bool,
    ) -> Result<Descriptor, CodeError> {
        let number = opened.into_raw_fd();
        // SAFETY: the number was given out just now, so it is not -1. If it is closed by now, the call says so.
        let status = fstat(unsafe { BorrowedFd::borrow_raw(number) });
        let status = status.map_err(|errno| Step::IdentifyFile.failed(errno))?;
        if expected(&status) {
            Ok(Descriptor { number, inode: (status.st_dev, status.st_ino) })
        } else {
            Err(Step::IdentifyFile.failed(Errno::BADF))
        }
    }

    /// The one of this number, which was kept open for the file with this device and inode.
    pub(super) fn known(number: RawFd, inode: (u64, u64)) -> Descriptor {
        Descriptor { number, inode }
    }

    /// Device and inode of the file.
    pub(super) fn inode(&self) -> (u64, u64) {
        self.inode
    }

    pub(crate) fn borrow(&self) -> BorrowedFd<'_> {
        // SAFETY: the number is that of a descriptor, which was open when `self` was made and is closed by `Drop`. If a
        // host has closed it since, calls fail, or meet a file that who uses them tells from this one.
        unsafe { BorrowedFd::borrow_raw(self.number) }
    }

    /// Its number, left open.
    pub(super) fn keep(self) -> RawFd {
        ManuallyDrop::new(self).number
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let ours = |status: Stat| (status.st_dev, status.st_ino) == self.inode;
        if fstat(self.borrow()).is_ok_and(ours) {
            // A host that closes it between the look and this call leaves nothing to do, which rustix's `close` would take
            // for a mistake.
            // SAFETY: the number means the file that it was opened for, and this value alone closes it.
            unsafe { libc::close(self.number) };
        }
    }
}
