//! Linux, with any C library.

mod calls;
mod descriptor;
pub(crate) mod extent;
mod file;
pub(crate) mod instructions;
#[cfg(feature = "announce")]
pub(crate) mod jitdump;
pub(crate) mod pages;
#[cfg(feature = "announce")]
pub(crate) mod perf_map;
mod ranges;
