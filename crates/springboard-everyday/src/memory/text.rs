//! C strings.

use std::{
    ffi::{CString, c_char, c_void},
    ptr::NonNull,
};

/// Why bytes cannot be read as a text, or a text cannot become a C string.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // in bytes
pub enum TextError {
    /// The pointer is null.
    #[error("the text's pointer is null")]
    Null,
    /// There is no NUL in the bytes that may be looked at.
    #[error("no NUL ends the text within {limit} bytes")]
    Unterminated { limit: usize },
    /// The bytes are not UTF-8, from this one on.
    #[error("the text is not UTF-8 at byte {at}")]
    Utf8 { at: usize },
    /// There is a NUL in a text that is to become a C string, which would end there.
    #[error("the text has a NUL at byte {at}, where C would end it")]
    Nul { at: usize },
    /// The text is too long for the array, of which the last byte is for the NUL.
    #[error("a text of {bytes} bytes and a NUL do not fit into {room} bytes")]
    TooLong { bytes: usize, room: usize },
}

/// `text` as a C string: with a NUL after it.
///
/// # Errors
/// [`TextError::Nul`].
pub fn c_string(text: &str) -> Result<CString, TextError> {
    CString::new(text).map_err(|error| TextError::Nul { at: error.nul_position() })
}

/// A copy of the C string at `address`, of at most `limit` bytes, its NUL included.
///
/// # Errors
/// A null pointer; no NUL within the limit; bytes that are not UTF-8.
///
/// # Safety
/// Where `address` is not null, `limit` bytes must be readable there, or those up to the first NUL if there are fewer.
pub unsafe fn text_at(address: *const c_void, limit: usize) -> Result<String, TextError> {
    let start = NonNull::new(address.cast_mut().cast::<c_char>()).ok_or(TextError::Null)?;
    // SAFETY: the caller says that the bytes up to the limit or the first NUL are readable; strnlen reads no others.
    let length = unsafe { libc::strnlen(start.as_ptr(), limit) };
    if length == limit {
        return Err(TextError::Unterminated { limit });
    }
    // SAFETY: `strnlen` has just read these bytes.
    utf8(unsafe { std::slice::from_raw_parts(start.as_ptr().cast::<u8>(), length) }.to_vec())
}

/// A copy of the text of `length` bytes at `address`. It needs no NUL; one inside is a part of the text.
///
/// # Errors
/// A null pointer with a length that is not 0; bytes that are not UTF-8.
///
/// # Safety
/// Where `address` is not null, `length` bytes must be readable there.
pub unsafe fn text_of(address: *const c_void, length: usize) -> Result<String, TextError> {
    if length == 0 {
        return Ok(String::new());
    }
    let start = NonNull::new(address.cast_mut().cast::<u8>()).ok_or(TextError::Null)?;
    // SAFETY: the caller says that as many bytes are readable.
    utf8(unsafe { std::slice::from_raw_parts(start.as_ptr(), length) }.to_vec())
}

/// The offset of the first NUL.
pub(super) fn nul(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == 0)
}

pub(super) fn utf8(bytes: Vec<u8>) -> Result<String, TextError> {
    String::from_utf8(bytes).map_err(|error| TextError::Utf8 { at: error.utf8_error().valid_up_to() })
}
