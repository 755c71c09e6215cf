//! Access to pages.

/// What may be done with pages.
#[derive(Clone, Copy)]
pub(in crate::oracle) enum Access {
    /// Read and write.
    Write,
    /// Read and execute.
    Execute,
}
