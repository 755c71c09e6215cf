//! What code memory wants of an operating system: a folder for each, with the same names in it.
//!
//! | name | is |
//! |---|---|
//! | `Step::call` | the system call of each step, for errors |
//! | `extent::Extent` | a part of a file for code: `new`, `write`, `trap`, `lose`, `is_lost`, `release`, `give_back`, `bytes` |
//! | `Mapping::{of, owning}` | pages that execute, of an extent, at a site, never writable; pages that were mapped otherwise |
//! | `pages::Unsealed`, `pages::Reserved` | private pages that are written (`Unsealed` with rows for unwinders), then executable for good |
//! | `pages::page_size` | size of a page in bytes |
//! | `instructions::synchronise` | what was written as data is fetched as instructions by every CPU |
//! | `unwind::Frame` | has exceptions cross the stubs of a mapping |
//! | `protection::protection` | whether the CPU checks where branches land |
//! | `fork` | keeps the process from forking while code is made; nothing where processes do not fork |
//! | `debugger` | the symbols by which debuggers watch for code (feature `announce`) |
//! | `perf_map::tell`, `jitdump::tell` | the profiler's files; nothing where it does not exist (feature `announce`) |
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
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows)))]
compile_error!(
    "springboard-code does not know this system: it needs a folder in crates/springboard-code/src/system with the names \
     that system.rs lists (extent, pages, instructions, unwind, protection, fork, debugger, perf_map, jitdump)"
);
