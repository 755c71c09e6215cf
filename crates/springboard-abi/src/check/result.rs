//! The way of a result, from the registers in which the callee leaves it to the memory of the stub's caller.

use alloc::{collections::BTreeMap, vec};

use springboard_ir::{FloatFormat, Scalar, Signature};

use super::{
    demand::{Demand, Returned},
    leaves,
    violation::{Spot, Violation},
};
use crate::{
    place::Place,
    plan::{Entry, Fill, Plan, ResultMove, ResultPlan},
    target::{Convention, Target},
};

/// Every byte of the result that is no padding is stored exactly once, from where the callee has left it, and
/// nothing beyond the result is written.
pub(super) fn check(
    plan: &Plan,
    signature: &Signature,
    target: &Target,
    demand: &Demand,
) -> Result<(), Violation> {
    if let (Entry::Avalue, Some(scalar)) = (plan.entry, signature.result().scalar(&target.model)) {
        if let Some(expected) = widened(scalar, signature) {
            let right = plan.result == expected;
            return if right { Ok(()) } else { Err(Violation::ResultNotWidened) };
        }
        // What is wider goes through memory, or comes in pieces.
        if let Scalar::Float(format @ (FloatFormat::F32 | FloatFormat::F64)) = scalar {
            let pieces = (0..format.bytes()).map(|at| (at.into(), Place::Vec { reg: 0, at })).collect();
            return in_memory(plan, &pieces, signature, target);
        }
    }
    let pieces = match &demand.returned {
        Returned::InPlace => {
            let in_place = plan.result == ResultPlan::InPlace;
            return if in_place { Ok(()) } else { Err(Violation::ResultNotInPlace) };
        }
        Returned::Pieces(pieces) => pieces,
    };
    in_memory(plan, pieces, signature, target)
}

/// What an integer's or pointer's `ffi_arg` demands: the whole word, made of the result's own bytes.
fn widened(scalar: Scalar, signature: &Signature) -> Option<ResultPlan> {
    let slot = signature.params().len() as u16;
    let (bytes, fill) = match scalar {
        Scalar::Bool => (1, Fill::Zero),
        Scalar::Pointer | Scalar::Int { bytes: 8, .. } => (8, Fill::Zero),
        Scalar::Int { bytes: bytes @ 1..8, signed: true } => (bytes, Fill::Sign),
        Scalar::Int { bytes: bytes @ 1..8, signed: false } => (bytes, Fill::Zero),
        Scalar::Int { .. } | Scalar::Float(_) | Scalar::Vector { .. } => return None,
    };
    Some(ResultPlan::Widened { slot, bytes, fill })
}

fn in_memory(
    plan: &Plan,
    pieces: &BTreeMap<u32, Place>,
    signature: &Signature,
    target: &Target,
) -> Result<(), Violation> {
    let moves = match &plan.result {
        ResultPlan::InPlace => &[][..],
        ResultPlan::Memory { slot, moves } => {
            let expected = signature.params().len() as u16;
            if *slot != expected {
                return Err(Violation::ResultSlot { expected, found: *slot });
            }
            &moves[..]
        }
        ResultPlan::Word(_)
        | ResultPlan::FloatInPlace
        | ResultPlan::Extended { .. }
        | ResultPlan::Widened { .. }
        | ResultPlan::Address { .. } => {
            return Err(Violation::ResultNotInPlace);
        }
    };
    stores(moves, pieces, signature, target)
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
            let found = super::demand::behind(store.place, byte);
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
