//! Apple, "Writing ARM64 code for Apple platforms": what differs from the AAPCS64. Where it is silent, Clang for
//! `arm64-apple-macos`, which is that platform's compiler.
//!
//! The registers are those of [`aapcs64`](super::aapcs64), and so are results. What is on the stack takes its own size
//! at its own alignment; variadic arguments are all on the stack, in words.

use springboard_ir::{DataModel, LayoutError, Scalar, Signature};

use super::{
    aapcs64::{self, Next},
    demand::{Argument, Demand, arguments, own_extension},
    violation::Violation,
};
use crate::{place::Place, plan::SlotForm, target::Target};

pub(super) fn demand(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    let model = &target.model;
    let mut demand = Demand::new(model);
    aapcs64::result(signature.result(), model, &mut demand)?;
    let mut next = Next::default();
    let mut fixed = true;
    for argument in arguments(signature, model)? {
        // "Variadic functions": the area of the declared arguments ends at a multiple of 8 bytes.
        if fixed && argument.variadic {
            demand.align_stack(8);
            fixed = false;
        }
        if argument.layout.size == 0 {
            continue;
        }
        if argument.variadic {
            variadic(&argument, model, &mut demand)?;
        } else {
            assign(&mut next, &argument, model, &mut demand)?;
        }
    }
    Ok(demand)
}

fn assign(
    next: &mut Next,
    argument: &Argument<'_>,
    model: &DataModel,
    demand: &mut Demand,
) -> Result<(), Violation> {
    let size = argument.layout.size;
    if let Some(member) = aapcs64::homogeneous(argument.ty, model)? {
        // "Function arguments may consume slots on the stack that are not multiples of 8 bytes." A homogeneous
        // aggregate is aligned as its members are, whatever its own alignment.
        if !next.vectors(argument, member, demand) {
            let place = demand.take_stack(size, member)?;
            demand.image(argument, 0, size, place);
        }
        return Ok(());
    }
    // "When passing an argument with 16-byte alignment in integer registers, Apple platforms allow the argument to
    // start in an odd-numbered xN register."
    let register = next.general(if size > 16 { 1 } else { size.div_ceil(8) as u8 });
    if size > 16 {
        let place = register.map_or_else(|| demand.take_stack(8, 8), Ok)?;
        demand.reference(argument, argument.layout.align, place);
        return Ok(());
    }
    let scalar = argument.ty.scalar(model).is_some();
    match register {
        // "The caller of a function is responsible for signing or zero-extending any argument with fewer than 32
        // bits." A plan extends to the whole register.
        Some(place) => in_words(argument, place, model, demand)?,
        None if scalar => {
            let place = demand.take_stack(size, argument.layout.align.min(16))?;
            demand.image(argument, 0, size, place);
        }
        // A composite is as many words as in registers (stage B of the AAPCS64), aligned as the whole is.
        None => {
            let place = demand.take_stack(size.next_multiple_of(8), argument.layout.align.clamp(8, 16))?;
            in_words(argument, place, model, demand)?;
        }
    }
    Ok(())
}

/// "Stages A and B of the generic procedure call standard are performed as usual [...]. Each variadic argument is
/// assigned to the appropriate number of 8-byte stack slots."
fn variadic(argument: &Argument<'_>, model: &DataModel, demand: &mut Demand) -> Result<(), Violation> {
    let size = argument.layout.size;
    let homogeneous = aapcs64::homogeneous(argument.ty, model)?;
    if size > 16 && homogeneous.is_none() {
        let place = demand.take_stack(8, 8)?;
        demand.reference(argument, argument.layout.align, place);
        return Ok(());
    }
    let align = homogeneous.unwrap_or(argument.layout.align).clamp(8, 16);
    let place = demand.take_stack(size.next_multiple_of(8), align)?;
    Ok(in_words(argument, place, model, demand)?)
}

/// A value in whole words, whose rest is open unless it is an integer.
fn in_words(
    argument: &Argument<'_>,
    place: Place,
    model: &DataModel,
    demand: &mut Demand,
) -> Result<(), LayoutError> {
    if is_integer(argument, model)? {
        demand.integer(argument, place, own_extension(argument, model));
    } else {
        aapcs64::in_words(argument, place, demand);
    }
    Ok(())
}

fn is_integer(argument: &Argument<'_>, model: &DataModel) -> Result<bool, LayoutError> {
    let form = SlotForm::of(argument.ty, model)?;
    Ok(matches!(form, SlotForm::Word(Scalar::Bool | Scalar::Int { .. } | Scalar::Pointer)))
}
