//! The `boxed` entry: whether what is unboxed into each slot is a value of the parameter's type, and whether what is boxed
//! is the result.
//!
//! The rules are the entry's own description ([`Entry::Boxed`](crate::Entry::Boxed)) and C's: an integer type holds the
//! numbers from -2^(n-1) to 2^(n-1)-1, or from 0 to 2^n-1 (C11 6.2.6.2), `_Bool` 0 and 1 (6.2.5, 2), and a floating point
//! number is made of an integer by conversion (6.3.1.4), of an address never.

use springboard_ir::{DataModel, FloatFormat, Scalar, Signature, Type};

use super::{
    arguments, check,
    demand::Demand,
    result::{self, Stored},
    violation::Violation,
};
use crate::{
    entry::BoxedCall,
    plan::{
        BoxedForm, Fill, Form, Plan, SlotForm,
        boxed::{Arguments, Boxing, Callable, Count, Payload, Returned, Returns, Unbox, Wanted},
    },
    target::Target,
};

/// Accepts `plan` if its stub does `call` on `target`: it is entered as the host's functions are, unboxes each argument by
/// the host's ways and no others to what its type holds, calls as the target's ABI document says, and boxes the result.
///
/// # Errors
/// The first violation found, as [`check`](crate::check()).
pub fn check_boxed(plan: &Plan, call: &BoxedCall, target: &Target) -> Result<(), Violation> {
    let Form::Boxed(form) = &plan.form else { return Err(Violation::OtherEntry(plan.entry())) };
    let BoxedCall { signature, callable, parameters, around, result } = call;
    if form.callable != *callable {
        return Err(Violation::Callable { parameters: form.callable.parameters });
    }
    if form.around != *around {
        return Err(Violation::Around);
    }
    if form.boxing != *result {
        return Err(Violation::Boxing);
    }
    for (param, ways) in (0..).zip(parameters) {
        let found = form.arguments.get(usize::from(param));
        if found.is_none_or(|found| *found.ways != **ways) {
            return Err(Violation::Unboxing { param });
        }
    }
    check(plan, signature, target)
}

/// Accepts a plan whose description has a meaning for the types of `signature`.
pub(super) fn check_form(
    plan: &Plan,
    form: &BoxedForm,
    signature: &Signature,
    target: &Target,
    demand: &Demand,
) -> Result<(), Violation> {
    entered(form.callable, signature.params().len(), target)?;
    let count = signature.params().len().max(form.arguments.len());
    for param in 0..count as u16 {
        let index = usize::from(param);
        let (declared, found) = (signature.params().get(index), form.arguments.get(index));
        let (Some(declared), Some(found)) = (declared, found) else {
            return Err(Violation::Unboxing { param });
        };
        let expected = held(&declared.ty, &target.model)?;
        if found.slot != expected {
            return Err(Violation::Unboxed { param, expected, found: found.slot });
        }
        if found.ways.is_empty() || !found.ways.iter().all(|way| fits(way, expected)) {
            return Err(Violation::Unboxing { param });
        }
    }
    arguments(plan, signature, target, demand)?;
    result::check(Stored::downcall(&form.result)?, signature, target, demand)?;
    let expected = returned(signature.result(), &target.model)?;
    if form.returned != expected {
        return Err(Violation::Returned { expected, found: form.returned });
    }
    if boxed(&form.boxing, expected) { Ok(()) } else { Err(Violation::Boxing) }
}

/// Every parameter that the stub looks at is there, and all are in registers.
fn entered(callable: Callable, count: usize, target: &Target) -> Result<(), Violation> {
    let Callable { parameters, arguments, zero } = callable;
    let last = match arguments {
        Arguments::Array { array, count, .. } => usize::from(array.max(count)) + 1,
        Arguments::Parameters { first } => usize::from(first) + count,
    };
    let last = last.max(zero.map_or(0, |zero| usize::from(zero) + 1));
    let there = last <= usize::from(parameters);
    if there && usize::from(parameters) <= target.caller.registers().gpr_args.len() {
        Ok(())
    } else {
        Err(Violation::Callable { parameters })
    }
}

/// What the slot of a parameter of this type holds.
fn held(ty: &Type, model: &DataModel) -> Result<Wanted, Violation> {
    let word = Wanted::Integer { least: 0, most: u64::MAX };
    let SlotForm::Word(scalar) = SlotForm::of(ty, model)? else { return Ok(word) };
    let bits = ty.layout(model)?.size as u32 * 8;
    Ok(match scalar {
        Scalar::Float(FloatFormat::F32) => Wanted::Float,
        Scalar::Float(_) => Wanted::Double,
        Scalar::Bool => Wanted::Integer { least: 0, most: 1 },
        Scalar::Int { signed: true, .. } => {
            let most = (1u64 << (bits - 1)) - 1;
            Wanted::Integer { least: !(most as i64), most }
        }
        Scalar::Int { signed: false, .. } if bits < 64 => {
            Wanted::Integer { least: 0, most: (1u64 << bits) - 1 }
        }
        Scalar::Int { .. } | Scalar::Pointer | Scalar::Vector { .. } => word,
    })
}

/// What a way gives.
enum Given {
    Integer,
    Address,
    Floating,
    /// What the host says it is.
    Known(u64),
    /// Nothing: it reads what no machine reads.
    Nothing,
}

fn given(way: &Unbox) -> Given {
    match *way {
        Unbox::Constant { value, .. } => Given::Known(value),
        Unbox::Double { .. } => Given::Floating,
        Unbox::Tagged { shift: 0..64, .. } => Given::Integer,
        Unbox::Tagged { .. } => Given::Nothing,
        Unbox::Call { returns: Returns::Word { .. }, .. } => Given::Integer,
        Unbox::Call { returns: Returns::Double { .. }, .. } => Given::Floating,
        Unbox::Object { payload, .. } => match payload {
            Payload::Integer { bytes: 1 | 2 | 4 | 8, .. } | Payload::Digit { .. } => Given::Integer,
            Payload::Float { bytes: 4 | 8, .. } => Given::Floating,
            Payload::Address { .. } => Given::Address,
            Payload::Integer { .. } | Payload::Float { .. } => Given::Nothing,
        },
    }
}

/// Whether what a way gives can be what a slot holds.
fn fits(way: &Unbox, held: Wanted) -> bool {
    match (given(way), held) {
        (Given::Nothing, _) => false,
        (Given::Known(word), Wanted::Integer { least, most }) => {
            if least < 0 {
                (least..=most as i64).contains(&(word as i64))
            } else {
                word <= most
            }
        }
        (Given::Known(_) | Given::Floating | Given::Integer, Wanted::Float | Wanted::Double) => true,
        (Given::Integer, Wanted::Integer { .. }) => true,
        (Given::Address, Wanted::Integer { most, .. }) => most > 1,
        (Given::Floating, Wanted::Integer { .. }) | (Given::Address, Wanted::Float | Wanted::Double) => false,
    }
}

/// What a function of this result type leaves for the stub.
fn returned(ty: &Type, model: &DataModel) -> Result<Returned, Violation> {
    Ok(match SlotForm::of(ty, model)? {
        SlotForm::None => Returned::Nothing,
        SlotForm::Address(_) => Returned::Memory,
        SlotForm::Word(Scalar::Float(FloatFormat::F32)) => Returned::Float,
        SlotForm::Word(Scalar::Float(_)) => Returned::Double,
        SlotForm::Word(scalar) => {
            let fill =
                if matches!(scalar, Scalar::Int { signed: true, .. }) { Fill::Sign } else { Fill::Zero };
            Returned::Integer { bytes: ty.layout(model)?.size as u8, fill }
        }
    })
}

/// Whether a reference count is one that machines add to.
fn counted(count: Option<Count>) -> bool {
    count.is_none_or(|count| count.bytes == 4 || count.bytes == 8)
}

/// Whether such a result can be boxed so.
fn boxed(boxing: &Boxing, returned: Returned) -> bool {
    let memory = returned == Returned::Memory;
    match boxing {
        Boxing::Memory { .. } => memory,
        Boxing::Call { .. } => !memory,
        Boxing::Constant { count, .. } => !memory && counted(*count),
        Boxing::Either { count, .. } => matches!(returned, Returned::Integer { .. }) && counted(*count),
        Boxing::Tagged { shift, .. } => {
            matches!(returned, Returned::Integer { .. }) && matches!(shift, 1..=63)
        }
        Boxing::Double { .. } => matches!(returned, Returned::Float | Returned::Double),
    }
}
