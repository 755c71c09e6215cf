//! Unix.

use std::{
    ffi::{CStr, OsStr, c_int},
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
};

use springboard::callback::BorrowedEvent;

use crate::{
    boundary::{Failure, null},
    text::Text,
};

/// Paths are bytes.
pub(crate) fn path(text: Text<'_>) -> Result<&OsStr, Failure> {
    text.bytes().map(CStr::to_bytes).map(OsStr::from_bytes).ok_or_else(|| null("path"))
}

/// A file descriptor.
pub(crate) fn number(event: BorrowedEvent<'_>) -> c_int {
    event.as_raw_fd()
}
