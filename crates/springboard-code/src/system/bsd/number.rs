//! The process's number.

/// It tells a child that was made without the C library's `fork`.
pub(crate) fn number() -> u32 {
    std::process::id()
}
