//! What instructions do, in terms that all CPUs share.

use super::Cpu;
use crate::{isa::Code, template::HoleKind};

/// A register: general ones have their numbers, vector registers follow from [`VECTOR`] on.
pub(in crate::isa) type Register = u8;

/// The first vector register.
pub(in crate::isa) const VECTOR: Register = 32;
/// The condition code, where a CPU has one.
pub(in crate::isa) const FLAGS: Register = 64;
/// Reads as zero, where a CPU has such a register.
pub(in crate::isa) const ZERO: Register = 65;

/// A part of what an instruction does. `how` is the instruction without its registers and distances.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::isa) enum Step {
    /// A register becomes the sum of another and a distance in bytes, or a copy of it.
    Add {
        to: Register,
        from: Register,
        distance: i64,
    },
    /// A register becomes what a stamp writes.
    Literal {
        to: Register,
        kind: HoleKind,
    },
    Load {
        to: Register,
        base: Register,
        offset: i64,
        bytes: u8,
        how: u64,
    },
    /// The low bytes of a register are stored.
    Store {
        from: Register,
        base: Register,
        offset: i64,
        bytes: u8,
    },
    /// A register is made of others, and nothing else happens.
    Make {
        to: Register,
        how: u64,
        from: [Option<Register>; 2],
    },
    /// The return address is signed, or its signature is checked.
    Sign,
    Authenticate,
    Call(Register),
    Jump(Register),
    Return,
    /// On a condition, code goes on elsewhere: at this offset, or as a [`Program`] at the step of this index.
    Branch {
        how: u64,
        from: [Option<Register>; 2],
        to: usize,
    },
    Goto(usize),
    /// An instruction that only its own like is compared with.
    Other(u64),
}

/// Steps in order.
pub(in crate::isa) type Program = Vec<Step>;

/// The steps of code. `None` where an instruction is unknown, or refers by distance to anything but an instruction or a
/// hole.
pub(super) fn program(cpu: &Cpu, code: &Code) -> Option<Program> {
    let mut steps = Vec::with_capacity(code.bytes.len() / 4);
    // Where each instruction begins, and its first step.
    let mut starts = Vec::with_capacity(code.bytes.len() / 4);
    let mut at = 0;
    while at < code.bytes.len() && !is_literals(code, at) {
        starts.push((at, steps.len()));
        at += (cpu.decode)(code, at, &mut steps)?;
    }
    for step in &mut steps {
        if let Step::Branch { to, .. } | Step::Goto(to) = step {
            let found = starts.binary_search_by_key(to, |(at, _)| *at).ok()?;
            *to = starts[found].1;
        }
    }
    Some(steps)
}

/// Whether nothing but aligned literals follows, and the zeros before them.
pub(super) fn is_literals(code: &Code, at: usize) -> bool {
    let first = at.next_multiple_of(8);
    let literals = code.bytes.len().saturating_sub(first).div_ceil(8);
    let is_hole = |literal: usize| code.hole_at(first + literal * 8).is_some();
    let padded = code.bytes[at..first.min(code.bytes.len())].iter().all(|byte| *byte == 0);
    padded && literals > 0 && (0..literals).all(is_hole)
}
