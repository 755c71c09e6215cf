//! What the runtime wants of an operating system beside code memory (which springboard-code has): a folder for each, with
//! the same names in it.
//!
//! | name | is |
//! |---|---|
//! | `loading::{C_LIBRARY, MATH_LIBRARY}` | the names of the C library |
//! | `loading::Flags` | how a library is loaded |
//! | `loading::Handle` | a loaded library, or the process: `open`, `process`, `symbol`, `versioned`, `entry` of its symbol table; errors in the loader's words |
//! | `loading::nul` | where a path has a NUL, at which the loader would end it |
//! | `errors::errno` | where the running thread's `errno` is |
//! | `errors::errno_distance` | how far that is from every thread's thread pointer, where stubs can look for it there |
//! | `errors::system` | what reads the running thread's last error of the system, where that is not `errno` |
//! | `threads::number` | the system's number of the running thread |
//! | `threads::{is_asymmetric, heavy_fence}` | a fence on all threads of the process at once |
//! | `threads::coarse_time` | a cheap clock |
//! | `fallback::abi` | what libffi calls a convention that is not the machine's own |
//! | `fallback::call` | libffi's call; whatever is passed by reference is a copy already |
//! | `fallback::complex` | libffi's type of a complex number, if it has one |
//! | `event::{Event, BorrowedEvent}` | what poll loops wait for: `new`, `signal`, `clear`, `borrow` |
//!
//! A system that is not here is added by a folder with these names. Nothing outside of the folders asks which system it is.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod bsd;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub(crate) use bsd::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows)))]
compile_error!(
    "springboard does not know this system: it needs a folder in crates/springboard/src/system with the names that \
     system.rs lists (loading, errors, threads, event, fallback)"
);
