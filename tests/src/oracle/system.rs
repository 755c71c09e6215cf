//! What the oracle wants of an operating system: a file for each, with the same names in it.
//!
//! | name | is |
//! |---|---|
//! | `Pages` | memory whose pages may be touched as one says |
//! | `page_size` | size of a page in bytes |
//! | `report_crashes` | has a crash call back, and ends the process after it |

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::*;

/// What may be done with pages.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// Read and write.
    Write,
    /// Read and execute.
    Execute,
}
