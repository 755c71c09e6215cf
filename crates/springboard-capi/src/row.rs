//! The types of an interface for JavaScript, as texts of C.

use std::{
    ffi::{CString, c_char},
    ptr,
};

/// A type in texts that end with a zero byte.
pub(crate) struct Row {
    pub(crate) name: CString,
    c: Option<CString>,
    /// What `aliases` point to.
    _owned: Vec<CString>,
    /// Ends with null.
    aliases: Vec<*const c_char>,
}

// SAFETY: the addresses are of texts that the row owns, and nothing changes them.
unsafe impl Send for Row {}
// SAFETY: the addresses are of texts that the row owns, and nothing changes them.
unsafe impl Sync for Row {}

impl Row {
    pub(crate) fn new(name: &str, aliases: &[&str], c: Option<&str>) -> Row {
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let owned: Vec<CString> = aliases.iter().map(|alias| text(alias)).collect();
        let aliases = owned.iter().map(|alias| alias.as_ptr()).chain([ptr::null()]).collect();
        Row { name: text(name), c: c.map(text), _owned: owned, aliases }
    }

    /// The other names, and null after them.
    pub(crate) fn aliases(&self) -> *const *const c_char {
        self.aliases.as_ptr()
    }

    /// The C type, or null.
    pub(crate) fn c(&self) -> *const c_char {
        self.c.as_ref().map_or(ptr::null(), |c| c.as_ptr())
    }
}
