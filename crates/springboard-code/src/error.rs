//! Why there is no code memory.

use std::{fmt, io};

/// A step on the way to executable memory that the system refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CodeError {
    /// The step.
    pub step: Step,
    /// The error number of the system call.
    pub errno: i32,
}

/// The steps on the way to executable memory, each one system call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Step {
    /// `memfd_create`: a file in memory to hold code.
    CreateFile,
    /// `fcntl`: a descriptor of the file whose number is not given to others soon. Where it fails, the first one serves.
    MoveDescriptor,
    /// `lseek`: whether the descriptor still is that of the file for code. The host may have closed it, and its number
    /// may mean another file by now.
    IdentifyFile,
    /// `open`: the file a second time, for reading only. Where it fails, the file is mapped privately.
    ReopenFile,
    /// `pwrite`: code, or the traps between. Also where the file would grow beyond `RLIMIT_FSIZE`.
    WriteFile,
    /// `mmap`: the file, readable and executable.
    MapExecutable,
    /// `mmap`: private pages, writable.
    MapPages,
    /// `mprotect`: the same pages, written, executable and not writable.
    SealPages,
    /// `fallocate`: parts of the file that hold no code any more, back to the system.
    ReleasePages,
    /// `munmap`: pages that hold no code any more.
    Unmap,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 10] = [
        Step::CreateFile,
        Step::MoveDescriptor,
        Step::IdentifyFile,
        Step::ReopenFile,
        Step::WriteFile,
        Step::MapExecutable,
        Step::MapPages,
        Step::SealPages,
        Step::ReleasePages,
        Step::Unmap,
    ];

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

    /// What the call was to do.
    const fn purpose(self) -> &'static str {
        match self {
            Step::CreateFile => "creating a file for code",
            Step::MoveDescriptor => "moving the descriptor of the file for code",
            Step::IdentifyFile => "identifying the file for code",
            Step::ReopenFile => "opening the file for code for reading",
            Step::WriteFile => "writing code",
            Step::MapExecutable => "mapping the file for code as executable",
            Step::MapPages => "mapping pages for code",
            Step::SealPages => "making pages of code executable",
            Step::ReleasePages => "giving pages of code back",
            Step::Unmap => "unmapping pages of code",
        }
    }

    /// The failure of this step.
    pub(crate) fn failed(self, errno: rustix::io::Errno) -> CodeError {
        CodeError { step: self, errno: errno.raw_os_error() }
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CodeError { step, errno } = *self;
        write!(f, "{} ({}): {}", step.purpose(), step.call(), io::Error::from_raw_os_error(errno))
    }
}

impl std::error::Error for CodeError {}

/// Why code was not published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRoom {
    /// The system refused a step.
    System(CodeError),
    /// Another segment would exceed the limit that the engine was given, in bytes.
    Limit(usize),
}

impl From<CodeError> for NoRoom {
    fn from(error: CodeError) -> NoRoom {
        NoRoom::System(error)
    }
}
