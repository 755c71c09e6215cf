//! The `direct` entry: what native code passes is where the host's function looks for it, except the context.
//!
//! Two demands are derived from the document: of the native function's type, and of the host's, which has a pointer
//! more. Whatever the first demands, the second must demand of the same byte. What is left is the context's register.

use springboard_ir::{Param, Signature, Type};

use super::{
    demand::{Returned, Want},
    demanded,
    spot::{Source, Spot},
    violation::Violation,
};
use crate::{
    place::Place,
    plan::{Fill, Move, Operand, Plan},
    target::Target,
};

pub(super) fn check(plan: &Plan, found: u8, signature: &Signature, target: &Target) -> Result<(), Violation> {
    let context = signature.params().len() as u16;
    if signature.fixed().is_some() || target.caller != target.convention {
        return Err(Violation::NotPassedOn { param: context });
    }
    let pointer = Param { name: None, ty: Type::void_pointer() };
    let params = signature.params().iter().cloned().chain([pointer]).collect();
    let of_host = Signature::new(signature.result().clone(), params)
        .map_err(|_| Violation::NotPassedOn { param: context })?;
    let (native, host) = (demanded(signature, target)?, demanded(&of_host, target)?);
    if native.returned != Returned::InPlace || host.returned != Returned::InPlace {
        return Err(Violation::NotPassedOn { param: context });
    }
    let mut register = None;
    for (place, want) in host.bytes() {
        let in_register = !matches!(place, Place::Stack { .. });
        match (want, place) {
            (Want::Exactly(Source::Value { param, byte: 0 }), Place::Gpr { reg, .. }) if param == context => {
                register = Some(reg);
            }
            (Want::Exactly(Source::Value { param, .. }), Place::Gpr { .. }) if param == context => {}
            _ if in_register && native.bytes().any(|byte| byte == (place, want)) => {}
            (Want::Exactly(Source::Value { param, .. }), _) => return Err(Violation::NotPassedOn { param }),
            _ => return Err(Violation::NotPassedOn { param: context }),
        }
    }
    let register = register.ok_or(Violation::NotPassedOn { param: context })?;
    if found != register {
        return Err(Violation::MoreThanPassedOn);
    }
    passes_on(plan, register)
}

/// Whether the stub does nothing but move words between registers.
pub(super) fn moves_alone(plan: &Plan) -> Result<(), Violation> {
    let Plan { temporaries, stack_bytes, stack_align, vector_count, .. } = plan;
    if !temporaries.is_empty() || *stack_bytes != 0 || stack_align.is_some() || vector_count.is_some() {
        return Err(Violation::MoreThanPassedOn);
    }
    Ok(())
}

/// Whether the stub does nothing but load the context into this register.
fn passes_on(plan: &Plan, context: u8) -> Result<(), Violation> {
    moves_alone(plan)?;
    if plan.moves.len() != usize::from(context) + 1 {
        return Err(Violation::MoreThanPassedOn);
    }
    for (reg, step) in (0..=context).zip(&plan.moves) {
        let place = Place::Gpr { reg, at: 0 };
        let operand = Operand::Slot { index: reg.into(), at: 0 };
        if *step != (Move { place, operand, bytes: 8, fill: Fill::Zero }) {
            return Err(Violation::NotKept { spot: Spot::of_argument(place, plan.convention) });
        }
    }
    Ok(())
}
