//! What the system's unwinder is told of a segment.
//!
//! Windows finds the row of an address by a sorted table, and reads table and row by their distance from the segment's
//! start, of 32 bits. So they lie after the segment's code, in pages of their own: an entry for each piece of code as
//! large as the smallest stub, with the distance of the row of the stub that is there, and then the row of most stubs.
//! No row says where its stub begins, so that all pieces of a stub share it, and a stub that is published writes
//! nothing but its own entries.

use std::ops::Range;

use springboard_emit::UNWIND_INFO as INFO;
use windows_sys::Win32::System::Diagnostics::Debug::IMAGE_RUNTIME_FUNCTION_ENTRY;

use super::size::page_size;

/// Size of a piece, in bytes: all places of stubs begin and end at multiples of it.
const PIECE: usize = 32;

const ENTRY: usize = size_of::<IMAGE_RUNTIME_FUNCTION_ENTRY>();

/// How many entries there are for `bytes` bytes of code.
pub(super) fn entries(bytes: usize) -> usize {
    bytes / PIECE
}

/// Size of a segment of `bytes` bytes of code, a multiple of [`PIECE`], with its table.
pub(super) fn with_table(bytes: usize) -> usize {
    bytes + (entries(bytes) * ENTRY + INFO.len()).next_multiple_of(page_size())
}

/// Writes the table of a segment of `bytes` bytes, to what lies after them: all stubs are as most are.
pub(super) fn write_table(bytes: usize, table: &mut [u8]) {
    write(bytes, 0..bytes, None, table);
    table[entries(bytes) * ENTRY..][..INFO.len()].copy_from_slice(&INFO);
}

/// Writes the entries of the stub at `place`, whose row, if it has one, is at a distance from the stub's start.
pub(super) fn write(bytes: usize, place: Range<usize>, row: Option<u32>, table: &mut [u8]) {
    let info = row.map_or(bytes + entries(bytes) * ENTRY, |row| place.start + row as usize);
    for piece in place.start / PIECE..place.end.div_ceil(PIECE) {
        let entry = [piece * PIECE, (piece + 1) * PIECE, info];
        let entry = entry.map(|offset| u32::try_from(offset).expect("segments are small").to_le_bytes());
        table[piece * ENTRY..][..ENTRY].copy_from_slice(entry.as_flattened());
    }
}
