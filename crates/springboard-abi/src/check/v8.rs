//! The `v8` entry: what V8's fast API passes to a C function, and what it makes of the result.
//!
//! From V8's own description of fast calls (`v8-fast-api-calls.h`): the receiver first, then each argument by its
//! kind, then a pointer to the options where the function declares them. Integers of up to 32 bits are passed as
//! 32, pointers and 64-bit integers as 64, a value that V8 does not look into as a handle; of an integer result V8
//! looks at 32 bits or at 64.

use alloc::vec::Vec;

use springboard_ir::{DataModel, LayoutError, Scalar, Type};

use super::{
    arguments,
    demand::{Demand, Want, beyond},
    demanded,
    result::{self, Stored},
    spot::Source,
    violation::Violation,
};
use crate::{
    entry::{FastCall, Narrow, Options},
    place::Place,
    plan::{DowncallResult, Fill, Form, Guard, Parameter, Plan, SlotForm},
    target::{Convention, Target},
};

/// Accepts `plan` if its stub, called as V8's fast API calls it, does `call` on `target`: takes every argument from
/// where V8 puts it, to where the target's ABI document says, and makes of the result what V8 looks at.
///
/// # Errors
/// The first violation found, as [`check`](crate::check).
pub fn check_fast_call(plan: &Plan, call: &FastCall, target: &Target) -> Result<(), Violation> {
    let target = &super::named(&call.signature, target);
    if plan.convention != target.convention {
        return Err(Violation::Convention { expected: target.convention, found: plan.convention });
    }
    if plan.caller != target.caller {
        return Err(Violation::Caller { expected: target.caller, found: plan.caller });
    }
    let Form::V8(form) = &plan.form else { return Err(Violation::OtherEntry(plan.entry())) };
    if form.guard != call.guard {
        return Err(Violation::Guard { expected: call.guard, found: form.guard });
    }
    let passed = passed(call, &target.model)?;
    for index in 0..passed.len().max(form.parameters.len()) {
        let (expected, found) = (passed.get(index).copied(), form.parameters.get(index).copied());
        if expected != found {
            return Err(Violation::Parameter { index, expected, found });
        }
    }
    let signature = &call.signature;
    let mut demand = demanded(signature, target)?;
    if !extends(target.convention) {
        leave_open(&mut demand, &passed);
    }
    arguments(plan, signature, target, &demand)?;
    match (extension(signature.result(), &target.model)?, &form.result) {
        (Some((bytes, fill)), DowncallResult::Extended { bytes: b, fill: f })
            if (bytes, fill) == (*b, *f) =>
        {
            Ok(())
        }
        (Some(expected), _) => Err(Violation::ResultExtension { expected: Some(expected) }),
        (None, DowncallResult::Extended { .. }) => Err(Violation::ResultExtension { expected: None }),
        (None, found) if fills_by_width(signature.result(), target) && refuses(call, &passed) => {
            let right = *found == DowncallResult::FloatInPlace;
            if right { Ok(()) } else { Err(Violation::ZeroOfAnotherType) }
        }
        (None, found) => result::check(Stored::downcall(found)?, signature, target, &demand),
    }
}

/// What V8 passes after the receiver.
fn passed(call: &FastCall, model: &DataModel) -> Result<Vec<Parameter>, LayoutError> {
    let mut passed = Vec::new();
    for (index, param) in call.signature.params().iter().enumerate() {
        let SlotForm::Word(scalar) = SlotForm::of(&param.ty, model)? else {
            // The address of its bytes.
            passed.push(Parameter::Int64);
            continue;
        };
        let size = param.ty.layout(model)?.size;
        passed.push(match scalar {
            Scalar::Pointer if call.buffers.iter().any(|buffer| usize::from(*buffer) == index) => {
                Parameter::Buffer
            }
            Scalar::Float(_) if size == 4 => Parameter::Float,
            Scalar::Float(_) => Parameter::Double,
            _ if size > 4 => Parameter::Int64,
            Scalar::Int { .. } if call.narrow == Narrow::Exact => {
                Parameter::Exact { bytes: size as u8, fill: own_fill(scalar) }
            }
            _ if call.narrow == Narrow::Exact => Parameter::Int32,
            _ if size == 4 || call.narrow == Narrow::Trust => Parameter::Int32,
            _ => Parameter::Narrow { bytes: size as u8, fill: own_fill(scalar) },
        });
    }
    if let SlotForm::Address(_) = SlotForm::of(call.signature.result(), model)? {
        passed.push(Parameter::Int64);
    }
    if call.options == Options::Always || passed.contains(&Parameter::Buffer) {
        passed.push(Parameter::Options);
    }
    Ok(passed)
}

fn own_fill(scalar: Scalar) -> Fill {
    match scalar {
        Scalar::Int { signed: true, .. } => Fill::Sign,
        _ => Fill::Zero,
    }
}

/// By what a result narrower than 32 bits has to be extended: no document promises its caller more than its own
/// bytes.
fn extension(ty: &Type, model: &DataModel) -> Result<Option<(u8, Fill)>, LayoutError> {
    Ok(match SlotForm::of(ty, model)? {
        SlotForm::Word(scalar @ (Scalar::Bool | Scalar::Int { bytes: 1 | 2, .. })) => {
            Some((ty.layout(model)?.size as u8, own_fill(scalar)))
        }
        _ => None,
    })
}

/// Whether the stub returns a zero of its own for some calls.
fn refuses(call: &FastCall, passed: &[Parameter]) -> bool {
    let refused = |parameter: &Parameter| {
        matches!(parameter, Parameter::Narrow { .. } | Parameter::Exact { .. } | Parameter::Buffer)
    };
    call.guard == Guard::Closed || passed.iter().any(refused)
}

/// Whether a result is a `float` whose register is filled by the value's width, so that its zero is no `double`'s.
/// RISC-V psABI, "Hardware Floating-point Calling Convention": narrower values are NaN-boxed. s390x ELF ABI: a `float`
/// is in the left half of its register.
fn fills_by_width(ty: &Type, target: &Target) -> bool {
    matches!(target.convention, Convention::Lp64d | Convention::S390x) && *ty == Type::Float
}

/// Whether the document has callers extend integers of 32 bits to the whole register: RISC-V psABI, "Integer Calling
/// Convention" ("then sign-extended to XLEN bits"); s390x ELF ABI, "Parameter Passing". The others leave the upper
/// half open.
fn extends(convention: Convention) -> bool {
    match convention {
        Convention::Lp64d | Convention::S390x => true,
        Convention::Sysv64 | Convention::Win64 | Convention::Aapcs64 | Convention::Apple64 => false,
    }
}

/// Lets the upper half of the words that hold integers of up to 32 bits be what V8 left there. All these targets are
/// little-endian.
fn leave_open(demand: &mut Demand, passed: &[Parameter]) {
    let narrow = |param: u16| {
        matches!(passed.get(usize::from(param)), Some(Parameter::Int32 | Parameter::Narrow { .. }))
    };
    let words: Vec<Place> = demand
        .bytes()
        .filter(|(_, want)| matches!(want, Want::Exactly(Source::Value { param, byte: 0 }) if narrow(*param)))
        .map(|(place, _)| place)
        .collect();
    for word in words {
        // Apple packs the stack: what is four bytes after may be the next argument's, and is then no extension.
        let own = |place: &Place| {
            demand.bytes().any(|(at, want)| {
                at == *place && matches!(want, Want::Exactly(Source::Zero | Source::Sign { .. }))
            })
        };
        let upper: Vec<Place> = (4..8).map(|byte| beyond(word, byte)).filter(own).collect();
        upper.into_iter().for_each(|place| demand.leave_open(place));
    }
}
