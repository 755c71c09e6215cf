//! macOS and FreeBSD. Written from documentation and compiled; **nothing of it has run**.
//!
//! Pages are private, written once, and then made executable for good ([`Strategy::Sealed`](crate::Strategy)): there are no
//! files in memory here that execute. Under macOS' hardened runtime a program needs the entitlement
//! `com.apple.security.cs.allow-jit`.

mod calls;
#[cfg(feature = "announce")]
mod debugger;
pub(crate) mod extent;
pub(crate) mod instructions;
#[cfg(feature = "announce")]
pub(crate) mod jitdump;
pub(crate) mod pages;
#[cfg(feature = "announce")]
pub(crate) mod perf_map;
pub(crate) mod protection;
pub(crate) mod unwind;
