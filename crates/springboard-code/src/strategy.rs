//! How pages become executable.

/// How pages become executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// As pages of a file, which code is written to. Where that fails, as [`Strategy::Sealed`] says.
    File,
    /// Private pages, written once and then made executable. Each publication takes pages of its own.
    Sealed,
}
