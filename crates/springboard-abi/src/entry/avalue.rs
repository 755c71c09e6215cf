//! The `avalue` entry: libffi's calling form on one side, an assignment on the other.

use springboard_ir::{Scalar, Signature};

use super::downcall::Downcall;
use crate::{
    convention::{Piece, Returning},
    ineligible::Ineligible,
    place::Place,
    plan::{DowncallResult, Fill, Form, Move, Operand, Plan, SlotForm},
    target::Target,
};

pub(super) fn plan(signature: &Signature, target: &Target) -> Result<Plan, Ineligible> {
    let call = Downcall::of(signature, target, scalar_move)?;
    let result = match (&call.returning, call.result) {
        (Returning::Direct(_), SlotForm::Word(scalar)) if !matches!(scalar, Scalar::Float(_)) => {
            let bytes = scalar.bytes(&target.model);
            DowncallResult::Widened { slot: call.result_slot, bytes, fill: Fill::to_word(scalar) }
        }
        _ => call.stored(),
    };
    Ok(call.plan(target, Form::Avalue(result)))
}

/// Moves a scalar from its own bytes and no more, extended to all of its register or stack word.
fn scalar_move(slot: u16, scalar: Scalar, piece: &Piece, target: &Target) -> Move {
    let rules = target.convention.rules();
    let by_sign = match (scalar, piece.place) {
        // A convention that packs the stack asks for less than a word of it.
        (_, Place::Stack { .. }) if rules.packs_stack && piece.bytes < 8 => false,
        (_, Place::Vec { .. }) => false,
        (Scalar::Int { bytes: 4, signed: false }, _) => rules.sign_extends_u32,
        (Scalar::Int { bytes, signed }, _) => signed && bytes < 8,
        _ => false,
    };
    Move {
        place: piece.place,
        operand: Operand::Memory { slot, offset: piece.offset },
        // A piece that is a whole word is made of what the scalar has.
        bytes: scalar.bytes(&target.model).min(piece.bytes as u8),
        fill: if by_sign { Fill::Sign } else { Fill::Zero },
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn plan_text(prototype: &str) -> alloc::string::String {
        let target = Target::of(&"x86_64-unknown-linux-gnu".parse().unwrap()).unwrap();
        plan(&Signature::parse(prototype).unwrap(), &target).unwrap().to_string()
    }

    #[test]
    fn arguments_are_read_through_pointers_and_integers_widened() {
        let text = plan_text("short(signed char, unsigned int, float)");
        let lines = [
            "x86_64/sysv64 avalue",
            "rdi[0..1] <- [slot 0][0..1] sign-extended",
            "rsi[0..4] <- [slot 1][0..4]",
            "xmm0[0..4] <- [slot 2][0..4]",
            "[slot 3][0..8] <- rax sign-extended from 2 bytes",
        ];
        for line in lines {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
    }

    #[test]
    fn a_float_is_stored_with_its_own_four_bytes() {
        assert!(plan_text("float(void)").contains("[slot 0][0..4] <- xmm0[0..4]"));
        assert!(plan_text("void(void)").contains("result in place"));
    }
}
