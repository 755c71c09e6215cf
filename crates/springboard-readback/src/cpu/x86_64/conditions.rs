//! What instructions depend on: the flags.

use iced_x86::ConditionCode as Named;

use super::Step;
use crate::{
    machine::{Condition, Flags},
    refusal::Refusal,
    terms::{Op, Relations, Word, ZERO, constant},
};

impl Step<'_, '_> {
    /// Whether the instruction's condition holds, as a word.
    pub(super) fn holds(&mut self) -> Result<Word, Refusal> {
        let code = self.instruction.condition_code();
        match (self.machine.flags, code) {
            (Flags::Doubles(_), _) => self.machine.related(relations(code)),
            // Of all numbers of 64 bits one alone cannot be made smaller by one. (Narrower ones are extended in two ways.)
            (Flags::Compared { unsigned: [a, by], signed }, Named::o | Named::no)
                if signed == [a, by] && by == constant(1) =>
            {
                let least = self.machine.terms.op(Op::Equal, &a, &constant(1 << 63));
                Ok(if code == Named::o { least } else { self.machine.terms.op(Op::Equal, &least, &ZERO) })
            }
            _ => {
                let condition = condition(code).ok_or(Refusal::Instruction { at: self.machine.pc })?;
                self.machine.condition(condition)
            }
        }
    }
}

/// After a comparison of doubles (SDM, UCOMISD): less is a carry, equal is zero, and without an order it is both, with parity.
fn relations(code: Named) -> Option<Relations> {
    let (equal, less) = (Relations::EQUAL.or(Relations::UNORDERED), Relations::LESS.or(Relations::UNORDERED));
    Some(match code {
        Named::e => equal,
        Named::ne => equal.not(),
        Named::b => less,
        Named::ae => less.not(),
        Named::be => less.or(equal),
        Named::a => less.or(equal).not(),
        Named::p => Relations::UNORDERED,
        Named::np => Relations::UNORDERED.not(),
        _ => return None,
    })
}

fn condition(code: Named) -> Option<Condition> {
    Some(match code {
        Named::e => Condition::Equal,
        Named::ne => Condition::NotEqual,
        Named::b => Condition::Below,
        Named::ae => Condition::NotBelow,
        Named::a => Condition::Above,
        Named::be => Condition::NotAbove,
        Named::l => Condition::Less,
        Named::ge => Condition::NotLess,
        Named::g => Condition::Greater,
        Named::le => Condition::NotGreater,
        Named::s => Condition::Negative,
        Named::ns => Condition::NotNegative,
        _ => return None,
    })
}
