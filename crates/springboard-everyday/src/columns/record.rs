//! Memory for one result that is a structure.

use std::ffi::c_void;

use springboard::Word;

/// As much as the largest structure takes whose members go to columns, aligned as any of that size.
#[repr(C, align(64))]
#[derive(Default)]
pub(super) struct Record([u64; 8]);

const _: () = assert!(size_of::<Record>() == springboard_abi::Columns::MAX_RECORD as usize);

impl Record {
    /// The slot that leads to it.
    pub(super) fn address(&mut self) -> u64 {
        self.0.as_mut_ptr().into_slot()
    }

    /// Where the member at an offset is.
    pub(super) fn at(&self, offset: u32) -> *const c_void {
        self.0.as_ptr().wrapping_byte_add(offset as usize).cast()
    }
}
