//! What hosts of JavaScript engines need in addition to springboard.
//!
//! * [`v8`]: native functions that optimised JavaScript calls directly, and their slow twins.
//! * [`bun`]: the types of `bun:ffi`.

pub mod bun;
pub mod v8;

/// The examples of the guides, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/v8.md")]
struct GuideToV8;

/// The same of the other guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/bun.md")]
struct GuideToBun;
