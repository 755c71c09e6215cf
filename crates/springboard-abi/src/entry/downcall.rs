//! What all downcalls have in common: every argument goes from its slot to where the convention wants it.

use alloc::{boxed::Box, vec::Vec};

use springboard_ir::{Scalar, Signature};

use super::moves::{piece_moves, result_moves, whole_slot};
use crate::{
    convention::{Assignment, Passing, Piece, Returning, assign_for_stub},
    ineligible::Ineligible,
    plan::{DowncallResult, Fill, Form, Move, Operand, Plan, SlotForm, Temporary},
    target::Target,
};

/// The native call of a plan.
pub(super) struct Downcall {
    pub(super) moves: Vec<Move>,
    temporaries: Box<[Temporary]>,
    pub(super) stack_bytes: u32,
    stack_align: Option<u32>,
    vector_count: Option<u8>,
    /// How the result comes back.
    pub(super) returning: Returning,
    /// What its slot holds, where it has one.
    pub(super) result: SlotForm,
    /// The slot after the last argument's.
    pub(super) result_slot: u16,
}

impl Downcall {
    /// Calls `signature`; `word` says how a scalar gets from its slot to a piece of its place.
    pub(super) fn of(
        signature: &Signature,
        target: &Target,
        word: fn(u16, Scalar, &Piece, &Target) -> Move,
    ) -> Result<Downcall, Ineligible> {
        let model = &target.model;
        let Assignment { params, result, stack_bytes, stack_align, vector_count } =
            assign_for_stub(signature, target)?;
        // The limit on parameters keeps every index in range.
        let result_slot = signature.params().len() as u16;
        let mut moves = Vec::with_capacity(params.len() + 1);
        let mut temporaries = Vec::new();
        if let Returning::Memory { pointer } = result {
            moves.push(whole_slot(result_slot, pointer));
        }
        for (slot, (param, passing)) in (0..).zip(signature.params().iter().zip(&params)) {
            match passing {
                Passing::Nothing => {}
                Passing::Reference { to, copy } => {
                    let operand = Operand::Temporary { index: temporaries.len() as u16 };
                    moves.push(Move { place: *to, operand, bytes: 8, fill: Fill::Zero });
                    temporaries.push(Temporary { slot, bytes: copy.size as u32, align: copy.align });
                }
                Passing::Direct(pieces) => match SlotForm::of(&param.ty, model)? {
                    SlotForm::Word(scalar) => {
                        moves.extend(pieces.iter().map(|piece| word(slot, scalar, piece, target)));
                    }
                    SlotForm::None | SlotForm::Address(_) => {
                        moves.extend(pieces.iter().flat_map(|piece| piece_moves(slot, *piece)));
                    }
                },
            }
        }
        let form = SlotForm::of(signature.result(), model)?;
        let temporaries = temporaries.into();
        Ok(Downcall {
            moves,
            temporaries,
            stack_bytes,
            stack_align,
            vector_count,
            returning: result,
            result: form,
            result_slot,
        })
    }

    /// A scalar result stays in its register; any other is stored to memory, unless the callee has put it there.
    pub(super) fn result(&self) -> DowncallResult {
        match self.result {
            SlotForm::Address(_) => self.stored(),
            SlotForm::Word(_) | SlotForm::None => DowncallResult::InPlace,
        }
    }

    /// The result is stored to memory, unless the callee has put it there.
    pub(super) fn stored(&self) -> DowncallResult {
        match &self.returning {
            Returning::Direct(pieces) => {
                DowncallResult::Memory { slot: self.result_slot, moves: result_moves(pieces) }
            }
            Returning::Nothing | Returning::Memory { .. } => DowncallResult::InPlace,
        }
    }

    /// The plan of the call.
    pub(super) fn plan(mut self, target: &Target, form: Form) -> Plan {
        self.moves.sort_unstable();
        Plan {
            convention: target.convention,
            caller: target.caller,
            form,
            moves: self.moves.into(),
            temporaries: self.temporaries,
            stack_bytes: self.stack_bytes,
            stack_align: self.stack_align,
            vector_count: self.vector_count,
        }
    }
}
