//! What goes wrong with memory.

use springboard::ArgumentError;
use springboard_ir::{LayoutError, PathError, Type};

use super::text::TextError;

/// Why memory cannot be read or written as asked. Nothing was written.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // sizes and offsets in bytes
pub enum MemoryError {
    /// The path leads nowhere.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The type has no layout.
    #[error("{ty}: {error}")]
    Layout { ty: Type, error: LayoutError },
    /// There are fewer bytes than the type has.
    #[error("there are {bytes} bytes, and {ty} has {size}")]
    TooSmall { bytes: usize, ty: Type, size: u64 },
    /// A part that is not within the bytes that there are.
    #[error("{size} bytes at offset {offset} are not within {bytes} bytes")]
    OutOfBounds { offset: usize, size: usize, bytes: usize },
    /// The Rust type does not stand for the C type.
    #[error("{rust} does not stand for {c}")]
    Mismatch { c: Type, rust: &'static str },
    /// A bit-field, for which no Rust type stands: it is read and written as a [`Value`](springboard::Value).
    #[error("no Rust type stands for a bit-field of {bits} bits")]
    BitField { bits: u8 },
    /// The value does not fit the type.
    #[error(transparent)]
    Value(#[from] ArgumentError),
    /// The type is not an array of characters.
    #[error("{ty} is not an array of characters")]
    NoText { ty: Type },
    /// The bytes are not a text, or the text does not fit.
    #[error(transparent)]
    Text(#[from] TextError),
    /// An array of no elements, or of more than any memory can hold.
    #[error("an array of {count} elements cannot be made")]
    Count { count: usize },
}
