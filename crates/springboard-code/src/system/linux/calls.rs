//! The system calls of code memory.

use crate::error::Step;

impl Step {
    /// The system call.
    pub const fn call(self) -> &'static str {
        match self {
            Step::CreateFile => "memfd_create",
            Step::MoveDescriptor => "fcntl",
            Step::IdentifyFile => "lseek",
            Step::ReopenFile => "open",
            Step::WriteFile => "pwrite",
            Step::MapExecutable | Step::MapPages => "mmap",
            Step::SealPages => "mprotect",
            Step::ReleasePages => "fallocate",
            Step::Unmap => "munmap",
        }
    }
}
