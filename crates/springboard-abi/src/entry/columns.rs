//! The `columns` entry: one call per row, with arguments from arrays and results into arrays.

use alloc::{vec, vec::Vec};

use springboard_ir::{AggregateKind, DataModel, Scalar, Signature, Type};

use super::{downcall::Downcall, moves::word_move};
use crate::{
    convention::Returning,
    ineligible::Ineligible,
    plan::{Column, Columns, Errors, Fill, Form, Output, OutputPlace, Plan, Rows, SlotForm, Step},
    target::Target,
};

/// Plans calls of `signature` on `target` over columns; `step` says which element of a parameter's column a row has, `rows`
/// which rows are called, and `errors` whether each row's `errno` is stored.
///
/// # Errors
/// As [`plan`](crate::plan); also where a parameter is not a [`SlotForm::Word`] or the result has no
/// [columns](columns_of_result), and for variadic functions.
pub fn plan_columns(
    signature: &Signature,
    target: &Target,
    step: impl Fn(usize) -> Step,
    rows: Rows,
    errors: Errors,
) -> Result<Plan, Ineligible> {
    if signature.fixed().is_some() {
        return Err(Ineligible::NoWord);
    }
    let target = &target.calling_as(signature)?;
    let call = Downcall::of(signature, target, word_move)?;
    let results = columns_of_result(signature.result(), &target.model)?;
    // The stub keeps two words for each column, and a few more, on its stack.
    let words = u64::from(call.result_slot) * 2 + results.len() as u64 + 10;
    let bytes = words * 8 + u64::from(call.stack_bytes);
    if bytes > Ineligible::MAX_STACK {
        return Err(Ineligible::StackArguments { bytes });
    }
    let mut inputs = Vec::with_capacity(signature.params().len());
    for (index, param) in signature.params().iter().enumerate() {
        let SlotForm::Word(scalar) = SlotForm::of(&param.ty, &target.model)? else {
            return Err(Ineligible::NoWord);
        };
        let bytes = scalar.bytes(&target.model);
        inputs.push(Column { bytes, fill: Fill::to_word(scalar), step: step(index) });
    }
    let register = match (call.result, &call.returning) {
        (SlotForm::Word(_), Returning::Direct(pieces)) => pieces.first().map(|piece| piece.place),
        (SlotForm::Word(_), _) => return Err(Ineligible::NoWord),
        (SlotForm::None | SlotForm::Address(_), _) => None,
    };
    let output = |(offset, scalar): (u32, Scalar)| Output {
        from: register.map_or(OutputPlace::Record(offset), OutputPlace::Register),
        bytes: scalar.bytes(&target.model),
    };
    let outputs = results.into_iter().map(output).collect();
    let form = Columns { inputs: inputs.into(), result: call.result(), outputs, rows, errors };
    Ok(call.plan(target, Form::Columns(form)))
}

/// The columns that results of a type go to: none of `void`, one of a scalar, and one for each member of a structure of at
/// most [`Columns::MAX_RECORD`] bytes, those of nested structures and elements of arrays included, each with its offset.
///
/// # Errors
/// Where a part is not a [`SlotForm::Word`], or parts lie on each other.
pub fn columns_of_result(ty: &Type, model: &DataModel) -> Result<Vec<(u32, Scalar)>, Ineligible> {
    match SlotForm::of(ty, model)? {
        SlotForm::None => Ok(Vec::new()),
        SlotForm::Word(scalar) => Ok(vec![(0, scalar)]),
        SlotForm::Address(layout) if layout.size <= Columns::MAX_RECORD.into() => {
            let mut columns = Vec::new();
            members(ty, 0, model, &mut columns)?;
            if columns.is_empty() { Err(Ineligible::NoWord) } else { Ok(columns) }
        }
        SlotForm::Address(_) => Err(Ineligible::NoWord),
    }
}

/// Adds the words of an object of type `ty` at an offset, in the order in which they lie.
fn members(
    ty: &Type,
    offset: u32,
    model: &DataModel,
    columns: &mut Vec<(u32, Scalar)>,
) -> Result<(), Ineligible> {
    if let SlotForm::Word(scalar) = SlotForm::of(ty, model)? {
        columns.push((offset, scalar));
        return Ok(());
    }
    match ty {
        Type::Complex(complex) => [0, 1].into_iter().try_for_each(|part| {
            let step = complex.part().layout(model)?.size as u32;
            members(&complex.part(), offset + part * step, model, columns)
        }),
        Type::Array(array) => {
            let step = array.element.layout(model)?.size;
            let length = if step == 0 { 0 } else { array.length };
            (0..length)
                .try_for_each(|index| members(&array.element, offset + (index * step) as u32, model, columns))
        }
        Type::Aggregate(aggregate) if aggregate.kind == AggregateKind::Struct => {
            let bit_offsets = aggregate.layout(model)?.bit_offsets;
            aggregate.fields.iter().zip(bit_offsets).try_for_each(|(field, bit)| match field.bits {
                None => members(&field.ty, offset + (bit / 8) as u32, model, columns),
                Some(_) => Err(Ineligible::NoWord),
            })
        }
        _ => Err(Ineligible::NoWord),
    }
}
