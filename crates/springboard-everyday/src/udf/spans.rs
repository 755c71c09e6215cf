//! Texts and bytes of a column where they lie, for functions that are told how many there are.

use std::{ffi::c_void, mem::offset_of};

use springboard_ir::Scalar;

use crate::columns::Column;

/// The rows of a parameter that is an address and, in the next parameter, how many bytes there are: nothing is copied but
/// these two, and a NUL is a byte like others. The memory is used again for the next rows.
///
/// Only addresses are kept: what was pushed has to be there until the rows have been called, as
/// [`Columns::call`](crate::columns::Columns::call) wants it of all arguments.
#[derive(Debug)]
pub struct Spans {
    length: Scalar,
    /// The most bytes of which the type of the length can say how many they are.
    limit: u64,
    rows: Vec<Span>,
}

#[repr(C)]
#[derive(Debug)]
struct Span {
    address: usize,
    length: u64,
}

/// A row is too long for the type in which a function takes its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("row {row}: there are {bytes} bytes, and the function takes at most {limit}")]
pub struct SpansError {
    /// The row, counted from 0.
    pub row: usize,
    /// How many bytes there are.
    pub bytes: usize,
    /// How many there may be.
    pub limit: u64,
}

/// Whether a type is one in which [`Spans`] pass a length: an integer of 4 or 8 bytes.
pub(super) fn is_length(scalar: Scalar) -> bool {
    matches!(scalar, Scalar::Int { bytes: 4 | 8, .. })
}

impl Spans {
    /// No rows. `length` is the type of the next parameter, as [`Element::Sized`](super::Element::Sized) has it.
    ///
    /// # Panics
    /// Where that is no integer of 4 or 8 bytes.
    pub fn new(length: Scalar) -> Spans {
        assert!(is_length(length), "a length is an integer of 4 or 8 bytes, not {length:?}");
        let limit = match length {
            Scalar::Int { bytes: 4, signed: false } => u32::MAX.into(),
            Scalar::Int { bytes: 4, signed: true } => i32::MAX as u64,
            // No slice is longer.
            _ => i64::MAX as u64,
        };
        Spans { length, limit, rows: Vec::new() }
    }

    /// Takes all rows out and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Adds a row, by its address.
    ///
    /// # Errors
    /// More bytes than the type of the length can say.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), SpansError> {
        let limit = self.limit;
        if bytes.len() as u64 > limit {
            return Err(SpansError { row: self.rows.len(), bytes: bytes.len(), limit });
        }
        let (address, length) = (bytes.as_ptr().expose_provenance(), bytes.len() as u64);
        self.rows.push(Span { address, length });
        Ok(())
    }

    /// Adds a row whose address is null, of no bytes.
    #[inline]
    pub fn push_null(&mut self) {
        self.rows.push(Span { address: 0, length: 0 });
    }

    /// The columns of both parameters.
    pub fn columns(&self) -> [Column<'_>; 2] {
        let (rows, stride) = (self.rows.len(), size_of::<Span>() as isize);
        let [address, length] = self.first();
        // SAFETY: every row has both, in the forms of a pointer and of the integer. The memory is borrowed with the columns.
        unsafe {
            [
                Column::raw_strided(Scalar::Pointer, address, rows, stride),
                Column::raw_strided(self.length, length, rows, stride),
            ]
        }
    }

    /// The first row's, in every row. `None` where there is no row.
    pub fn scalars(&self) -> Option<[Column<'_>; 2]> {
        let [address, length] = self.first();
        // SAFETY: the first row has both, in the forms of a pointer and of the integer. The memory is borrowed with the columns.
        let both = || unsafe {
            [Column::raw_scalar(Scalar::Pointer, address), Column::raw_scalar(self.length, length)]
        };
        (!self.rows.is_empty()).then(both)
    }

    /// Where the address and the length of the first row are.
    fn first(&self) -> [*const c_void; 2] {
        let first = self.rows.as_ptr().cast::<c_void>();
        // What a shorter integer leaves of the word stands before it where the first byte is the highest.
        let unused = match self.length {
            Scalar::Int { bytes, .. } if cfg!(target_endian = "big") => size_of::<u64>() - usize::from(bytes),
            _ => 0,
        };
        [first, first.wrapping_byte_add(offset_of!(Span, length) + unused)]
    }
}
