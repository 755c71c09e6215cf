//! The texts of a column, as C wants them.

use std::{ffi::c_void, fmt};

use springboard_ir::Scalar;

use crate::columns::Column;

/// The texts of a parameter's rows, each copied and ended by a NUL: engines keep texts with a length. All copies lie in one
/// piece of memory, which is used again for the next rows.
#[derive(Default)]
pub struct Texts {
    bytes: Vec<u8>,
    /// Where each row's text begins; `None` for null.
    starts: Vec<Option<usize>>,
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
    pub fn push(&mut self, text: &[u8]) -> Result<(), TextsError> {
        if text.contains(&0)
            && let Some(at) = text.iter().position(|byte| *byte == 0)
        {
            return Err(TextsError { row: self.starts.len(), at });
        }
        self.starts.push(Some(self.bytes.len()));
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        Ok(())
    }

    /// Adds a row whose pointer is null.
    pub fn push_null(&mut self) {
        self.starts.push(None);
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
        let first = self.bytes.as_ptr().expose_provenance();
        self.addresses.clear();
        self.addresses.extend(self.starts.iter().map(|start| start.map_or(0, |start| first + start)));
        (self.addresses.as_ptr().cast(), self.addresses.len())
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("rows", &self.starts.len()).field("bytes", &self.bytes.len()).finish()
    }
}
