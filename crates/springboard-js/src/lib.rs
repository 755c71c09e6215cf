//! What hosts of JavaScript engines need beside springboard.
//!
//! * [`v8`]: native functions that optimised JavaScript calls directly, and their slow twins.
//! * [`bun`]: the types of `bun:ffi`.

pub mod bun;
pub mod v8;

/// The examples of the guide to V8, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/v8.md")]
struct Guide;
