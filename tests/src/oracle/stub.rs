//! Stubs of the oracle's own: templates straight from the compiler, in memory that holds nothing else.

use std::{ffi::c_void, ptr};

use springboard_emit::{HoleKind, Template};

use super::system::{Access, Pages};

/// Code of one batch. Written first, then executable.
pub(crate) struct Stubs {
    pages: Pages,
    entries: Vec<Option<usize>>,
}

unsafe extern "C" {
    /// Of the compiler's runtime library.
    fn __clear_cache(start: *mut c_void, end: *mut c_void);
}

impl Stubs {
    /// Places one stub after the other, where there are any, with what `stamp` says in their holes.
    ///
    /// # Panics
    /// Where the system gives no memory.
    pub(crate) fn new<'a>(
        templates: impl Iterator<Item = Option<&'a Template>>,
        stamp: impl Fn(HoleKind) -> u64,
    ) -> Stubs {
        let mut code = Vec::new();
        let entries = templates
            .map(|template| {
                let template = template?;
                code.resize(code.len().next_multiple_of(template.align as usize), 0);
                let entry = code.len();
                code.extend_from_slice(&template.code);
                for hole in &template.holes {
                    let at = entry + hole.offset as usize;
                    code[at..at + 8].copy_from_slice(&stamp(hole.kind).to_ne_bytes());
                }
                Some(entry)
            })
            .collect();
        let bytes = code.len().max(1);
        let pages = Pages::new(bytes);
        pages.allow(0..bytes, Access::Write);
        // SAFETY: the pages are as large as the code, and nobody else knows them yet.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), pages.start(), code.len()) };
        pages.allow(0..bytes, Access::Execute);
        // SAFETY: the pages are there.
        unsafe { __clear_cache(pages.start().cast(), pages.start().add(bytes).cast()) };
        Stubs { pages, entries }
    }

    /// The entry of the stub at `position`.
    pub(crate) fn entry(&self, position: usize) -> Option<*const c_void> {
        // SAFETY: entries lie within the pages.
        self.entries[position].map(|entry| unsafe { self.pages.start().add(entry) }.cast_const().cast())
    }
}
