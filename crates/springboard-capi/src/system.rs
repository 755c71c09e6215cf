//! What C's functions want of an operating system: a file for each, with the same names in it.
//!
//! | name | is |
//! |---|---|
//! | `path` | the path that bytes of C's stand for |
//! | `number` | the number by which C knows what poll loops wait for |

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
