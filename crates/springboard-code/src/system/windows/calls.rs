//! The system calls of code memory.

use crate::error::Step;

impl Step {
    /// The system call.
    pub const fn call(self) -> &'static str {
        match self {
            Step::CreateFile => "CreateFileMappingW",
            Step::WriteFile => "MapViewOfFile",
            Step::MapExecutable => "MapViewOfFileEx",
            Step::MapPages => "VirtualAlloc",
            Step::SealPages => "VirtualProtect",
            Step::Unmap => "UnmapViewOfFile",
            // Nobody else has a section's handle, it needs no second one, and its pages come and go together.
            Step::MoveDescriptor | Step::IdentifyFile | Step::ReopenFile | Step::ReleasePages => "none",
        }
    }
}
