//! The `direct` entry: native code's arguments go to the host's function in the registers in which they came, with a
//! context after them.
//!
//! Only the general registers in front of the context's are named: no other holds anything that a stub could lose. So
//! one plan serves all signatures that leave the same register for the context.

use springboard_ir::{Param, Signature, Type};

use super::moves::{in_registers, whole_slot};
use crate::{
    convention::{Assignment, Passing, Piece, assign_for_stub},
    ineligible::Ineligible,
    place::Place,
    plan::{Form, Plan, SlotForm},
    target::Target,
};

pub(super) fn plan(signature: &Signature, target: &Target) -> Result<Plan, Ineligible> {
    if signature.fixed().is_some() {
        return Err(Ineligible::NoWord);
    }
    if target.caller != target.convention {
        return Err(Ineligible::NoRegister);
    }
    let types = signature.params().iter().map(|param| &param.ty).chain([signature.result()]);
    for ty in types {
        // More than a word may be in several places, which host and convention need not agree about.
        if let SlotForm::Address(_) = SlotForm::of(ty, &target.model)? {
            return Err(Ineligible::NoWord);
        }
    }
    let context = Param { name: None, ty: Type::void_pointer() };
    let params = signature.params().iter().cloned().chain([context]).collect();
    // One parameter too many is as good as a register too few.
    let of_host = Signature::new(signature.result().clone(), params).map_err(|_| Ineligible::NoRegister)?;
    let Assignment { params, stack_bytes, .. } = assign_for_stub(&of_host, target)?;
    let context = match params.last() {
        Some(Passing::Direct(pieces)) if stack_bytes == 0 => match **pieces {
            [Piece { place: Place::Gpr { reg, .. }, .. }] => reg,
            _ => return Err(Ineligible::NoRegister),
        },
        _ => return Err(Ineligible::NoRegister),
    };
    let moves = (0..=context).map(|reg| whole_slot(reg.into(), Place::Gpr { reg, at: 0 })).collect();
    Ok(in_registers(target, Form::Direct { context }, moves))
}
