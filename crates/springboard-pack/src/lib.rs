//! Thunks for common signatures, compiled when this crate is built and linked into the program.
//!
//! They serve where the system refuses executable memory, and save compiling anywhere. Each is what
//! `springboard-emit` makes of a common plan ([`springboard_abi::common`]) of the entry
//! [`Entry::Slots`](springboard_abi::Entry::Slots), after a landing pad.
//!
//! The build script writes the code as bytes in the program's own text section, so that there is nothing to relocate
//! when the program starts.
#![no_std]

use springboard_abi::{Plan, Target, common_number};

include!(concat!(env!("OUT_DIR"), "/pack.rs"));

// SAFETY: the build script defines the symbol, whose bytes are never written.
unsafe extern "C" {
    /// The first byte of the first thunk.
    safe static springboard_pack: u8;
}

/// The address of the code for `plan`, which is entered as [`Entry::Slots`](springboard_abi::Entry::Slots) says, where
/// the pack has it. `target` is that of the running program.
pub fn find(plan: &Plan, target: &Target) -> Option<*const u8> {
    let start = STARTS[common_number(plan, target)?];
    (start != u32::MAX).then(|| (&raw const springboard_pack).wrapping_add(start as usize))
}
