//! Memory to read and write with code after it, at distances that the code knows.

use std::{io, ptr::NonNull};

use crate::{
    error::{CodeError, Step},
    mapping::Mapping,
    system::{fork, instructions, pages::Reserved},
};

/// Makes every CPU of the process see `bytes` instructions that somebody else has written at `code`, which execute there,
/// before it returns.
pub fn synchronise_instructions(code: *const u8, bytes: usize) {
    instructions::synchronise([(code, bytes)].into_iter());
}

/// Private memory: data to be read and written, then code that is executed and never written again. For hosts whose code
/// finds its data at a fixed distance, so that making one more writes no code.
///
/// Unmapped when it is dropped. Any thread may have it.
#[derive(Debug)]
pub struct CodeBeside(Mapping);

impl CodeBeside {
    /// Maps `data` bytes, zeroed, at a multiple of `align`, and `code` after them. `align` is a power of two, at least the
    /// size of a page, and `data` a whole number of pages.
    ///
    /// # Errors
    /// The step that the system refused. Nothing is mapped then.
    pub fn new(align: usize, data: usize, code: &[u8]) -> Result<CodeBeside, CodeError> {
        // A child that is forked meanwhile would find locks held for ever.
        let _hold = fork::hold();
        let too_large = || Step::MapPages.failed(io::Error::from_raw_os_error(libc::ENOMEM));
        let bytes = data.checked_add(code.len()).ok_or_else(too_large)?;
        let mut reserved = Reserved::new(bytes, align)?;
        if reserved.execute(data, code).is_err() {
            // No files in memory: pages that are written once, at an address at which nothing executes then.
            reserved.seal(data, code)?;
        }
        let mapping = reserved.whole();
        instructions::synchronise([(mapping.at(data).cast_const(), code.len())].into_iter());
        Ok(CodeBeside(mapping))
    }

    /// The first byte of the data.
    pub fn as_ptr(&self) -> NonNull<u8> {
        NonNull::new(self.0.at(0)).expect("nothing is mapped at address 0")
    }

    /// Size of all of it, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Leaves it mapped, for [`CodeBeside::kept`].
    pub fn keep(self) -> NonNull<u8> {
        let start = self.as_ptr();
        std::mem::forget(self);
        start
    }

    /// Takes back what [`CodeBeside::keep`] left mapped.
    ///
    /// # Safety
    /// `start` came from `keep` of a value of so many bytes, and was not taken back before.
    pub unsafe fn kept(start: NonNull<u8>, bytes: usize) -> CodeBeside {
        CodeBeside(Mapping::owning(start.as_ptr().cast(), bytes))
    }
}
