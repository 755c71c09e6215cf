//! Types that a convention cannot tell apart.

use alloc::{vec, vec::Vec};

use springboard_ir::{Integer, Param, Signature, Type};

use crate::{
    convention::{Assignment, assign},
    ineligible::Ineligible,
    target::Target,
};

/// Whether `target`'s convention cannot tell two types apart: they have the same size and alignment, and the same places
/// with all registers free, with one general register taken, on the stack between bytes, and as a result.
pub fn passed_alike(a: &Type, b: &Type, target: &Target) -> bool {
    let layout = |ty: &Type| ty.layout(&target.model);
    let assigned = |result: &Type, params: &[&Type]| {
        let params = params.iter().map(|ty| Param { name: None, ty: (*ty).clone() }).collect();
        let signature = Signature::new(result.clone(), params).ok()?;
        Some(assign(&signature, target)).filter(tells)
    };
    let alike = |places: &dyn Fn(&Type) -> Option<Result<Assignment, Ineligible>>| {
        places(a).is_some() && places(a) == places(b)
    };
    let (word, byte) = (Type::Int(Integer::Long), Type::Int(Integer::UInt8));
    // More of each class than any convention has registers for.
    let full: Vec<&Type> = [vec![&word; 9], vec![&Type::Double; 9], vec![&byte]].concat();
    layout(a).is_ok()
        && layout(a) == layout(b)
        && alike(&|ty| assigned(&Type::Void, &[ty]))
        && alike(&|ty| assigned(&Type::Void, &[&word, ty]))
        && alike(&|ty| assigned(&Type::Void, &[&full[..], &[ty, &byte]].concat()))
        && alike(&|ty| assigned(ty, &[]))
}

/// Whether an answer says where the bytes are. Two refusals do: on the x87 stack, and in that many bytes of memory.
fn tells(answer: &Result<Assignment, Ineligible>) -> bool {
    matches!(answer, Ok(_) | Err(Ineligible::X87Result | Ineligible::StackArguments { .. }))
}
