//! The `relay` entry: the stub of the shape gets the target and the slots where it looks for them.
//!
//! That stub is a function of two pointers, and the relay one of one pointer, by the convention of whoever calls stubs.

use springboard_ir::{Param, Signature, Type};

use super::{
    demand::Want,
    demanded, direct,
    spot::{Source, Spot},
    violation::Violation,
};
use crate::{
    place::Place,
    plan::{Fill, Move, Operand, Plan},
    target::Target,
};

/// What the plan numbers as slots: the relay's own parameter, and the target, which is in the stub.
const SLOTS: u16 = 0;
const TARGET: u16 = 1;

pub(super) fn check(plan: &Plan, target: &Target) -> Result<(), Violation> {
    let by_caller = target.calling(target.caller);
    for found in [plan.convention, plan.caller] {
        if found != target.caller {
            return Err(Violation::Caller { expected: target.caller, found });
        }
    }
    direct::moves_alone(plan)?;
    let pointer = || Param { name: None, ty: Type::void_pointer() };
    let of_shape = Signature::new(Type::Void, [pointer(), pointer()].into()).expect("two pointers are few");
    let demand = demanded(&of_shape, &by_caller)?;
    let whole =
        |place, index| Move { place, operand: Operand::Slot { index, at: 0 }, bytes: 8, fill: Fill::Zero };
    let mut expected = [TARGET, SLOTS].into_iter().zip(0..).filter_map(|(slot, param)| {
        let first = Want::Exactly(Source::Value { param, byte: 0 });
        let (place, _) =
            demand.bytes().find(|&(place, want)| want == first && !matches!(place, Place::Stack { .. }))?;
        Some(whole(place, slot))
    });
    let (target, slots) = expected.next().zip(expected.next()).ok_or(Violation::MoreThanPassedOn)?;
    let [first, second] = &*plan.moves else { return Err(Violation::MoreThanPassedOn) };
    for (step, expected) in [(first, target), (second, slots)] {
        if *step != expected {
            return Err(Violation::NotKept { spot: Spot::of_argument(expected.place, plan.convention) });
        }
    }
    Ok(())
}
