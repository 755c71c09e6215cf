//! Pages of `MAP_JIT`, in which code lies on Apple's own CPUs. A thread may either write or execute them: which of the two
//! is a state of the thread, for all such pages of the process (`pthread_jit_write_protect_np(3)`). So a thread changes the
//! state for one copy, in which it runs nothing of ours, and changes it back.

use std::{ffi::c_int, ops::Range, ptr};

use rustix::mm::{MapFlags, ProtFlags};

use crate::{
    error::CodeError,
    mapping::Mapping,
    site::Site,
    system::unix::private_pages::{map, near},
};

/// Pages that were not written yet, and what will be in them.
pub(crate) struct Unsealed {
    pages: Mapping,
    contents: Vec<u8>,
}

impl Unsealed {
    /// Maps `bytes` private bytes, zeroed, where code should lie.
    pub(crate) fn new(bytes: usize, site: Site) -> Result<Unsealed, CodeError> {
        let access = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
        let flags = MapFlags::from_bits_retain(libc::MAP_JIT as u32);
        let start = map(near(site, bytes), bytes, access, flags)?;
        Ok(Unsealed { pages: Mapping::owning(start, bytes), contents: vec![0; bytes] })
    }

    /// The contents.
    pub(crate) fn contents(&mut self) -> &mut [u8] {
        &mut self.contents
    }

    /// No stub has a row of its own here.
    pub(crate) fn describe(&mut self, _place: Range<usize>, _row: Option<u32>) {}

    /// Writes them. From then on no thread writes there.
    pub(crate) fn seal(self) -> Result<Mapping, CodeError> {
        const WRITE: c_int = 0;
        const EXECUTE: c_int = 1;
        // SAFETY: between the two changes of its state this thread executes no page of `MAP_JIT`. The pages are this
        // value's own, as long as their contents, and nobody has a reference to them.
        unsafe {
            libc::pthread_jit_write_protect_np(WRITE);
            ptr::copy_nonoverlapping(self.contents.as_ptr(), self.pages.at(0), self.contents.len());
            libc::pthread_jit_write_protect_np(EXECUTE);
        }
        Ok(self.pages)
    }
}
