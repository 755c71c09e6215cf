//! An independent reading of A64 machine code: what a stub reads, writes and calls, in symbols.
//!
//! It runs straight code in registers and stack words that hold symbols, and knows nothing of how the code came about:
//! instructions are decoded by a library. Two stubs are the same if they read the same memory, store the same values at
//! the same addresses, call the same functions with the same arguments, and return or jump with the same registers.
//! Code with any branch but the last, or with an instruction that is not listed here, is not read at all.

mod access;
mod lines;
mod reader;
#[cfg(test)]
mod tests;
mod values;

use springboard_abi::{Direction, Entry, Place, Plan};
use yaxpeax_arm::armv8::a64::{Opcode, Operand};

use self::{
    lines::{Flow, Line, lines},
    reader::Reader,
    values::Values,
};
use super::super::Code;

/// Whether `after` does what `before` does, for stubs whose calls pass arguments in the `live` registers.
pub(super) fn is_same(before: &Code, after: &Code, live: Live) -> bool {
    let mut values = Values::default();
    let before = Reader::read(&mut values, before, live);
    before.is_some() && before == Reader::read(&mut values, after, live)
}

/// Whether `after` is `before` with literals elsewhere: the same instructions in the same order, without branches that
/// lead over literals; branches to the same instructions, and literals of the same kind.
pub(super) fn moves_literals_only(before: &Code, after: &Code) -> bool {
    let (Some(before), Some(after)) = (lines(before), lines(after)) else { return false };
    let plain: Vec<_> = before.iter().filter(|line| line.flow != Flow::Over).collect();
    let place = |lines: &[&Line], target: usize| lines.iter().position(|line| line.offset >= target);
    let after: Vec<_> = after.iter().collect();
    plain.len() == after.len()
        && plain.iter().zip(&after).all(|(line, moved)| {
            let same_target = match (line.flow, moved.flow) {
                (Flow::Branch(before), Flow::Branch(now)) => place(&plain, before) == place(&after, now),
                (before, now) => before == now,
            };
            same_target
                && line.instruction.opcode == moved.instruction.opcode
                && line.operands() == moved.operands()
        })
}

/// Whether an indirect branch may land at the first instruction: `bti c`, or `paciasp` (Arm ARM, D8.4.2).
pub(super) fn begins_with_landing_pad(code: &Code) -> bool {
    let first = lines(code).and_then(|lines| Some(lines.first()?.instruction));
    first.is_some_and(|first| match first.opcode {
        Opcode::PACIASP => true,
        Opcode::HINT => matches!(first.operands[..2], [Operand::ControlReg(4), Operand::Immediate(2)]),
        _ => false,
    })
}

/// The registers in which calls of a stub pass arguments, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Live {
    gprs: u32,
    vecs: u32,
}

impl Live {
    /// Those of the native call, or of the call of the host.
    pub(super) fn of(plan: &Plan) -> Live {
        if plan.entry().direction() == Direction::Upcall {
            return Live { gprs: 0b1111, vecs: 0 };
        }
        if plan.entry() == Entry::Boxed {
            // Functions of the host are called as well.
            return Live { gprs: 0xff, vecs: 0xff };
        }
        let mut live = Live { gprs: 0, vecs: 0 };
        for step in &plan.moves {
            match step.place {
                Place::Gpr { reg, .. } => live.gprs |= 1 << reg,
                Place::Vec { reg, .. } => live.vecs |= 1 << reg,
                Place::Stack { .. } => {}
            }
        }
        live
    }
}
