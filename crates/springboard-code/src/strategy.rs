//! How pages become executable.

/// How pages become executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// A file in memory, mapped twice: once executable, and once for writing.
    Shared(CodeWrites),
    /// Private pages, written once and then made executable. Each publication takes pages of its own.
    Sealed,
}

/// How long the second mapping of code memory, which never executes, stays writable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum CodeWrites {
    /// While stubs are written, and only the pages that they are in.
    #[default]
    Strict,
    /// For good: a stub costs no system call, and whoever can write anywhere in the process can change code.
    Fast,
}
