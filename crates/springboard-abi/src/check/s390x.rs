//! ELF Application Binary Interface, s390x Supplement, version 1.6: "Parameter passing" (1.2.2.3) and "Return
//! values" (1.2.2.5), without the vector facility, as GCC compiles for z196 and older.
//!
//! ```text
//! r2 … r6         integers, addresses, small aggregates    results  r2
//! f0 f2 f4 f6     floats                                            f0
//! ```
//!
//! Big-endian: a value narrower than a word is in the word's last bytes; a `float` in a floating point register is
//! in its first. Not here: the argument area begins at `160(%r15)` at the callee's entry.

use springboard_ir::{AggregateKind, Compiler, DataModel, FloatFormat, LayoutError, Scalar, Signature, Type};

use super::{
    demand::{Argument, Demand, arguments, beyond, own_extension},
    violation::Violation,
};
use crate::{place::Place, plan::SlotForm, target::Target};

const GPRS: u8 = 5;
const FPRS: u8 = 4;

pub(super) fn demand(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    let model = &target.model;
    let mut demand = Demand::new(model);
    let (mut gprs, mut fprs) = (0, 0);
    // "Return values": what is no integer of at most 8 bytes, no address, `float` or `double` is stored by the callee
    // at the address in r2, which the caller passes as if it were the first argument. GCC does so without a size, too.
    if let SlotForm::Address(_) = SlotForm::of(signature.result(), model)? {
        demand.result_address(Place::Gpr { reg: 0, at: 0 });
        gprs = 1;
    }
    for argument in arguments(signature, model)? {
        if is_float(argument.ty, model)? && argument.layout.size <= 8 {
            // DOUBLE_OR_FLOAT.
            if fprs < FPRS {
                let place = Place::Vec { reg: fprs, at: 0 };
                fprs += 1;
                demand.word(&argument, 0, place);
            } else {
                let place = demand.take_stack(8, 8)?;
                right_justified(&argument, place, &mut demand);
            }
            continue;
        }
        let simple = is_simple(&argument, model);
        let place = if gprs < GPRS {
            gprs += 1;
            Place::Gpr { reg: gprs - 1, at: 0 }
        } else {
            demand.take_stack(8, 8)?
        };
        match SlotForm::of(argument.ty, model)? {
            // SIMPLE_ARG: "Values shorter than 64 bits are sign- or zero-extended (as appropriate) to 64 bits."
            SlotForm::Word(_) => demand.integer(&argument, place, own_extension(&argument, model)),
            SlotForm::Address(_) | SlotForm::None if simple => right_justified(&argument, place, &mut demand),
            // All others: the address of a copy.
            SlotForm::Address(_) | SlotForm::None => {
                demand.reference(&argument, argument.layout.align, place);
            }
        }
    }
    Ok(demand)
}

/// A structure or union that is passed like an integer of its size, or a float in a word of the stack.
fn right_justified(argument: &Argument<'_>, place: Place, demand: &mut Demand) {
    let size = argument.layout.size as u8;
    demand.open(place, 8 - size);
    demand.image(argument, 0, size.into(), beyond(place, u32::from(8 - size)));
}

/// "A struct or union of 1, 2, 4, or 8 bytes that is not DOUBLE_OR_FLOAT" is passed like an integer.
fn is_simple(argument: &Argument<'_>, model: &DataModel) -> bool {
    match argument.ty {
        // What could be longer is not to Clang.
        Type::Aggregate(aggregate) => {
            let longer = aggregate.is_flexible() && model.compiler == Some(Compiler::Clang);
            matches!(argument.layout.size, 1 | 2 | 4 | 8) && !longer
        }
        ty => matches!(SlotForm::of(ty, model), Ok(SlotForm::Word(_))),
    }
}

/// DOUBLE_OR_FLOAT: "A single float or double" or "A structure equivalent to a floating point type", which is one
/// "with exactly one member" of such a type. For GCC's C every member counts, even one without a size or a width; an
/// array is no floating point type.
fn is_float(ty: &Type, model: &DataModel) -> Result<bool, LayoutError> {
    let Type::Aggregate(aggregate) = ty else {
        let scalar = ty.scalar(model);
        return Ok(matches!(scalar, Some(Scalar::Float(FloatFormat::F32 | FloatFormat::F64))));
    };
    match (aggregate.kind, &aggregate.fields[..]) {
        // Clang takes `_Atomic` for a type of its own.
        (AggregateKind::Struct, [only])
            if only.declared.atomic && model.compiler == Some(Compiler::Clang) =>
        {
            Ok(false)
        }
        (AggregateKind::Struct, [only]) => is_float(&only.ty, model),
        _ => Ok(false),
    }
}
