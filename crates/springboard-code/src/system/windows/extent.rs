//! Sections that code is written to: memory without a name, which the process maps twice.
//!
//! ```text
//! section   ┌ stub ┬ stub ┬ trap ┬ … ┬ unwind rows ┐
//! view      r-x    r-x    r-x    r-x  r-x             for as long as there are stubs
//! view      rw-    rw-    rw-    rw-  rw-             while code is written, at an address that the system chooses
//! ```
//!
//! There is a section per segment. Its handle is private: it has no name, and no process that is started inherits it.
//! Windows checks what a view may become against what it was mapped for, so the view that executes cannot be made
//! writable.

use std::{
    io,
    ops::Range,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use windows_sys::Win32::{
    Foundation::{ERROR_NOT_SUPPORTED, ERROR_WRITE_FAULT, HANDLE, INVALID_HANDLE_VALUE},
    System::Memory::{
        CreateFileMappingW, FILE_MAP_WRITE, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile,
        PAGE_EXECUTE_READWRITE, SEC_COMMIT, UnmapViewOfFile,
    },
};

use super::row;
use crate::{
    error::{CodeError, Step},
    faults::perform,
    trap,
};

/// A section for code, and what it is written by.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    section: Arc<Section>,
    bytes: usize,
}

#[derive(Debug)]
struct Section {
    handle: OwnedHandle,
    /// Set for good when what executes was not what was written.
    lost: AtomicBool,
}

/// A view for writing, of code and its table, unmapped when it is dropped.
struct Writable {
    view: MEMORY_MAPPED_VIEW_ADDRESS,
    /// Without the table.
    bytes: usize,
}

impl Extent {
    /// `bytes` bytes, a whole number of pages, that hold traps; and after them what unwinders are told of them.
    pub(crate) fn new(bytes: usize) -> Result<Extent, CodeError> {
        let all = row::with_table(bytes) as u64;
        let create = || {
            let (high, low) = ((all >> 32) as u32, all as u32);
            let access = PAGE_EXECUTE_READWRITE | SEC_COMMIT;
            // SAFETY: without a name and attributes the call reads nothing; the handle is not inherited.
            let handle = unsafe {
                CreateFileMappingW(INVALID_HANDLE_VALUE, ptr::null(), access, high, low, ptr::null())
            };
            if handle.is_null() {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the handle was made just now, and nobody else has it.
            Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
        };
        let handle = perform(Step::CreateFile, create)?;
        let section = Arc::new(Section { handle, lost: AtomicBool::new(false) });
        let extent = Extent { section, bytes };
        let mut view = extent.writable()?;
        let (code, table) = view.parts();
        trap::fill(code);
        row::write_table(bytes, table);
        drop(view);
        Ok(extent)
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The section, for mapping it.
    pub(crate) fn section(&self) -> HANDLE {
        self.section.handle.as_raw_handle()
    }

    /// Whether it is not to be written any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.section.lost.load(Relaxed)
    }

    /// Writes `bytes` from `offset` on: stubs, one after the other, each with its size and [row](Template::row). Where it
    /// fails, nothing was written.
    pub(crate) fn write(
        &self,
        offset: usize,
        bytes: &[u8],
        stubs: impl Iterator<Item = (usize, Option<u32>)>,
    ) -> Result<(), CodeError> {
        let mut view = self.writable()?;
        let (code, table) = view.parts();
        code[offset..offset + bytes.len()].copy_from_slice(bytes);
        let mut start = offset;
        for (size, row) in stubs {
            row::write(self.bytes, start..start + size, row, table);
            start += size;
        }
        Ok(())
    }

    /// Fills `range` with traps.
    pub(crate) fn trap(&self, range: Range<usize>) -> Result<(), CodeError> {
        trap::fill(&mut self.writable()?.parts().0[range]);
        Ok(())
    }

    /// Notes that what executes is not what was written: somebody came between.
    pub(crate) fn lose(&self) -> CodeError {
        self.section.lost.store(true, Relaxed);
        Step::WriteFile.failed(refusal(ERROR_WRITE_FAULT))
    }

    /// A section's pages go with the section, and no sooner.
    pub(crate) fn release(&self, _range: Range<usize>) -> Result<(), CodeError> {
        Err(Step::ReleasePages.failed(refusal(ERROR_NOT_SUPPORTED)))
    }

    /// Gives the pages back to the system, once nothing maps them.
    pub(crate) fn give_back(self) {}

    fn writable(&self) -> Result<Writable, CodeError> {
        let map = || {
            // SAFETY: the system chooses the address, so nothing that is mapped is touched.
            let view = unsafe { MapViewOfFile(self.section(), FILE_MAP_WRITE, 0, 0, 0) };
            if view.Value.is_null() { Err(io::Error::last_os_error()) } else { Ok(view) }
        };
        perform(Step::WriteFile, map).map(|view| Writable { view, bytes: self.bytes })
    }
}

/// The error of a number of `winerror.h`.
pub(super) fn refusal(number: u32) -> io::Error {
    io::Error::from_raw_os_error(number.cast_signed())
}

impl Writable {
    /// The code, and the table.
    fn parts(&mut self) -> (&mut [u8], &mut [u8]) {
        let all = row::with_table(self.bytes);
        // SAFETY: so many bytes are mapped for writing until `self` is dropped, zeroed by the system at first. Of those
        // that `self`'s maker writes, nobody else writes any: the place is taken, and its entries with it.
        let all = unsafe { std::slice::from_raw_parts_mut(self.view.Value.cast(), all) };
        all.split_at_mut(self.bytes)
    }
}

impl Drop for Writable {
    fn drop(&mut self) {
        // SAFETY: it was mapped when `self` was made, and nobody else has its address. It fails for no view.
        unsafe { UnmapViewOfFile(self.view) };
    }
}
