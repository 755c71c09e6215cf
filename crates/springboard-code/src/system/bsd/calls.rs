//! The system calls of code memory.

use crate::error::Step;

impl Step {
    /// The system call.
    pub const fn call(self) -> &'static str {
        match self {
            Step::MapPages => "mmap",
            Step::SealPages => "mprotect",
            Step::Unmap => "munmap",
            // There are no files for code.
            Step::CreateFile
            | Step::MoveDescriptor
            | Step::IdentifyFile
            | Step::ReopenFile
            | Step::WriteFile
            | Step::MapExecutable
            | Step::ReleasePages => "none",
        }
    }
}
