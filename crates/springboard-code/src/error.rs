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
    /// `fallocate`: its pages, at once, so that a write never faults.
    SizeFile,
    /// `mmap`: the file, readable and executable.
    MapExecutable,
    /// `mmap`: the file a second time, inaccessible.
    MapView,
    /// `madvise`: the second mapping, in windows that are opened one by one. Where it fails, writing only takes longer.
    DivideView,
    /// `mprotect`: the pages to write, through the second mapping, writable.
    OpenView,
    /// `mprotect`: the same pages inaccessible again.
    CloseView,
    /// `mmap`: private pages, writable.
    MapPages,
    /// `mprotect`: the same pages, written, executable and not writable.
    SealPages,
    /// `madvise`: pages of the file that hold no code any more, back to the system.
    ReleasePages,
    /// `madvise`: the same pages again, at once, so that a write never faults.
    RestorePages,
    /// `munmap`: pages that hold no code any more.
    Unmap,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 12] = [
        Step::CreateFile,
        Step::SizeFile,
        Step::MapExecutable,
        Step::MapView,
        Step::DivideView,
        Step::OpenView,
        Step::CloseView,
        Step::MapPages,
        Step::SealPages,
        Step::ReleasePages,
        Step::RestorePages,
        Step::Unmap,
    ];

    /// The system call.
    pub const fn call(self) -> &'static str {
        match self {
            Step::CreateFile => "memfd_create",
            Step::SizeFile => "fallocate",
            Step::MapExecutable | Step::MapView | Step::MapPages => "mmap",
            Step::OpenView | Step::CloseView | Step::SealPages => "mprotect",
            Step::DivideView | Step::ReleasePages | Step::RestorePages => "madvise",
            Step::Unmap => "munmap",
        }
    }

    /// What the call was to do.
    const fn purpose(self) -> &'static str {
        match self {
            Step::CreateFile => "creating a file for code",
            Step::SizeFile => "allocating the pages of the file for code",
            Step::MapExecutable => "mapping the file for code as executable",
            Step::MapView => "mapping the file for code a second time",
            Step::DivideView => "dividing the view of code",
            Step::OpenView => "making the view of code writable",
            Step::CloseView => "making the view of code inaccessible",
            Step::MapPages => "mapping pages for code",
            Step::SealPages => "making pages of code executable",
            Step::ReleasePages => "giving pages of code back",
            Step::RestorePages => "taking pages of code again",
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
