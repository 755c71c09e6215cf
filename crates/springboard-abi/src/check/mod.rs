//! An independent reading of the ABI documents that accepts or refuses a plan.
//!
//! A planner walks over a signature and hands out registers. The checker goes the other way round and byte by
//! byte. It first derives from the document what every byte of every argument register and of the stack area has
//! to hold when the native function is entered: the [`demand`]. Then it executes the plan's moves on symbols
//! instead of values: the [`image`] that they leave behind. The plan is right when the two agree:
//!
//! * a byte that carries a byte of an argument holds exactly that one;
//! * padding, and the rest of a register that the document leaves open, holds at most the padding byte that
//!   belongs there, or zero;
//! * nothing else is touched.
//!
//! A callback is the same the other way round: [`upcall`].
//!
//! As each byte of an argument is demanded in one place (except variadic floats on Windows, demanded in two)
//! and nothing else may be touched, a plan that passes moves every byte exactly once, and no two moves overlap.
//!
//! One file per convention, with the clauses of its document. Nothing here calls a planner, and no planner calls
//! this; they share the types of a plan.

mod aapcs64;
mod apple64;
mod boxed;
mod columns;
mod demand;
mod direct;
mod image;
mod leaves;
mod lp64d;
mod relay;
mod result;
mod s390x;
mod spot;
mod sysv64;
mod temporaries;
mod upcall;
mod v8;
mod violation;
mod win64;

use springboard_ir::{FloatFormat, NamedConvention, Scalar, Signature, Type};

use self::{demand::Demand, image::Image, result::Stored};
use crate::{
    entry::FastCall,
    place::Place,
    plan::{Direction, Form, LastError, Plan, SlotsForm},
    target::{Convention, Target},
};

pub use boxed::check_boxed;
pub use spot::{Source, Spot};
pub use v8::check_fast_call;
pub use violation::Violation;

/// Accepts `plan` if it calls a function of type `signature` on `target` the way the target's ABI document says.
///
/// A plan of the `v8` entry is held against a call without buffers and checks; [`check_fast_call`] knows of them. One of
/// the `boxed` entry is held against the description in it; [`check_boxed`] knows that of the host.
///
/// It does not matter who made the plan. A plan for another signature that needs the same moves is accepted, as
/// the two are one plan.
///
/// # Errors
/// The first violation found: which byte of which argument, where it belongs, and what the plan does with it.
pub fn check(plan: &Plan, signature: &Signature, target: &Target) -> Result<(), Violation> {
    if plan.form == Form::Relay {
        return relay::check(plan, target);
    }
    let target = &named(signature, target);
    if plan.convention != target.convention {
        return Err(Violation::Convention { expected: target.convention, found: plan.convention });
    }
    if plan.caller != target.caller {
        return Err(Violation::Caller { expected: target.caller, found: plan.caller });
    }
    let demand = demanded(signature, target)?;
    match &plan.form {
        Form::Slots(form) | Form::Bound(form) => {
            last_error(form, signature, target)?;
            arguments(plan, signature, target, &demand)?;
            result::check(Stored::downcall(&form.result)?, signature, target, &demand)
        }
        Form::Avalue(found) => {
            arguments(plan, signature, target, &demand)?;
            result::check_avalue(found, signature, target, &demand)
        }
        Form::Columns(found) => {
            columns::check(found, signature, target)?;
            arguments(plan, signature, target, &demand)?;
            result::check(Stored::downcall(&found.result)?, signature, target, &demand)
        }
        Form::Boxed(form) => boxed::check_form(plan, form, signature, target, &demand),
        Form::V8(_) => check_fast_call(plan, &FastCall::new(signature.clone()), target),
        Form::Direct { context } => direct::check(plan, *context, signature, target),
        Form::Callback(result) => upcall::check(plan, result, signature, target, &demand),
        Form::Relay | Form::Closure(_) | Form::GoClosure(_) => Err(Violation::UnknownEntry(plan.entry())),
    }
}

/// The target, calling by the convention that the declaration names.
fn named(signature: &Signature, target: &Target) -> Target {
    match signature.convention() {
        Some(NamedConvention::Microsoft) => target.calling(Convention::Win64),
        _ => *target,
    }
}

/// What the target's document demands.
fn demanded(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    match target.convention {
        Convention::Sysv64 => sysv64::demand(signature, target),
        Convention::Aapcs64 => aapcs64::demand(signature, target),
        Convention::Apple64 => apple64::demand(signature, target),
        Convention::Win64 => win64::demand(signature, target),
        Convention::Lp64d => lp64d::demand(signature, target),
        Convention::S390x => s390x::demand(signature, target),
    }
}

/// Whether every byte of every argument ends where it belongs.
fn arguments(plan: &Plan, signature: &Signature, target: &Target, demand: &Demand) -> Result<(), Violation> {
    stack_size(plan, demand)?;
    vector_count(plan, demand)?;
    temporaries::check(&plan.temporaries, &demand.copies)?;
    let image = Image::of(plan, signature, target)?;
    compare(plan, demand, &image)
}

/// The last error goes where the slot after the arguments, and after the result's if there is one, says.
fn last_error(form: &SlotsForm, signature: &Signature, target: &Target) -> Result<(), Violation> {
    let Some(LastError { slot: found, .. }) = form.last_error else { return Ok(()) };
    let in_memory = match signature.result() {
        Type::Void => false,
        Type::LongDouble => true,
        ty => !matches!(
            ty.scalar(&target.model),
            Some(
                Scalar::Bool
                    | Scalar::Int { bytes: 1..=8, .. }
                    | Scalar::Pointer
                    | Scalar::Float(FloatFormat::F32 | FloatFormat::F64)
            )
        ),
    };
    let expected = (signature.params().len() + usize::from(in_memory)) as u16;
    if found != expected { Err(Violation::LastErrorSlot { expected, found }) } else { Ok(()) }
}

fn stack_size(plan: &Plan, demand: &Demand) -> Result<(), Violation> {
    let expected = demand.stack_bytes();
    if expected != u64::from(plan.stack_bytes) {
        return Err(Violation::StackBytes { expected, found: plan.stack_bytes });
    }
    let expected = demand.stack_align().filter(|_| plan.entry().direction() == Direction::Downcall);
    if expected != plan.stack_align {
        return Err(Violation::StackAlignment { expected, found: plan.stack_align });
    }
    Ok(())
}

fn vector_count(plan: &Plan, demand: &Demand) -> Result<(), Violation> {
    let right = match (demand.vectors, plan.vector_count) {
        (None, None) => true,
        (Some(used), Some(count)) => (used..=8).contains(&count),
        _ => false,
    };
    let wrong = Violation::VectorCount { least: demand.vectors, found: plan.vector_count };
    if right { Ok(()) } else { Err(wrong) }
}

fn compare(plan: &Plan, demand: &Demand, image: &Image) -> Result<(), Violation> {
    let spot = |place: Place| Spot::of_argument(place, plan.convention);
    for (place, want) in demand.bytes() {
        let found = image.at(place);
        match want {
            demand::Want::Exactly(expected) if found != Some(expected) => {
                return Err(Violation::Content { spot: spot(place), expected, found });
            }
            demand::Want::OrUndefined(expected)
                if found != Some(expected) && !matches!(found, Some(Source::Undefined { .. })) =>
            {
                return Err(Violation::Content { spot: spot(place), expected, found });
            }
            demand::Want::Open(allowed) => match found {
                Some(found) if found != Source::Zero && Some(found) != allowed => {
                    return Err(Violation::Stray { spot: spot(place), found });
                }
                _ => {}
            },
            demand::Want::Exactly(_) | demand::Want::OrUndefined(_) => {}
        }
    }
    for (place, found) in image.written() {
        if !demand.wants(place) {
            return Err(Violation::Stray { spot: spot(place), found });
        }
    }
    Ok(())
}
