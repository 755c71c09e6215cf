//! What the oracle wants of an operating system: a file for each, with the same names in it.
//!
//! | name | is |
//! |---|---|
//! | `Pages` | memory whose pages may be touched as one says |
//! | `page_size` | size of a page in bytes |
//! | `report_crashes` | has a crash call back, and ends the process after it |

mod access;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub(super) use access::Access;
#[cfg(unix)]
pub(super) use unix::*;
#[cfg(windows)]
pub(super) use windows::*;
