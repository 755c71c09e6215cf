//! C strings.

use std::{
    ffi::{CString, c_char, c_void},
    fmt,
    ptr::NonNull,
};

/// Why bytes are no text, or a text no C string.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TextError {
    /// The pointer is null.
    Null,
    /// There is no NUL in as many bytes as may be looked at.
    Unterminated {
        /// How many.
        limit: usize,
    },
    /// The bytes are no UTF-8.
    Utf8 {
        /// The offset of the first byte that is wrong.
        at: usize,
    },
    /// A NUL within a text that is to become a C string, which would end there.
    Nul {
        /// Its offset, in bytes.
        at: usize,
    },
    /// A text that is too long for the array.
    TooLong {
        /// The length of the text, in bytes.
        bytes: usize,
        /// How many bytes the array has, of which the last is for the NUL.
        room: usize,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Null => f.write_str("the text's pointer is null"),
            TextError::Unterminated { limit } => write!(f, "no NUL ends the text within {limit} bytes"),
            TextError::Utf8 { at } => write!(f, "the text is no UTF-8 at byte {at}"),
            TextError::Nul { at } => write!(f, "the text has a NUL at byte {at}, where C takes it to end"),
            TextError::TooLong { bytes, room } => {
                write!(f, "a text of {bytes} bytes and a NUL do not fit into {room} bytes")
            }
        }
    }
}

impl std::error::Error for TextError {}

/// `text` as a C string: with a NUL behind it.
///
/// # Errors
/// [`TextError::Nul`].
pub fn c_string(text: &str) -> Result<CString, TextError> {
    CString::new(text).map_err(|error| TextError::Nul { at: error.nul_position() })
}

/// A copy of the C string at `address`, of at most `limit` bytes with its NUL.
///
/// # Errors
/// A null pointer; no NUL within the limit; bytes that are no UTF-8.
///
/// # Safety
/// Where `address` is not null, bytes must be readable there up to the first NUL, or as many as the limit says.
pub unsafe fn text_at(address: *const c_void, limit: usize) -> Result<String, TextError> {
    let start = NonNull::new(address.cast_mut().cast::<c_char>()).ok_or(TextError::Null)?;
    // SAFETY: the caller's promise; strnlen looks at nothing behind the first NUL.
    let length = unsafe { libc::strnlen(start.as_ptr(), limit) };
    if length == limit {
        return Err(TextError::Unterminated { limit });
    }
    // SAFETY: the bytes were looked at just now.
    utf8(unsafe { std::slice::from_raw_parts(start.as_ptr().cast::<u8>(), length) }.to_vec())
}

/// A copy of the text of `length` bytes at `address`, which no NUL needs to end; one within is a part of it.
///
/// # Errors
/// A null pointer, where there are bytes; bytes that are no UTF-8.
///
/// # Safety
/// So many bytes must be readable at `address`.
pub unsafe fn text_of(address: *const c_void, length: usize) -> Result<String, TextError> {
    if length == 0 {
        return Ok(String::new());
    }
    let start = NonNull::new(address.cast_mut().cast::<u8>()).ok_or(TextError::Null)?;
    // SAFETY: the caller's promise.
    utf8(unsafe { std::slice::from_raw_parts(start.as_ptr(), length) }.to_vec())
}

/// The offset of the first NUL.
pub(super) fn terminated(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == 0)
}

pub(super) fn utf8(bytes: Vec<u8>) -> Result<String, TextError> {
    String::from_utf8(bytes).map_err(|error| TextError::Utf8 { at: error.utf8_error().valid_up_to() })
}
