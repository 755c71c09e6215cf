//! Stubs of the oracle's own: templates straight from the compiler, in memory that holds nothing else.

use std::{ffi::c_void, ptr};

use springboard_emit::{HoleKind, Template};

/// Code of one batch. Written first, then executable.
pub(crate) struct Stubs {
    base: *mut u8,
    bytes: usize,
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
        // SAFETY: a new mapping at an address of the system's choice.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED, "no memory");
        let base = base.cast::<u8>();
        // SAFETY: the mapping is as large as the code, and nobody else knows it yet.
        unsafe {
            ptr::copy_nonoverlapping(code.as_ptr(), base, code.len());
            let executable = libc::mprotect(base.cast(), bytes, libc::PROT_READ | libc::PROT_EXEC);
            assert_eq!(executable, 0, "no executable memory");
            __clear_cache(base.cast(), base.add(bytes).cast());
        }
        Stubs { base, bytes, entries }
    }

    /// The entry of the stub at `position`.
    pub(crate) fn entry(&self, position: usize) -> Option<*const c_void> {
        // SAFETY: entries lie within the mapping.
        self.entries[position].map(|entry| unsafe { self.base.add(entry) }.cast_const().cast())
    }
}

impl Drop for Stubs {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no stub in it is running.
        unsafe { libc::munmap(self.base.cast(), self.bytes) };
    }
}
