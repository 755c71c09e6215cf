//! Models of the protocols of callbacks and code, for loom: every order in which threads can run, up to a bound.
//!
//! The files are the runtime's own, compiled with loom's atomics and locks in place of the standard library's; alone,
//! so that no compiler need be built with them. Without `--cfg loom` there is nothing here: `cargo xtask test loom`.

#![cfg(loom)]

#[path = "../../crates/springboard/src/callback/gate.rs"]
#[allow(dead_code, unreachable_pub)]
mod gate;
#[path = "../../crates/springboard-code/src/quarantine.rs"]
#[allow(dead_code, unreachable_pub)]
mod quarantine;
#[path = "../../crates/springboard/src/callback/queue.rs"]
#[allow(dead_code, unreachable_pub)]
mod queue;
#[path = "../../crates/springboard/src/callback/request.rs"]
#[allow(dead_code, unreachable_pub)]
mod request;
#[path = "../../crates/springboard/src/callback/sync.rs"]
#[allow(dead_code, unused_imports)]
mod sync;

/// What the quarantine knows of slots.
mod space {
    /// Where code lies.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct Slot {
        pub(super) segment: u32,
        pub(super) offset: u32,
    }
}

#[cfg(test)]
mod models;
