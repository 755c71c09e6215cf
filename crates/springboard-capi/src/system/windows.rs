//! Windows.

use std::{
    ffi::{OsStr, c_int},
    os::windows::io::AsRawHandle,
};

use springboard::callback::BorrowedEvent;

use crate::{boundary::Failure, text::Text};

/// Paths are UTF-8, whatever the code page.
pub(crate) fn path(text: Text<'_>) -> Result<&OsStr, Failure> {
    text.get("path").map(OsStr::new)
}

/// The handle: of its 64 bits the system uses 32, the others are their sign ("Interprocess Communication Between 32-bit
/// and 64-bit Applications").
pub(crate) fn number(event: BorrowedEvent<'_>) -> c_int {
    event.as_raw_handle().addr() as c_int
}
