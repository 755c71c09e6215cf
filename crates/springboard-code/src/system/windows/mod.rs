//! Windows, on x86_64.

mod calls;
#[cfg(feature = "announce")]
mod debugger;
pub(crate) mod extent;
pub mod fork;
pub(crate) mod instructions;
#[cfg(feature = "announce")]
pub(crate) mod jitdump;
pub(crate) mod pages;
#[cfg(feature = "announce")]
pub(crate) mod perf_map;
pub(crate) mod protection;
mod row;
mod size;
pub(crate) mod unwind;
