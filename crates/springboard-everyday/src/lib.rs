//! What hosts need beside calls.
//!
//! * [`memory`]: C objects, read and written by type; C strings; results that another function frees.
//! * [`variable`]: global variables of libraries.
//! * [`outputs`]: calls whose parameters bring results.
//! * [`header`]: whole headers, bound.
//! * [`columns`]: one call for a function over arrays.
//! * [`udf`]: functions of query engines.
//! * [`background`]: calls that do not block the thread that asks for them.
//!
//! All of it is made of public functions of [`springboard`].

pub mod background;
pub mod columns;
pub mod header;
pub mod memory;
pub mod outputs;
pub mod udf;
pub mod variable;

/// The examples of the guide to everyday calls, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/everyday.md")]
struct Everyday;

/// The example of the guide to query engines, likewise.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/engines.md")]
struct Engines;
