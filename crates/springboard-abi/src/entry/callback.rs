//! The `callback` entry: native code calls, and the stub turns an assignment into an array of 8-byte slots. And
//! libffi's closures, whose stubs do the same and then hand over pointers.

use alloc::vec::Vec;

use springboard_ir::{Layout, Param, Scalar, Signature};

use super::moves::{piece_moves, result_moves, whole_slot, word_move};
use crate::{
    convention::{Assignment, Passing, Piece, Returning, aligned_bytes, assign_for_stub},
    ineligible::Ineligible,
    place::Place,
    plan::{ClosureForm, Fill, Form, Move, Operand, Plan, SlotContent, SlotForm, Temporary, UpcallResult},
    target::Target,
};

/// What native code calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Callback,
    Closure,
    GoClosure,
}

pub(super) fn plan(signature: &Signature, target: &Target, kind: Kind) -> Result<Plan, Ineligible> {
    let model = &target.model;
    let Assignment { params, result, stack_bytes, stack_align: _, vector_count: _ } =
        assign_for_stub(signature, target)?;
    // The limit on parameters keeps every index in range.
    let result_slot = signature.params().len() as u16;
    let mut moves = Vec::with_capacity(params.len() + 1);
    let mut temporaries = Vec::new();
    let mut area = |slot, layout: Layout| {
        temporaries.push(Temporary { slot, bytes: layout.size as u32, align: layout.align });
    };
    for (index, (param, passing)) in signature.params().iter().zip(&params).enumerate() {
        let slot = index as u16;
        match (passing, SlotForm::of(&param.ty, model)?) {
            // What native code passes by reference it gives away: the handler gets the very address.
            (Passing::Reference { to, .. }, _) => moves.push(whole_slot(slot, *to)),
            // A value in two registers (a variadic one on Windows) is read from the first.
            (Passing::Direct(pieces), SlotForm::Word(scalar)) => {
                // Apple's variadic words are wider than what they hold.
                let own =
                    |piece: &Piece| Piece { bytes: piece.bytes.min(scalar.bytes(model).into()), ..*piece };
                moves.extend(pieces.first().map(|piece| incoming_word(slot, scalar, &own(piece))));
            }
            (Passing::Direct(pieces), SlotForm::Address(layout)) => {
                area(slot, layout);
                moves.extend(once(pieces).flat_map(|piece| piece_moves(slot, piece)));
            }
            (Passing::Nothing, SlotForm::Address(layout)) => area(slot, layout),
            (Passing::Nothing | Passing::Direct(_), _) => {}
        }
    }
    let result = match (result, SlotForm::of(signature.result(), model)?) {
        (Returning::Memory { pointer }, _) => {
            moves.push(whole_slot(result_slot, pointer));
            UpcallResult::Address { slot: result_slot }
        }
        (Returning::Direct(pieces), SlotForm::Word(scalar)) => match pieces.first() {
            Some(piece) if kind == Kind::Callback => {
                UpcallResult::Word(word_move(result_slot, scalar, piece, target))
            }
            // A closure's function may write no more than the result's own bytes.
            Some(piece) => UpcallResult::Word(own_bytes(result_slot, scalar, piece, target)),
            None => UpcallResult::Nothing,
        },
        (Returning::Direct(pieces), SlotForm::Address(layout)) => {
            area(result_slot, layout);
            UpcallResult::Memory { slot: result_slot, moves: result_moves(&pieces) }
        }
        (Returning::Nothing, SlotForm::Address(layout)) => {
            area(result_slot, layout);
            UpcallResult::Nothing
        }
        (Returning::Nothing | Returning::Direct(_), _) => UpcallResult::Nothing,
    };
    let frame = u64::from(result_slot + 1) * 8
        + u64::from(stack_bytes)
        + temporaries.iter().map(|area| aligned_bytes(area.bytes.into(), area.align)).sum::<u64>();
    // A closure's stub keeps pointers to the slots as well. It has no stack probe, which would come before it has
    // found its closure: its frame, with all that is spilled, stays smaller than a page.
    let (frame, limit) = match kind {
        Kind::Callback => (frame, Ineligible::MAX_STACK),
        Kind::Closure | Kind::GoClosure => (frame + u64::from(result_slot) * 8, Ineligible::MAX_STACK - 1024),
    };
    if frame > limit {
        return Err(Ineligible::StackArguments { bytes: frame });
    }
    moves.sort_unstable();
    let argument = |param: &Param| {
        Ok(match SlotForm::of(&param.ty, model)? {
            SlotForm::Word(_) => SlotContent::Bytes,
            SlotForm::Address(_) | SlotForm::None => SlotContent::Address,
        })
    };
    let arguments = || signature.params().iter().map(argument).collect::<Result<_, Ineligible>>();
    let form = match kind {
        Kind::Callback => Form::Callback(result),
        Kind::Closure => Form::Closure(ClosureForm { arguments: arguments()?, result }),
        Kind::GoClosure => Form::GoClosure(ClosureForm { arguments: arguments()?, result }),
    };
    Ok(Plan {
        convention: target.convention,
        caller: target.caller,
        form,
        moves: moves.into(),
        temporaries: temporaries.into(),
        stack_bytes,
        stack_align: None,
        vector_count: None,
    })
}

/// The pieces without those whose bytes are in one before them as well (a variadic value on Windows).
fn once(pieces: &[Piece]) -> impl Iterator<Item = Piece> {
    let fresh = |end: &mut u32, piece: &Piece| {
        let fresh = piece.offset >= *end;
        *end = (*end).max(piece.offset + piece.bytes);
        Some(fresh.then_some(*piece))
    };
    pieces.iter().scan(0, fresh).flatten()
}

/// Moves a scalar from its slot, from its own bytes in it alone.
fn own_bytes(slot: u16, scalar: Scalar, piece: &Piece, target: &Target) -> Move {
    let bytes = scalar.bytes(&target.model);
    let step = incoming_word(slot, scalar, &Piece { bytes: bytes.into(), ..*piece });
    // An integer narrower than a word is written as a whole word, too: its own bytes are the low ones.
    let whole = target.model.big_endian && !matches!(scalar, Scalar::Float(_));
    let at = if whole { 8 - bytes } else { 0 };
    Move { operand: Operand::Slot { index: slot, at }, ..step }
}

/// Moves a scalar to its slot, from its own bytes alone: what else its register holds is nobody's promise.
fn incoming_word(slot: u16, scalar: Scalar, piece: &Piece) -> Move {
    let fill = Fill::of(scalar);
    // A full word has no rest to fill; saying so either way must not make two plans.
    let fill = if piece.bytes == 8 { Fill::Zero } else { fill };
    let place = match piece.place {
        Place::Vec { reg, .. } => Place::Vec { reg, at: 0 },
        place => place,
    };
    Move { place, operand: Operand::Slot { index: slot, at: 0 }, bytes: piece.bytes as u8, fill }
}
