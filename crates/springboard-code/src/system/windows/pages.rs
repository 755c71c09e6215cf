//! Ranges of pages, by address. What maps, protects and unmaps memory for code.

use std::{ffi::c_void, io, iter, ops::Range, ptr};

use windows_sys::Win32::{
    Foundation::{ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_SUPPORTED},
    System::Memory::{
        FILE_MAP_EXECUTE, FILE_MAP_READ, MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, MEMORY_MAPPED_VIEW_ADDRESS,
        MapViewOfFileEx, PAGE_EXECUTE_READ, PAGE_READWRITE, UnmapViewOfFile, VirtualAlloc, VirtualFree,
        VirtualProtect,
    },
};

pub(crate) use super::size::page_size;
use super::{
    extent::{Extent, refusal},
    row,
};
use crate::{
    error::{CodeError, Step},
    faults::perform,
    mapping::{Mapping, retry_unmapping},
    site::Site,
};

/// How many places near the site are tried. Others may be taken.
const PLACES: usize = 32;

/// Private pages that were mapped for writing and do not execute.
pub(crate) struct Unsealed(Mapping);

/// Calls `map` with addresses near the site, and last with null, until it gives one.
fn near(site: Site, bytes: usize, map: impl Fn(*mut c_void) -> *mut c_void) -> io::Result<*mut c_void> {
    let places = iter::repeat_with(|| site.place(bytes)).take(PLACES).chain(iter::once(0));
    let found = places.map(|place| map(ptr::without_provenance_mut(place))).find(|found| !found.is_null());
    found.ok_or_else(io::Error::last_os_error)
}

impl Unsealed {
    /// Maps `bytes` private bytes, zeroed, where code should lie.
    pub(crate) fn new(bytes: usize, site: Site) -> Result<Unsealed, CodeError> {
        retry_unmapping();
        let all = row::with_table(bytes);
        // SAFETY: the system gives what is free, or nothing.
        let map =
            |at: *mut c_void| unsafe { VirtualAlloc(at, all, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
        let start = perform(Step::MapPages, || near(site, all, map))?;
        let mut pages = Unsealed(Mapping::owning(start, bytes));
        row::write_table(bytes, pages.parts().1);
        Ok(pages)
    }

    /// The contents.
    pub(crate) fn contents(&mut self) -> &mut [u8] {
        self.parts().0
    }

    /// Has unwinders know the [row](Template::row) of the stub at `place`.
    pub(crate) fn describe(&mut self, place: Range<usize>, row: Option<u32>) {
        let bytes = self.0.bytes();
        row::write(bytes, place, row, self.parts().1);
    }

    /// The contents, and the table.
    fn parts(&mut self) -> (&mut [u8], &mut [u8]) {
        let bytes = self.0.bytes();
        // SAFETY: the mapping has so many bytes, zeroed when they were mapped, readable and writable until `seal`
        // consumes it. It is owned by `self`, which the result borrows exclusively.
        let all = unsafe { std::slice::from_raw_parts_mut(self.0.at(0), row::with_table(bytes)) };
        all.split_at_mut(bytes)
    }

    /// Makes them executable, and not writable, for good.
    pub(crate) fn seal(self) -> Result<Mapping, CodeError> {
        protect(self.0.at(0), row::with_table(self.0.bytes()))?;
        Ok(self.0)
    }
}

/// Makes pages that the caller owns executable, and not writable. Nobody has a reference to them.
fn protect(start: *mut u8, bytes: usize) -> Result<(), CodeError> {
    let mut before = 0;
    let seal = || {
        // SAFETY: the pages are the caller's, and nobody writes there.
        done(unsafe { VirtualProtect(start.cast(), bytes, PAGE_EXECUTE_READ, &mut before) })
    };
    perform(Step::SealPages, seal)
}

impl Mapping {
    /// Maps all of `extent`, executable, at `site`. The view cannot be made writable.
    pub(crate) fn of(extent: &Extent, site: Site) -> Result<Mapping, CodeError> {
        retry_unmapping();
        let bytes = extent.bytes();
        let access = FILE_MAP_READ | FILE_MAP_EXECUTE;
        // SAFETY: the system gives what is free, or nothing.
        let map = |at: *mut c_void| unsafe { MapViewOfFileEx(extent.section(), access, 0, 0, 0, at) }.Value;
        let start = perform(Step::MapExecutable, || near(site, row::with_table(bytes), map))?;
        Ok(Mapping::new(start, bytes, unmap))
    }

    /// The private pages at `start`, now this value's own.
    pub(crate) fn owning(start: *mut c_void, bytes: usize) -> Mapping {
        Mapping::new(start, bytes, free)
    }
}

/// Pages at a multiple of an alignment, of which a part is yet to become executable.
pub(crate) struct Reserved(Mapping);

impl Reserved {
    /// Maps `bytes` private bytes, zeroed, to be read and written.
    pub(crate) fn new(bytes: usize, align: usize) -> Result<Reserved, CodeError> {
        retry_unmapping();
        let all = bytes
            .checked_add(align)
            .ok_or_else(|| Step::MapPages.failed(refusal(ERROR_NOT_ENOUGH_MEMORY)))?;
        // A place is found by asking for more than is needed, and given back in whole: Windows gives back no part.
        let map = || {
            for _ in 0..PLACES {
                // SAFETY: the system gives what is free, or nothing; what it gave is given back before it is used.
                let whole = unsafe {
                    let found = VirtualAlloc(ptr::null(), all, MEM_RESERVE, PAGE_READWRITE);
                    if found.is_null() {
                        return Err(io::Error::last_os_error());
                    }
                    VirtualFree(found, 0, MEM_RELEASE);
                    let at = found.with_addr(found.addr().next_multiple_of(align));
                    VirtualAlloc(at, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
                };
                if !whole.is_null() {
                    return Ok(whole);
                }
            }
            Err(io::Error::last_os_error())
        };
        Ok(Reserved(Mapping::owning(perform(Step::MapPages, map)?, bytes)))
    }

    /// Private pages are not replaced by a section's here: they are sealed.
    pub(crate) fn execute(&mut self, _offset: usize, _code: &[u8]) -> Result<(), CodeError> {
        Err(Step::CreateFile.failed(refusal(ERROR_NOT_SUPPORTED)))
    }

    /// Writes `code` at `offset`, at the start of a page, and makes its pages executable and not writable, for good.
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

/// Unmaps a view of a section.
fn unmap(start: *mut c_void, _bytes: usize) -> Result<(), CodeError> {
    // SAFETY: the address is that of a `Mapping` that was dropped, the only owner of the view.
    perform(Step::Unmap, || done(unsafe { UnmapViewOfFile(MEMORY_MAPPED_VIEW_ADDRESS { Value: start }) }))
}

/// Frees private pages.
fn free(start: *mut c_void, _bytes: usize) -> Result<(), CodeError> {
    // SAFETY: the address is that of a `Mapping` that was dropped, the only owner of the pages.
    perform(Step::Unmap, || done(unsafe { VirtualFree(start, 0, MEM_RELEASE) }))
}

/// What a call says that returns zero where it fails.
fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
