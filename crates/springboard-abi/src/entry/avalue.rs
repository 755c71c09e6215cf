//! The `avalue` entry: libffi's calling form on one side, an assignment on the other.

use alloc::{boxed::Box, vec::Vec};

use springboard_ir::{Scalar, Signature};

use super::moves::{chunks, piece_moves, whole_slot};
use crate::{
    convention::{Assignment, Passing, Piece, Returning, assign_for_stub},
    ineligible::Ineligible,
    place::Place,
    plan::{Entry, Fill, Guard, Move, Operand, Plan, ResultMove, ResultPlan, SlotForm, Temporary},
    target::Target,
};

pub(crate) fn plan(signature: &Signature, target: &Target) -> Result<Plan, Ineligible> {
    let model = &target.model;
    let Assignment { params, result, stack_bytes, vector_count } = assign_for_stub(signature, target)?;
    // The limit on parameters keeps every index in range.
    let result_slot = signature.params().len() as u16;
    let mut moves = Vec::with_capacity(params.len() + 1);
    let mut temporaries = Vec::new();
    if let Returning::Memory { pointer } = result {
        moves.push(whole_slot(result_slot, pointer));
    }
    for (index, (param, passing)) in signature.params().iter().zip(&params).enumerate() {
        let slot = index as u16;
        match passing {
            Passing::Nothing => {}
            Passing::Reference { to, copy } => {
                let operand = Operand::Temporary { index: temporaries.len() as u16 };
                moves.push(Move { place: *to, operand, bytes: 8, fill: Fill::Zero });
                temporaries.push(Temporary { slot, bytes: copy.size as u32, align: copy.align });
            }
            Passing::Direct(pieces) => match SlotForm::of(&param.ty, model)? {
                SlotForm::Word(scalar) => {
                    moves.extend(pieces.iter().map(|piece| scalar_move(slot, scalar, piece, target)));
                }
                SlotForm::None | SlotForm::Address(_) => {
                    moves.extend(pieces.iter().flat_map(|piece| piece_moves(slot, *piece)));
                }
            },
        }
    }
    moves.sort_unstable();
    let result = match (result, SlotForm::of(signature.result(), model)?) {
        (Returning::Direct(_), SlotForm::Word(scalar)) if !matches!(scalar, Scalar::Float(_)) => {
            let bytes = scalar.bytes(model);
            ResultPlan::Widened { slot: result_slot, bytes, fill: Fill::to_word(scalar) }
        }
        (Returning::Direct(pieces), _) => ResultPlan::Memory {
            slot: result_slot,
            moves: pieces
                .iter()
                .flat_map(|piece| chunks(*piece))
                .map(|piece| ResultMove {
                    offset: piece.offset,
                    place: piece.place,
                    bytes: piece.bytes as u8,
                })
                .collect(),
        },
        (Returning::Nothing | Returning::Memory { .. }, _) => ResultPlan::InPlace,
    };
    Ok(Plan {
        convention: target.convention,
        caller: target.caller,
        entry: Entry::Avalue,
        moves: moves.into(),
        temporaries: temporaries.into(),
        stack_bytes,
        result,
        vector_count,
        parameters: Box::default(),
        guard: Guard::None,
        last_error: None,
        columns: None,
    })
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
