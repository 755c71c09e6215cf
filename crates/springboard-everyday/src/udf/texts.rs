//! The texts of a column, as C wants them.

use std::{ffi::c_void, fmt};

use springboard_ir::Scalar;

use crate::columns::Column;

/// The texts of a parameter's rows, each copied and ended by a NUL: engines keep texts with a length. All copies lie in one
/// piece of memory, which is used again for the next rows.
#[derive(Default)]
pub struct Texts {
    bytes: Vec<u8>,
    /// For each row one more than where its text begins; 0 for null.
    starts: Vec<usize>,
    /// What C gets for each row.
    addresses: Vec<usize>,
}

/// A text has a NUL, at which C would end it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("row {row}: the text has a NUL at byte {at}, where C would end it")]
pub struct TextsError {
    /// The row, counted from 0.
    pub row: usize,
    /// The offset of the NUL, in bytes.
    pub at: usize,
}

impl Texts {
    /// No rows.
    pub fn new() -> Texts {
        Texts::default()
    }

    /// Takes all rows out and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
    }

    /// Adds a row.
    ///
    /// # Errors
    /// A NUL in the text.
    #[inline]
    pub fn push(&mut self, text: &[u8]) -> Result<(), TextsError> {
        if has_nul(text)
            && let Some(at) = text.iter().position(|byte| *byte == 0)
        {
            return Err(TextsError { row: self.starts.len(), at });
        }
        self.bytes.reserve(text.len() + 1);
        self.starts.push(self.bytes.len() + 1);
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        Ok(())
    }

    /// Adds a row whose pointer is null.
    #[inline]
    pub fn push_null(&mut self) {
        self.starts.push(0);
    }

    /// One pointer per row.
    pub fn column(&mut self) -> Column<'_> {
        let (addresses, rows) = self.addresses();
        // SAFETY: an address has the form of a pointer. The memory is borrowed with the column.
        unsafe { Column::raw(Scalar::Pointer, addresses, rows) }
    }

    /// The first row's pointer, in every row. `None` where there is no row.
    pub fn scalar(&mut self) -> Option<Column<'_>> {
        let (addresses, rows) = self.addresses();
        // SAFETY: there is a first address, which has the form of a pointer. The memory is borrowed with the column.
        (rows > 0).then(|| unsafe { Column::raw_scalar(Scalar::Pointer, addresses) })
    }

    /// The rows' addresses, and how many there are. Made when all texts are there: until then they may move.
    fn addresses(&mut self) -> (*const c_void, usize) {
        let before = self.bytes.as_ptr().expose_provenance().wrapping_sub(1);
        self.addresses.clear();
        let address = |start: &usize| if *start == 0 { 0 } else { before.wrapping_add(*start) };
        self.addresses.extend(self.starts.iter().map(address));
        (self.addresses.as_ptr().cast(), self.addresses.len())
    }
}

/// Whether a byte is zero. Most texts are short: eight bytes are looked at in one step, the last of them twice.
fn has_nul(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let in_word = |bytes: &[u8; 8]| {
        let word = u64::from_ne_bytes(*bytes);
        word.wrapping_sub(ONES) & !word & HIGH != 0
    };
    match text.last_chunk() {
        Some(last) => in_word(last) || text.as_chunks().0.iter().any(in_word),
        None => text.contains(&0),
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("rows", &self.starts.len()).field("bytes", &self.bytes.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for length in 0..40 {
            // Bytes that a zero might be taken for, or might hide beside.
            for fill in [1, 0x7f, 0x80, 0x81, 0xff] {
                let mut text = vec![fill; length];
                assert!(!has_nul(&text), "{length} of {fill:#x}");
                for at in 0..length {
                    text[at] = 0;
                    assert!(has_nul(&text), "{at} of {length}");
                    let mut texts = Texts::new();
                    texts.push(b"before").unwrap();
                    assert_eq!(texts.push(&text), Err(TextsError { row: 1, at }));
                    text[at] = fill;
                }
            }
        }
    }
}
