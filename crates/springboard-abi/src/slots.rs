//! The `slots` and `bound` entries: an array of 8-byte slots on one side, an assignment on the other.

use alloc::{boxed::Box, vec::Vec};

use springboard_ir::{DataModel, FloatFormat, Layout, LayoutError, Scalar, Signature, Type};

use crate::{
    assignment::{Assignment, Passing, Piece, Returning, assign_for_stub},
    ineligible::Ineligible,
    plan::{
        Entry, ErrorSource, Fill, Guard, LastError, Move, Operand, Place, Plan, ResultMove, ResultPlan,
        Temporary,
    },
    target::Target,
};

/// What the slot of a value holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SlotForm {
    /// `void`: there is no slot.
    None,
    /// The value itself, always written as a whole 8-byte word: an integer extended by its own sign, `_Bool` 0 or
    /// 1, `float` and `double` as their bits in the low bytes with zeros above.
    Word(Scalar),
    /// The address of the value's bytes, which need no alignment. The bytes are only read.
    Address(Layout),
}

impl SlotForm {
    /// What the slot of a value of type `ty` holds under `model`.
    ///
    /// # Errors
    /// Where the type has no layout.
    pub fn of(ty: &Type, model: &DataModel) -> Result<SlotForm, LayoutError> {
        if *ty == Type::Void {
            return Ok(SlotForm::None);
        }
        Ok(match ty.scalar(model) {
            Some(
                scalar @ (Scalar::Bool
                | Scalar::Int { bytes: 1..=8, .. }
                | Scalar::Pointer
                | Scalar::Float(FloatFormat::F32 | FloatFormat::F64)),
            ) if *ty != Type::LongDouble => SlotForm::Word(scalar),
            _ => SlotForm::Address(ty.layout(model)?),
        })
    }
}

impl Plan {
    /// The plan of the [`Entry::Bound`] stubs of the same shape: all is alike, but that the target is in the stub.
    ///
    /// # Panics
    /// Where this plan's entry is not [`Entry::Slots`].
    #[must_use]
    pub fn bound(self) -> Plan {
        assert_eq!(self.entry, Entry::Slots, "stubs of the {} entry are handed no target", self.entry);
        Plan { entry: Entry::Bound, ..self }
    }
}

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

/// Moves a slot into the whole of the word that `place` lies in.
pub(crate) fn whole_slot(index: u16, place: Place) -> Move {
    let to = match place {
        Place::Gpr { reg, .. } => Place::Gpr { reg, at: 0 },
        Place::Vec { reg, .. } => Place::Vec { reg, at: 0 },
        Place::Stack { offset } => Place::Stack { offset: offset & !7 },
    };
    Move { place: to, operand: Operand::Slot { index, at: 0 }, bytes: 8, fill: Fill::Zero }
}

/// Moves a value that lies in its slot. The slot is canonical, so moving the whole of it is right wherever a whole
/// word is wanted, and makes integers of all widths one plan.
pub(crate) fn word_move(slot: u16, scalar: Scalar, piece: &Piece, target: &Target) -> Move {
    let big_endian = target.convention.is_big_endian();
    let narrow = |fill| {
        let at = if big_endian { 8 - piece.bytes as u8 } else { 0 };
        Move {
            place: piece.place,
            operand: Operand::Slot { index: slot, at },
            bytes: piece.bytes as u8,
            fill,
        }
    };
    let rules = target.convention.rules();
    match (scalar, piece.place) {
        (Scalar::Float(FloatFormat::F32), Place::Vec { .. }) if rules.float_keeps_width => narrow(Fill::Zero),
        (Scalar::Int { bytes: 4, signed: false }, Place::Gpr { .. } | Place::Stack { .. })
            if rules.sign_extends_u32 =>
        {
            narrow(Fill::Sign)
        }
        // A convention that packs the stack asks for less than a word of it.
        (_, Place::Stack { .. }) if piece.bytes < 8 && rules.packs_stack => narrow(Fill::Zero),
        _ => whole_slot(slot, piece.place),
    }
}

/// Moves a run of bytes of a value that lies in memory, in loads whose sizes are powers of two.
pub(crate) fn piece_moves(slot: u16, piece: Piece) -> impl Iterator<Item = Move> {
    chunks(piece).map(move |chunk| Move {
        place: chunk.place,
        operand: Operand::Memory { slot, offset: chunk.offset },
        bytes: chunk.bytes as u8,
        fill: Fill::Zero,
    })
}

/// Cuts a run of bytes into powers of two, large ones first: never a byte more than there is.
pub(crate) fn chunks(piece: Piece) -> impl Iterator<Item = Piece> {
    let largest = match piece.place {
        Place::Vec { .. } => 16,
        Place::Gpr { .. } | Place::Stack { .. } => 8,
    };
    let mut rest = piece;
    core::iter::from_fn(move || {
        if rest.bytes == 0 {
            return None;
        }
        let bytes = (1 << rest.bytes.ilog2()).min(largest);
        let chunk = Piece { bytes, ..rest };
        rest.offset += bytes;
        rest.bytes -= bytes;
        match &mut rest.place {
            Place::Gpr { at, .. } | Place::Vec { at, .. } => *at += bytes as u8,
            Place::Stack { offset } => *offset += bytes,
        }
        Some(chunk)
    })
}
