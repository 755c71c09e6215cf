//! What instructions do, in terms that all CPUs share.

use crate::{isa::Code, template::HoleKind};

/// A register: general ones have their numbers, vector registers follow from [`VECTOR`] on.
pub(in crate::isa) type Register = u8;

/// The first vector register.
pub(in crate::isa) const VECTOR: Register = 32;
/// The condition code, where a CPU has one.
pub(in crate::isa) const FLAGS: Register = 64;
/// Reads as zero, where a CPU has such a register.
pub(in crate::isa) const ZERO: Register = 65;
/// Where an operand that is in no register waits for the instruction that takes it from there.
pub(in crate::isa) const TEMPORARY: Register = 66;

/// A part of what an instruction does. `how` is the instruction without its registers and distances.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::isa) enum Step {
    /// A register becomes the sum of another and a distance in bytes, or a copy of it.
    Add {
        to: Register,
        from: Register,
        distance: i64,
    },
    Constant {
        to: Register,
        value: u64,
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
    /// A call of the stub's own code at this offset or step, from where a jump through a register leads to the function
    /// that is called.
    Enter(usize),
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

/// The steps of code while they are added.
pub(in crate::isa) struct Steps {
    program: Program,
    /// Where each instruction begins, and its first step.
    starts: Vec<(usize, usize)>,
}

impl Steps {
    pub(in crate::isa) fn of(code: &Code) -> Steps {
        let instructions = code.bytes.len() / 3;
        Steps { program: Vec::with_capacity(instructions), starts: Vec::with_capacity(instructions) }
    }

    /// An instruction begins at this offset.
    pub(in crate::isa) fn begin(&mut self, at: usize) {
        self.starts.push((at, self.program.len()));
    }

    pub(in crate::isa) fn add(&mut self, step: Step) {
        self.program.push(step);
    }

    /// `None` where something leads to what is no instruction.
    pub(in crate::isa) fn finish(mut self) -> Option<Program> {
        for step in &mut self.program {
            if let Step::Branch { to, .. } | Step::Goto(to) | Step::Enter(to) = step {
                let found = self.starts.binary_search_by_key(to, |(at, _)| *at).ok()?;
                *to = self.starts[found].1;
            }
        }
        Some(self.program)
    }
}

/// The steps of code with literals after it. `decode` adds those of the instruction at an offset, and says where the next
/// one is, from there. `None` where an instruction is unknown, or refers by distance to anything but an instruction or a
/// hole.
pub(in crate::isa) fn program(
    code: &Code,
    decode: fn(&Code, usize, &mut Vec<Step>) -> Option<usize>,
) -> Option<Program> {
    let mut steps = Steps::of(code);
    let mut at = 0;
    while at < code.bytes.len() && !is_literals(code, at) {
        steps.begin(at);
        at += decode(code, at, &mut steps.program)?;
    }
    steps.finish()
}

/// Whether nothing but aligned literals follows, and the zeros before them.
pub(super) fn is_literals(code: &Code, at: usize) -> bool {
    let first = at.next_multiple_of(8);
    let literals = code.bytes.len().saturating_sub(first).div_ceil(8);
    let is_hole = |literal: usize| code.hole_at(first + literal * 8).is_some();
    let padded = code.bytes[at..first.min(code.bytes.len())].iter().all(|byte| *byte == 0);
    padded && literals > 0 && (0..literals).all(is_hole)
}
