//! Moves between slots, memory and places.

use alloc::boxed::Box;

use springboard_ir::{FloatFormat, Scalar};

use crate::{
    convention::Piece,
    place::Place,
    plan::{Fill, Form, Move, Operand, Plan, ResultMove},
    target::Target,
};

/// The plan of a stub that moves words between registers alone, between functions of its caller's own convention.
pub(super) fn in_registers(target: &Target, form: Form, moves: Box<[Move]>) -> Plan {
    Plan {
        convention: target.caller,
        caller: target.caller,
        form,
        moves,
        temporaries: Box::default(),
        stack_bytes: 0,
        stack_align: None,
        vector_count: None,
    }
}

/// Moves a slot into the whole of the word that `place` lies in.
pub(super) fn whole_slot(index: u16, place: Place) -> Move {
    let to = match place {
        Place::Gpr { reg, .. } => Place::Gpr { reg, at: 0 },
        Place::Vec { reg, .. } => Place::Vec { reg, at: 0 },
        Place::Stack { offset } => Place::Stack { offset: offset & !7 },
    };
    Move { place: to, operand: Operand::Slot { index, at: 0 }, bytes: 8, fill: Fill::Zero }
}

/// Moves a value that lies in its slot. The slot is canonical, so moving the whole of it is right wherever a whole
/// word is wanted, and makes integers of all widths one plan.
pub(super) fn word_move(slot: u16, scalar: Scalar, piece: &Piece, target: &Target) -> Move {
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
pub(super) fn piece_moves(slot: u16, piece: Piece) -> impl Iterator<Item = Move> {
    chunks(piece).map(move |chunk| Move {
        place: chunk.place,
        operand: Operand::Memory { slot, offset: chunk.offset },
        bytes: chunk.bytes as u8,
        fill: Fill::Zero,
    })
}

/// The way of a result between its registers and memory.
pub(super) fn result_moves(pieces: &[Piece]) -> Box<[ResultMove]> {
    let chunks = pieces.iter().flat_map(|piece| chunks(*piece));
    let step = |Piece { offset, place, bytes }| ResultMove { offset, place, bytes: bytes as u8 };
    chunks.map(step).collect()
}

/// Cuts a run of bytes into powers of two, large ones first: never a byte more than there is.
fn chunks(piece: Piece) -> impl Iterator<Item = Piece> {
    let largest = match piece.place {
        Place::Vec { .. } => 16,
        Place::Gpr { .. } | Place::Stack { .. } => 8,
    };
    let mut rest = piece;
    core::iter::from_fn(move || {
        if rest.bytes == 0 {
            return None;
        }
        // A packed stack has runs that begin within a word, and a move ends in one word.
        let room = match rest.place {
            Place::Stack { offset } => 8 - offset % 8,
            Place::Gpr { .. } | Place::Vec { .. } => largest,
        };
        let bytes = 1 << rest.bytes.min(room).min(largest).ilog2();
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
