//! What a symbol is: read from no table here.

use std::{
    ffi::{CStr, c_void},
    ptr::NonNull,
};

use crate::symbol_kind::Entry;

/// None exists.
#[derive(Debug)]
pub(crate) enum Tables {}

impl Tables {
    /// Nothing is looked for.
    ///
    /// # Safety
    /// None: the handle is not used. It is unsafe where tables are read.
    pub(crate) unsafe fn of_handle(_handle: *mut c_void) -> Option<Tables> {
        None
    }
}

/// Nobody says.
pub(crate) fn entry(
    _own: Option<&Tables>,
    _address: NonNull<c_void>,
    _name: &CStr,
    _version: Option<&CStr>,
) -> Option<Entry> {
    None
}
