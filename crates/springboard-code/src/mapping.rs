//! Ranges of pages that somebody owns, by address: what the pages of every system have in common.

use std::{
    ffi::c_void,
    mem, ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::error::CodeError;

/// Unmaps so many bytes, which nobody needs and whose address nobody else has.
type Unmap = fn(*mut c_void, usize) -> Result<(), CodeError>;

/// Pages that this value owns, unmapped when it is dropped.
///
/// It holds an address and not a pointer, so it may cross threads.
#[derive(Debug)]
pub(crate) struct Mapping(Range);

#[derive(Clone, Copy, Debug)]
struct Range {
    address: usize,
    bytes: usize,
    unmap: Unmap,
}

impl Mapping {
    /// What is mapped at `start`, now this value's own.
    pub(crate) fn new(start: *mut c_void, bytes: usize, unmap: Unmap) -> Mapping {
        Mapping(Range { address: start.expose_provenance(), bytes, unmap })
    }

    /// The address of the byte at `offset`.
    pub(crate) fn at(&self, offset: usize) -> *mut u8 {
        debug_assert!(offset <= self.0.bytes);
        ptr::with_exposed_provenance_mut(self.0.address + offset)
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // Nobody calls into the pages any more: stubs keep their segment.
        if self.0.unmap().is_err() {
            unmapped_later().push(self.0);
        }
    }
}

impl Range {
    fn unmap(self) -> Result<(), CodeError> {
        (self.unmap)(ptr::with_exposed_provenance_mut(self.address), self.bytes)
    }
}

/// What nobody needs and the system did not unmap: splitting a mapping may take memory that there is not.
static UNMAPPED_LATER: Mutex<Vec<Range>> = Mutex::new(Vec::new());

fn unmapped_later() -> MutexGuard<'static, Vec<Range>> {
    UNMAPPED_LATER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries again.
pub(crate) fn retry_unmapping() {
    let mut ranges = unmapped_later();
    for range in mem::take(&mut *ranges) {
        if range.unmap().is_err() {
            ranges.push(range);
        }
    }
}
