//! What goes wrong with memory.

use std::fmt;

use springboard::ArgumentError;
use springboard_ir::{LayoutError, PathError, Type};

use super::text::TextError;

/// Why memory cannot be read or written as asked. Nothing was written.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum MemoryError {
    /// The path leads nowhere.
    Path(PathError),
    /// The type has no layout.
    Layout {
        /// The type.
        ty: Type,
        /// Why not.
        error: LayoutError,
    },
    /// There are fewer bytes than the type has.
    TooSmall {
        /// How many bytes there are.
        bytes: usize,
        /// The type.
        ty: Type,
        /// How many it has.
        size: u64,
    },
    /// A part that is not within the bytes that there are.
    OutOfBounds {
        /// Offset of its first byte.
        offset: usize,
        /// How many bytes it has.
        size: usize,
        /// How many bytes there are.
        bytes: usize,
    },
    /// The Rust type does not stand for the C type.
    Mismatch {
        /// The C type.
        c: Type,
        /// The name of the Rust type.
        rust: &'static str,
    },
    /// A bit-field, for which no Rust type stands: it is read and written as a [`Value`](springboard::Value).
    BitField {
        /// Its width.
        bits: u8,
    },
    /// The value does not fit the type.
    Value(ArgumentError),
    /// The type is not an array of characters.
    NoText {
        /// The type.
        ty: Type,
    },
    /// The bytes are not a text, or the text does not fit.
    Text(TextError),
    /// An array of no elements, or of more than any memory can hold.
    Count {
        /// How many.
        count: usize,
    },
}

impl From<PathError> for MemoryError {
    fn from(error: PathError) -> MemoryError {
        MemoryError::Path(error)
    }
}

impl From<ArgumentError> for MemoryError {
    fn from(error: ArgumentError) -> MemoryError {
        MemoryError::Value(error)
    }
}

impl From<TextError> for MemoryError {
    fn from(error: TextError) -> MemoryError {
        MemoryError::Text(error)
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryError::Path(error) => error.fmt(f),
            MemoryError::Layout { ty, error } => write!(f, "{ty}: {error}"),
            MemoryError::TooSmall { bytes, ty, size } => {
                write!(f, "there are {bytes} bytes, and {ty} has {size}")
            }
            MemoryError::OutOfBounds { offset, size, bytes } => {
                write!(f, "{size} bytes at offset {offset} are not within {bytes} bytes")
            }
            MemoryError::Mismatch { c, rust } => write!(f, "{rust} does not stand for {c}"),
            MemoryError::BitField { bits } => {
                write!(f, "no Rust type stands for a bit-field of {bits} bits")
            }
            MemoryError::Value(error) => error.fmt(f),
            MemoryError::NoText { ty } => write!(f, "{ty} is not an array of characters"),
            MemoryError::Text(error) => error.fmt(f),
            MemoryError::Count { count } => write!(f, "an array of {count} elements cannot be made"),
        }
    }
}

impl std::error::Error for MemoryError {}
