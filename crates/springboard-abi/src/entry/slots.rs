//! The `slots` and `bound` entries: an array of 8-byte slots on one side, an assignment on the other.

use alloc::{boxed::Box, vec::Vec};

use springboard_ir::Signature;

use super::moves::{chunks, piece_moves, whole_slot, word_move};
use crate::{
    convention::{Assignment, Passing, Returning, assign_for_stub},
    ineligible::Ineligible,
    plan::{
        Entry, ErrorSource, Fill, Guard, LastError, Move, Operand, Plan, ResultMove, ResultPlan, SlotForm,
        Temporary,
    },
    target::Target,
};

pub(crate) fn plan(
    signature: &Signature,
    target: &Target,
    entry: Entry,
    last_error: Option<ErrorSource>,
) -> Result<Plan, Ineligible> {
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
                    moves.extend(pieces.iter().map(|piece| word_move(slot, scalar, piece, target)));
                }
                SlotForm::None | SlotForm::Address(_) => {
                    moves.extend(pieces.iter().flat_map(|piece| piece_moves(slot, *piece)));
                }
            },
        }
    }
    moves.sort_unstable();
    let form = SlotForm::of(signature.result(), model)?;
    // The result's slot is there only where the result is written to memory.
    let slot = result_slot + u16::from(matches!(form, SlotForm::Address(_)));
    let last_error = last_error.map(|source| LastError { source, slot });
    let result = match (result, form) {
        (Returning::Direct(pieces), SlotForm::Address(_)) => ResultPlan::Memory {
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
        _ => ResultPlan::InPlace,
    };
    Ok(Plan {
        convention: target.convention,
        caller: target.caller,
        entry,
        moves: moves.into(),
        temporaries: temporaries.into(),
        stack_bytes,
        result,
        vector_count,
        parameters: Box::default(),
        guard: Guard::None,
        last_error,
        columns: None,
    })
}
