//! Reads machine code back: whether the code of a stub does what its plan says, and nothing else.
//!
//! One entry function, [`read_back`]: a [`Plan`] and [`Code`] go in, and it is accepted or refused. Nothing is shared with
//! the emitter: the code is decoded by other means, run on a machine of symbols, and compared with the plan at each place
//! where control leaves it. How, and what it does not see: docs/architecture.md, "Reading back".
//!
//! 1. `terms` are what words of that machine hold.
//! 2. `machine` has registers, stack and memory; `cpu` has the instructions of each CPU; `abi` says what calls change.
//! 3. `reading` says for each entry what a stub is to do, and compares it with what the machine does.
#![forbid(unsafe_code)]

mod abi;
mod cpu;
mod machine;
mod reading;
mod refusal;
mod terms;

use springboard_abi::{Hole, Plan, Protection};

pub use refusal::{Leaving, Refusal, Spot};

/// The code of a stub, before a stamp fills its holes.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// The instructions, then their literals. The first byte is the entry.
    pub bytes: &'a [u8],
    /// The holes in it.
    pub holes: &'a [Hole],
    /// Where in `bytes` the unwinder's row begins that stands after the code (Windows). It is not read.
    pub row: Option<u32>,
    /// Whether it begins with a landing pad, and what return addresses its frames keep.
    pub protection: Protection,
}

/// Accepts code that does what `plan` says: at each call every byte of every argument in its place, nothing else written, each
/// result where it belongs, and whatever belongs to the caller as it was.
///
/// # Errors
/// The first difference found.
pub fn read_back(plan: &Plan, code: &Code<'_>) -> Result<(), Refusal> {
    reading::read(plan, code)
}
