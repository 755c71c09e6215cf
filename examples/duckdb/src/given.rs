//! What a function gets of a chunk: numbers where they lie, texts as copies with a NUL, or, where the function is told how long
//! they are, where they lie as well.

use std::{error::Error, ffi::c_void, ptr, slice};

use springboard::ir::Scalar;
use springboard_everyday::{
    columns::Column,
    udf::{Element, Spans, Texts},
};

/// What one parameter gets. Its memory is used again for the next chunk.
pub(crate) enum Given {
    Numbers(Scalar),
    Copies(Texts),
    Spans(Spans),
}

impl Given {
    pub(crate) fn of(element: Element) -> Given {
        match element {
            Element::Number(scalar) => Given::Numbers(scalar),
            Element::Text => Given::Copies(Texts::new()),
            Element::Sized { length, .. } => Given::Spans(Spans::new(length)),
        }
    }

    /// Takes a chunk's rows: `first` is where the vector's lie.
    ///
    /// # Errors
    /// A text that the function cannot be given.
    ///
    /// # Safety
    /// As many rows are there, of the element's type, and stay until the chunk has been called.
    pub(crate) unsafe fn take(
        &mut self,
        first: *const c_void,
        rows: usize,
        valid: Option<&[u64]>,
    ) -> Result<(), Box<dyn Error>> {
        if let Given::Numbers(_) = self {
            return Ok(());
        }
        // SAFETY: the caller says so of the rows, and they are texts or bytes here.
        let all = unsafe { slice::from_raw_parts(first.cast::<Text>(), rows) };
        let all = all.iter().enumerate();
        // SAFETY: a row that is not `NULL` is one.
        let all = all.map(|(row, text)| is_valid(valid, row).then(|| unsafe { text.bytes() }));
        match self {
            Given::Numbers(_) => {}
            Given::Copies(texts) => {
                texts.clear();
                for text in all {
                    match text {
                        Some(text) => texts.push(text)?,
                        None => texts.push_null(),
                    }
                }
            }
            Given::Spans(spans) => {
                spans.clear();
                for text in all {
                    match text {
                        Some(text) => spans.push(text)?,
                        None => spans.push_null(),
                    }
                }
            }
        }
        Ok(())
    }

    /// The columns of the C parameters.
    ///
    /// # Safety
    /// `first` and `rows` are those that were taken last.
    pub(crate) unsafe fn columns(
        &mut self,
        first: *const c_void,
        rows: usize,
    ) -> impl Iterator<Item = Column<'_>> {
        let columns = match self {
            // SAFETY: the vector's rows are elements of this type, and DuckDB does not write them meanwhile.
            Given::Numbers(scalar) => [Some(unsafe { Column::raw(*scalar, first, rows) }), None],
            Given::Copies(texts) => [Some(texts.column()), None],
            Given::Spans(spans) => spans.columns().map(Some),
        };
        columns.into_iter().flatten()
    }
}

/// Whether a row has its bit.
pub(crate) fn is_valid(valid: Option<&[u64]>, row: usize) -> bool {
    valid.is_none_or(|valid| valid[row / 64] >> (row % 64) & 1 == 1)
}

/// A row of a vector of texts: up to twelve bytes in place, or four of them and an address.
#[repr(C)]
struct Text {
    length: u32,
    prefix: [u8; 4],
    rest: [u8; 8],
}

impl Text {
    /// # Safety
    /// DuckDB wrote it, and what it points to is there.
    unsafe fn bytes(&self) -> &[u8] {
        let inline = size_of::<Text>() - size_of::<u32>();
        let length = self.length as usize;
        let first = if length <= inline {
            (&raw const *self).cast::<u8>().wrapping_add(size_of::<u32>())
        } else {
            ptr::with_exposed_provenance(u64::from_ne_bytes(self.rest) as usize)
        };
        // SAFETY: the caller says that DuckDB wrote it.
        unsafe { slice::from_raw_parts(first, length) }
    }
}

const _: () = assert!(size_of::<Text>() == 16 && size_of::<*const c_void>() == 8);
