//! Calls over columns without a stub for them: one call per row, by whatever path the function has.

use std::ffi::{c_int, c_void};

use springboard::{LastError, Word, callback::is_pending};
use springboard_ir::Scalar;

use super::{Column, Columns, Output, Record, Validity, column::width};

/// Calls a function row by row. Returns how many rows were done: it ends after one that left a callback's error pending.
///
/// # Safety
/// As [`Columns::call`]; columns and outputs are of the function's types, and they, the bits and the
/// errors have the rows.
pub(super) unsafe fn by_row(
    over: &Columns,
    columns: &[Column<'_>],
    outputs: &[Output<'_>],
    validity: Option<Validity<'_>>,
    mut errors: Option<&mut [c_int]>,
    rows: usize,
) -> usize {
    let call = over.function.untyped_slots();
    let (mut record, mut unwanted) = (Record::default(), 0i32);
    let mut slots = vec![0; columns.len()];
    slots.extend(over.has_record().then(|| record.address()));
    // Of a function that delivers its last error, the last slot says where to.
    slots.push((&raw mut unwanted).into_slot());
    let errno = LastError::errno();
    for row in (0..rows).filter(|row| validity.is_none_or(|validity| validity.is_valid(*row))) {
        for (slot, column) in slots.iter_mut().zip(columns) {
            // SAFETY: the caller says that the column has the row.
            *slot = unsafe { load(column.element, column.at(row)) };
        }
        // SAFETY: the caller says that the function may be called with these values, whose slots are canonical. The thread's
        // `errno` stays where it is.
        let (result, error) = unsafe {
            *errno = 0;
            (call.call(&slots), *errno)
        };
        if let Some(errors) = &mut errors {
            errors[row] = error;
        }
        for (output, (offset, _)) in outputs.iter().zip(&over.results) {
            // SAFETY: the caller says that the outputs have the row, and elements of the types of the result. A structure
            // is in its memory now, with a member of the output's type at the offset.
            unsafe {
                let value = if over.has_record() { load(output.element, record.at(*offset)) } else { result };
                store(output.element, output.at(row), value);
            }
        }
        if is_pending() {
            return row + 1;
        }
    }
    rows
}

/// The canonical slot of the element at an address.
///
/// # Safety
/// The element is there.
unsafe fn load(element: Scalar, at: *const c_void) -> u64 {
    // SAFETY: the caller says that so many bytes are there.
    let word = unsafe {
        match width(element) {
            1 => u64::from(at.cast::<u8>().read()),
            2 => u64::from(at.cast::<u16>().read_unaligned()),
            4 => u64::from(at.cast::<u32>().read_unaligned()),
            _ => at.cast::<u64>().read_unaligned(),
        }
    };
    match element {
        Scalar::Int { bytes, signed: true } => {
            let unused = 64 - u32::from(bytes) * 8;
            ((word << unused) as i64 >> unused) as u64
        }
        _ => word,
    }
}

/// Stores the value of a canonical slot as an element.
///
/// # Safety
/// There is memory for the element.
unsafe fn store(element: Scalar, at: *mut c_void, slot: u64) {
    // SAFETY: the caller says that there is memory for so many bytes.
    unsafe {
        match width(element) {
            1 => at.cast::<u8>().write(slot as u8),
            2 => at.cast::<u16>().write_unaligned(slot as u16),
            4 => at.cast::<u32>().write_unaligned(slot as u32),
            _ => at.cast::<u64>().write_unaligned(slot),
        }
    }
}
