//! The way of a result, from the registers in which the callee leaves it to the memory of the stub's caller.

use alloc::{collections::BTreeMap, vec};

use springboard_ir::{FloatFormat, Scalar, Signature};

use super::{
    demand::{Demand, Returned},
    leaves,
    spot::Spot,
    violation::Violation,
};
use crate::{
    place::Place,
    plan::{DowncallResult, Fill, ResultMove, UpcallResult},
    target::{Convention, Target},
};

/// What a plan does with a result, as far as memory is concerned.
pub(super) enum Stored<'p> {
    /// Nothing.
    InPlace,
    /// These bytes go to or come from the memory whose address is in the slot.
    Memory(u16, &'p [ResultMove]),
}

impl Stored<'_> {
    pub(super) fn downcall(result: &DowncallResult) -> Result<Stored<'_>, Violation> {
        match result {
            DowncallResult::InPlace => Ok(Stored::InPlace),
            DowncallResult::Memory { slot, moves } => Ok(Stored::Memory(*slot, moves)),
            DowncallResult::FloatInPlace
            | DowncallResult::Extended { .. }
            | DowncallResult::Widened { .. } => Err(Violation::ResultNotInPlace),
        }
    }

    pub(super) fn upcall(result: &UpcallResult) -> Result<Stored<'_>, Violation> {
        match result {
            UpcallResult::Nothing => Ok(Stored::InPlace),
            UpcallResult::Memory { slot, moves } => Ok(Stored::Memory(*slot, moves)),
            UpcallResult::Word(_) | UpcallResult::Address { .. } => Err(Violation::ResultNotInPlace),
        }
    }
}

/// Every byte of the result that is not padding is stored exactly once, from where the callee has left it, and
/// nothing beyond the result is written.
pub(super) fn check(
    found: Stored<'_>,
    signature: &Signature,
    target: &Target,
    demand: &Demand,
) -> Result<(), Violation> {
    match (&demand.returned, &found) {
        (Returned::InPlace, Stored::InPlace) => Ok(()),
        (Returned::InPlace, Stored::Memory(..)) => Err(Violation::ResultNotInPlace),
        (Returned::Pieces(pieces), _) => in_memory(found, pieces, signature, target),
    }
}

/// The same of libffi's form: scalars go to memory as well, integers as whole words.
pub(super) fn check_avalue(
    found: &DowncallResult,
    signature: &Signature,
    target: &Target,
    demand: &Demand,
) -> Result<(), Violation> {
    if let Some(scalar) = signature.result().scalar(&target.model) {
        if let Some(expected) = widened(scalar, signature) {
            return if *found == expected { Ok(()) } else { Err(Violation::ResultNotWidened) };
        }
        // What is wider goes through memory, or comes in pieces.
        if let Scalar::Float(format @ (FloatFormat::F32 | FloatFormat::F64)) = scalar {
            let pieces = (0..format.bytes()).map(|at| (at.into(), Place::Vec { reg: 0, at })).collect();
            return in_memory(Stored::downcall(found)?, &pieces, signature, target);
        }
    }
    check(Stored::downcall(found)?, signature, target, demand)
}

/// What an integer's or pointer's `ffi_arg` demands: the whole word, made of the result's own bytes.
fn widened(scalar: Scalar, signature: &Signature) -> Option<DowncallResult> {
    let slot = signature.params().len() as u16;
    let (bytes, fill) = match scalar {
        Scalar::Bool => (1, Fill::Zero),
        Scalar::Pointer | Scalar::Int { bytes: 8, .. } => (8, Fill::Zero),
        Scalar::Int { bytes: bytes @ 1..8, signed: true } => (bytes, Fill::Sign),
        Scalar::Int { bytes: bytes @ 1..8, signed: false } => (bytes, Fill::Zero),
        Scalar::Int { .. } | Scalar::Float(_) | Scalar::Vector { .. } => return None,
    };
    Some(DowncallResult::Widened { slot, bytes, fill })
}

fn in_memory(
    found: Stored<'_>,
    pieces: &BTreeMap<u32, Place>,
    signature: &Signature,
    target: &Target,
) -> Result<(), Violation> {
    let expected = signature.params().len() as u16;
    match found {
        Stored::InPlace => stores(&[], pieces, signature, target),
        Stored::Memory(found, _) if found != expected => Err(Violation::ResultSlot { expected, found }),
        Stored::Memory(_, moves) => stores(moves, pieces, signature, target),
    }
}

fn stores(
    moves: &[ResultMove],
    pieces: &BTreeMap<u32, Place>,
    signature: &Signature,
    target: &Target,
) -> Result<(), Violation> {
    let spot = |place: Place| Spot::of_result(place, target.convention);
    let occupied = match pieces.is_empty() {
        true => vec![],
        false => leaves::occupied(signature.result(), &target.model)?,
    };
    let mut end = 0u64;
    let mut stored = vec![false; occupied.len()];
    for (step, store) in moves.iter().enumerate() {
        if u64::from(store.offset) < end {
            return Err(Violation::ResultOrder { step });
        }
        register_exists(step, store, target.convention)?;
        end = u64::from(store.offset) + u64::from(store.bytes);
        if end > occupied.len() as u64 {
            return Err(Violation::ResultOverrun { step, end, size: occupied.len() as u64 });
        }
        for byte in 0..u32::from(store.bytes) {
            let offset = store.offset + byte;
            let found = super::demand::beyond(store.place, byte);
            let expected = pieces.get(&offset).copied();
            if expected != Some(found) {
                let (expected, found) = (expected.map(spot), Some(spot(found)));
                return Err(Violation::ResultContent { offset, expected, found });
            }
            stored[offset as usize] = true;
        }
    }
    for (&offset, &place) in pieces {
        if occupied[offset as usize] && !stored[offset as usize] {
            return Err(Violation::ResultContent { offset, expected: Some(spot(place)), found: None });
        }
    }
    Ok(())
}

fn register_exists(step: usize, store: &ResultMove, convention: Convention) -> Result<(), Violation> {
    let registers = convention.registers();
    let (count, reg, at, size) = match store.place {
        Place::Gpr { reg, at } => (registers.gpr_results.len(), reg, at, 8),
        Place::Vec { reg, at } => (registers.vec_results.len(), reg, at, 16),
        Place::Stack { .. } => return Err(Violation::ResultPlace { step, place: store.place }),
    };
    if !store.bytes.is_power_of_two() || store.bytes > size {
        return Err(Violation::ResultWidth { step, bytes: store.bytes });
    }
    if usize::from(reg) >= count || u32::from(at) + u32::from(store.bytes) > size.into() {
        return Err(Violation::ResultPlace { step, place: store.place });
    }
    Ok(())
}
