//! Models of the protocols behind callbacks, for loom: every order in which threads can run, up to a bound.
//!
//! The files are the runtime's own, compiled with loom's atomics and locks in place of the standard library's; alone,
//! so that no compiler need be built with them. Without `--cfg loom` there is nothing here: `cargo xtask test loom`.

#![cfg(loom)]

#[path = "../../crates/springboard/src/callback/gate.rs"]
#[allow(dead_code, unreachable_pub)]
mod gate;
#[path = "../../crates/springboard/src/callback/queue.rs"]
#[allow(dead_code, unreachable_pub)]
mod queue;
#[path = "../../crates/springboard/src/callback/request.rs"]
#[allow(dead_code, unreachable_pub)]
mod request;
#[path = "../../crates/springboard/src/callback/sync.rs"]
#[allow(dead_code, unused_imports)]
mod sync;

#[cfg(test)]
mod models;
