//! macOS and FreeBSD. Written from documentation and compiled; **nothing of it has run**.
//!
//! Pages are private, written once, and then made executable for good ([`Strategy::Sealed`](crate::Strategy)): there are no
//! files in memory here that execute. Under macOS' hardened runtime a program needs the entitlement
//! `com.apple.security.cs.allow-jit`.

mod calls;
pub(crate) mod extent;
pub(crate) mod instructions;
#[cfg(feature = "announce")]
pub(crate) mod jitdump;
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
mod map_jit;
pub(crate) mod pages;
#[cfg(feature = "announce")]
pub(crate) mod perf_map;
