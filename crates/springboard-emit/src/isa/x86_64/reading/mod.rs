//! An independent reading of x86_64 machine code: what a stub reads, writes and calls, in symbols.
//!
//! It runs code in registers and stack words that hold symbols, and knows nothing of how the code came about:
//! instructions are decoded by a library. Two stubs are the same if they read the same memory, store the same values at
//! the same addresses, call the same functions with the same arguments in registers and on the stack, branch on the
//! same conditions to code that is the same, and return or jump with the same registers. Code with a branch backwards,
//! or with an instruction that is not listed here, is not read at all.
//!
//! Of a call it also wants what no comparison shows: that the stack is aligned, that the frame is the one that the
//! unwind row describes (`unwind.rs`), and that no register of the caller's is changed.

mod effect;
mod lines;
mod machine;
mod operation;
mod stack;
#[cfg(test)]
mod tests;
mod values;

use springboard_abi::{Convention, Direction, Entry, Place, Plan};

use self::{machine::read, values::Values};
use super::super::Code;

/// Whether `after` does what `before` does, for stubs whose calls pass what is `live`.
pub(super) fn is_same(before: &Code, after: &Code, live: Live) -> bool {
    let mut values = Values::default();
    let before = read(&mut values, before, live);
    before.is_some() && before == read(&mut values, after, live)
}

/// In what a stub passes arguments: registers as bits, by their numbers in the machine's encoding, and bytes of the stack
/// area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Live {
    pub(super) gprs: u16,
    pub(super) vecs: u16,
    pub(super) stack_bytes: u32,
}

/// The numbers of System V's argument registers: rdi, rsi, rdx, rcx, r8, r9 (psABI 3.2.3).
pub(super) const ARGUMENTS: [u8; 6] = [7, 6, 2, 1, 8, 9];

impl Live {
    /// The first four registers, in which the host's functions get their arguments.
    const HOST: Live = Live { gprs: 1 << 7 | 1 << 6 | 1 << 2 | 1 << 1, vecs: 0, stack_bytes: 0 };

    /// What the native call of a plan, or the call of the host, passes. `None` where not all is by System V.
    pub(super) fn of(plan: &Plan) -> Option<Live> {
        if plan.caller != Convention::Sysv64 || plan.convention != Convention::Sysv64 {
            return None;
        }
        if plan.entry().direction() == Direction::Upcall {
            return Some(Live::HOST);
        }
        if plan.entry() == Entry::Boxed {
            // Functions of the host are called as well.
            let gprs = ARGUMENTS.iter().fold(0, |gprs, number| gprs | 1 << number);
            return Some(Live { gprs, vecs: 0xff, stack_bytes: plan.stack_bytes });
        }
        let mut live = Live { gprs: 0, vecs: 0, stack_bytes: plan.stack_bytes };
        for step in &plan.moves {
            match step.place {
                Place::Gpr { reg, .. } => live.gprs |= 1 << ARGUMENTS.get(usize::from(reg))?,
                Place::Vec { reg, .. } => live.vecs |= 1 << reg,
                Place::Stack { .. } => {}
            }
        }
        Some(live)
    }
}
