//! Tells the system's unwinder about segments, so that panics and exceptions cross stubs.

use std::ffi::c_void;

use crate::{mapping::Mapping, system::protection::protection};

/// An unwind row that the unwinder knows, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Contents of an `.eh_frame` section: a common entry, the one description, a zero word. The unwinder keeps an address
    /// in it.
    section: Box<[u8]>,
}

unsafe extern "C" {
    fn __register_frame(frame: *const c_void);
    fn __deregister_frame(frame: *const c_void);
}

impl Frame {
    /// Describes all of `pages`, which must stay mapped for longer than the result lives. `None` on architectures
    /// whose stubs have no frame pointer.
    pub(crate) fn register(pages: &Mapping) -> Option<Frame> {
        let architecture = target_lexicon::Triple::host().architecture;
        let start = pages.at(0).addr() as u64;
        let (bytes, signed) = (pages.bytes() as u32, protection().return_addresses);
        let section = springboard_emit::eh_frame(&architecture, signed, start, bytes)?;
        let frame = Frame { section: section.into() };
        // SAFETY: the section is well-formed, ends with a zero word, and stays where it is until it is taken back.
        unsafe { __register_frame(frame.known()) };
        Some(frame)
    }

    /// What the unwinder is handed. GCC's takes a section. LLVM's, which macOS and FreeBSD have, takes one description: it
    /// follows the common entry, whose first word is its length without that word (LSB, "Exception Frames").
    fn known(&self) -> *const c_void {
        let common = if cfg!(target_os = "linux") {
            0
        } else {
            let length: [u8; 4] = *self.section.first_chunk().expect("the section has a common entry");
            4 + u32::from_ne_bytes(length) as usize
        };
        self.section[common..].as_ptr().cast()
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: it was registered when `self` was made, at this address.
        unsafe { __deregister_frame(self.known()) };
    }
}
