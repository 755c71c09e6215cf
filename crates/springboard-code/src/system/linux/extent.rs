//! Parts of the file for code.

use std::{
    ops::Range,
    os::fd::BorrowedFd,
    sync::{Arc, Weak},
};

use rustix::io::Errno;

use super::{
    descriptor::Descriptor,
    file::{CodeFile, open_files},
};
use crate::{
    error::{CodeError, Step},
    trap,
};

/// Most files at a time. There is more than one only where `RLIMIT_FSIZE` keeps the first from growing.
const FILES: usize = 4;

/// What is written at a time where traps are, in bytes.
const TRAPS: usize = 64 << 10;

/// A range of the file for code. Once it is dropped, its place in the file is not used again: another process may run
/// what is in it. Where nobody does, it is [given back](Extent::give_back).
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    file: Arc<CodeFile>,
    start: u64,
    bytes: usize,
}

impl Extent {
    /// `bytes` bytes, a whole number of pages, that hold traps.
    pub(crate) fn new(bytes: usize) -> Result<Extent, CodeError> {
        let mut open = open_files();
        open.retain(|file| file.upgrade().is_some_and(|file| file.is_usable()));
        let mut refused = None;
        for file in open.iter().filter_map(Weak::upgrade) {
            match Extent::of(&file, bytes) {
                Ok(extent) => return Ok(extent),
                Err(error) => refused = Some(error).filter(|_| file.is_usable()),
            }
        }
        match refused {
            Some(error) if open.len() >= FILES => Err(error),
            _ => {
                let file = Arc::new(CodeFile::create()?);
                open.push(Arc::downgrade(&file));
                Extent::of(&file, bytes)
            }
        }
    }

    /// A new range of a file.
    fn of(file: &Arc<CodeFile>, bytes: usize) -> Result<Extent, CodeError> {
        let start = file.ranges().take(bytes as u64);
        let extent = Extent { file: Arc::clone(file), start, bytes };
        match extent.trap(0..bytes) {
            Ok(()) => Ok(extent),
            Err(error) => {
                extent.give_back();
                Err(error)
            }
        }
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// From the start of the file, in bytes.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Whether the file cannot be written any more.
    pub(crate) fn is_lost(&self) -> bool {
        !self.file.is_usable()
    }

    /// Writes `bytes` from `offset` on: stubs, one after the other, whose rows nobody asks for here. Where it fails, part may
    /// have been written.
    pub(crate) fn write(
        &self,
        offset: usize,
        bytes: &[u8],
        _stubs: impl Iterator<Item = (usize, Option<u32>)>,
    ) -> Result<(), CodeError> {
        assert!(offset + bytes.len() <= self.bytes);
        self.file.write(self.start + offset as u64, bytes)
    }

    /// Fills `range` with traps.
    pub(crate) fn trap(&self, range: Range<usize>) -> Result<(), CodeError> {
        let mut traps = vec![0; range.len().min(TRAPS)];
        trap::fill(&mut traps);
        for offset in range.clone().step_by(TRAPS) {
            self.file.write(self.start + offset as u64, &traps[..(range.end - offset).min(TRAPS)])?;
        }
        Ok(())
    }

    /// Notes that what executes is not what was written: somebody came between.
    pub(crate) fn lose(&self) -> CodeError {
        self.file.lose();
        Step::WriteFile.failed(Errno::IO)
    }

    /// Gives the pages of `range` back to the system. They read as zeros from now on, and are there again once they are
    /// written.
    pub(crate) fn release(&self, range: Range<usize>) -> Result<(), CodeError> {
        let start = self.start + range.start as u64;
        self.file.release(start..start + range.len() as u64)
    }

    /// Gives the pages back to the system, and lets the range be taken again. No process may use it any more.
    pub(crate) fn give_back(self) {
        // What is not released stays until it is taken again.
        let _ = self.release(0..self.bytes);
        self.file.ranges().give(self.start..self.start + self.bytes as u64);
    }

    /// The file, opened again for reading only: what is mapped from this cannot be made writable. `None` where the
    /// system does not let us.
    pub(crate) fn reopened(&self) -> Option<Descriptor> {
        self.file.reopened()
    }

    /// The file, for mapping it.
    pub(crate) fn descriptor(&self) -> Result<BorrowedFd<'_>, CodeError> {
        self.file.identified()
    }
}
