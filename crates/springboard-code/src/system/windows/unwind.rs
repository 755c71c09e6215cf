//! Tells the system's unwinder about segments, so that panics and exceptions cross stubs.
//!
//! Windows finds the row of an address by the table that was registered for it, and reads the row by its distance from
//! the segment's start, of 32 bits. So the row lies after the segment's code, in a page of its own.

use windows_sys::Win32::System::Diagnostics::Debug::{
    IMAGE_RUNTIME_FUNCTION_ENTRY, RtlAddFunctionTable, RtlDeleteFunctionTable,
};

use super::pages::{Mapping, page_size};

/// `UNWIND_INFO` (x64 exception handling, "Struct UNWIND_INFO"): version 1; a prologue of no bytes, so that the codes hold
/// wherever in a stub a call is under way; two codes; the frame register is `rbp`, at no distance. The codes: the
/// stack pointer is the frame pointer's value, where the caller's frame pointer was pushed.
const INFO: [u8; 8] = [1, 0, 2, 0x05, 0, SET_FRAME_POINTER, 0, PUSH | RBP << 4];

const PUSH: u8 = 0;
const SET_FRAME_POINTER: u8 = 3;
const RBP: u8 = 5;

/// Size of a segment of `bytes` bytes of code with its row.
pub(super) fn with_row(bytes: usize) -> usize {
    bytes + page_size()
}

/// Writes the row of a segment of `bytes` bytes, to the page after it.
pub(super) fn write_row(bytes: usize, page: &mut [u8]) {
    let info = bytes + size_of::<IMAGE_RUNTIME_FUNCTION_ENTRY>();
    let entry = [0, bytes, info].map(|offset| u32::try_from(offset).expect("segments are small"));
    let row = entry.into_iter().flat_map(u32::to_le_bytes).chain(INFO);
    page.iter_mut().zip(row).for_each(|(to, byte)| *to = byte);
}

/// An unwind row that the unwinder knows, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The address of the table, of one entry.
    table: usize,
}

impl Frame {
    /// Describes all of `pages`, which must stay mapped for longer than the result lives.
    pub(crate) fn register(pages: &Mapping) -> Option<Frame> {
        let table = pages.at(pages.bytes()).cast::<IMAGE_RUNTIME_FUNCTION_ENTRY>();
        // SAFETY: the entry was written before the pages became executable, and stays as long as they do.
        let known = unsafe { RtlAddFunctionTable(table, 1, pages.at(0).addr() as u64) };
        known.then(|| Frame { table: table.expose_provenance() })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let table = std::ptr::with_exposed_provenance::<IMAGE_RUNTIME_FUNCTION_ENTRY>(self.table);
        // SAFETY: it was registered when `self` was made, at this address.
        unsafe { RtlDeleteFunctionTable(table) };
    }
}
