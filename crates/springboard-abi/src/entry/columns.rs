//! The `columns` entry: one call per row, with arguments from arrays and results into one.

use alloc::vec::Vec;

use springboard_ir::Signature;

use super::{downcall::Downcall, moves::word_move};
use crate::{
    convention::Returning,
    ineligible::Ineligible,
    plan::{Column, Columns, Errors, Fill, Form, Plan, ResultMove, Rows, SlotForm, Step},
    target::Target,
};

/// Plans calls of `signature` on `target` over columns; `step` says which element of a parameter's column a row has, `rows`
/// which rows are called, and `errors` whether each row's `errno` is stored.
///
/// # Errors
/// As [`plan`](crate::plan); also where a parameter or result is not a [`SlotForm::Word`], and for variadic functions.
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
    // The stub keeps two words for each column, and a few more, on its stack.
    let bytes = (u64::from(call.result_slot) * 2 + 10) * 8 + u64::from(call.stack_bytes);
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
    let result = match (&call.returning, call.result) {
        (_, SlotForm::None) => None,
        (Returning::Direct(pieces), SlotForm::Word(scalar)) => {
            let piece = pieces.first().ok_or(Ineligible::NoWord)?;
            Some(ResultMove { offset: 0, place: piece.place, bytes: scalar.bytes(&target.model) })
        }
        _ => return Err(Ineligible::NoWord),
    };
    Ok(call.plan(target, Form::Columns(Columns { inputs: inputs.into(), result, rows, errors })))
}
