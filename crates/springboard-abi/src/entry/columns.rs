//! The `columns` entry: one call a row, with arguments from arrays and results into one.

use alloc::vec::Vec;

use springboard_ir::Signature;

use super::slots;
use crate::{
    convention::{Assignment, Returning, assign_for_stub},
    ineligible::Ineligible,
    plan::{Column, Columns, Entry, Fill, Plan, ResultMove, SlotForm, Step},
    target::Target,
};

/// Plans calls of `signature` on `target` over columns, of which each steps as `steps` says.
///
/// # Errors
/// As [`plan`](crate::plan); also a parameter or result that is no [`SlotForm::Word`], and variadic functions.
///
/// # Panics
/// Where there is not one step a parameter.
pub fn plan_columns(signature: &Signature, target: &Target, steps: &[Step]) -> Result<Plan, Ineligible> {
    assert_eq!(steps.len(), signature.params().len(), "one step a parameter");
    if signature.fixed().is_some() {
        return Err(Ineligible::NoWord);
    }
    let mut plan = slots::plan(signature, target, Entry::Columns, None)?;
    // The stub keeps a word for each column, and a few more, on its stack.
    let bytes = (steps.len() as u64 + 5) * 8 + u64::from(plan.stack_bytes);
    if bytes > Ineligible::MAX_STACK {
        return Err(Ineligible::StackArguments { bytes });
    }
    let mut inputs = Vec::with_capacity(steps.len());
    for (param, step) in signature.params().iter().zip(steps) {
        let SlotForm::Word(scalar) = SlotForm::of(&param.ty, &target.model)? else {
            return Err(Ineligible::NoWord);
        };
        let bytes = scalar.bytes(&target.model);
        inputs.push(Column { bytes, fill: Fill::to_word(scalar), step: *step });
    }
    let Assignment { result, .. } = assign_for_stub(signature, target)?;
    let result = match (result, SlotForm::of(signature.result(), &target.model)?) {
        (_, SlotForm::None) => None,
        (Returning::Direct(pieces), SlotForm::Word(scalar)) => {
            let piece = pieces.first().ok_or(Ineligible::NoWord)?;
            Some(ResultMove { offset: 0, place: piece.place, bytes: scalar.bytes(&target.model) })
        }
        _ => return Err(Ineligible::NoWord),
    };
    plan.columns = Some(Columns { inputs: inputs.into(), result });
    Ok(plan)
}
