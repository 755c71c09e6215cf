//! What the system's unwinder is told of a segment.
//!
//! Windows finds the row of an address by the table that was registered for it, and reads the row by its distance from
//! the segment's start, of 32 bits. So table and row lie after the segment's code, in a page of their own.

use windows_sys::Win32::System::Diagnostics::Debug::IMAGE_RUNTIME_FUNCTION_ENTRY;

use super::size::page_size;

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
