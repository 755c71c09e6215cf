//! Why there is no code memory.

use std::io;

/// A step on the way to executable memory that the system refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("{} ({}): {}", .step.purpose(), .step.call(), io::Error::from_raw_os_error(*.errno))]
pub struct CodeError {
    /// The step.
    pub step: Step,
    /// The error number of the system call: `errno`, on Windows `GetLastError()`.
    pub errno: i32,
}

/// The steps on the way to executable memory, each one system call, [`Step::call`]. No system makes all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Step {
    /// A file in memory to hold code (Windows: a section).
    CreateFile,
    /// A descriptor of the file whose number is not given to others soon. Where it fails, the first one serves.
    MoveDescriptor,
    /// Whether the descriptor still is that of the file for code. The host may have closed it, and its number may mean
    /// another file by now.
    IdentifyFile,
    /// Opening the file a second time, for reading only. Where it fails, the file is mapped privately.
    ReopenFile,
    /// Writing code, or the traps between. Also where the file would grow beyond `RLIMIT_FSIZE`.
    WriteFile,
    /// Mapping the file, readable and executable.
    MapExecutable,
    /// Mapping private pages, writable.
    MapPages,
    /// Making the same pages, written, executable and not writable.
    SealPages,
    /// Giving parts of the file that hold no code any more back to the system.
    ReleasePages,
    /// Unmapping pages that hold no code any more.
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

    /// The failure of this step. `why` is the system's own error.
    pub(crate) fn failed(self, why: impl Into<io::Error>) -> CodeError {
        CodeError { step: self, errno: why.into().raw_os_error().unwrap_or_default() }
    }
}

/// Why code was not published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoRoom {
    /// The system refused a step.
    #[error(transparent)]
    System(#[from] CodeError),
    /// Another segment would exceed the limit that the engine was given, in bytes.
    #[error("code memory is at its limit of {0} bytes")]
    Limit(usize),
}
