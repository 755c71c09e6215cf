//! The `columns` entry: one call a row, with arguments from arrays and results into one.

use alloc::{boxed::Box, vec::Vec};

use springboard_ir::{Scalar, Signature};

use crate::{
    assignment::{Assignment, Returning, assign_for_stub},
    ineligible::Ineligible,
    plan::{Entry, Fill, Plan, ResultMove},
    slots::{self, SlotForm},
    target::Target,
};

/// What a stub that calls once a row does beside calling.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Columns {
    /// One a parameter, in order.
    pub inputs: Box<[Column]>,
    /// What is stored of each result, at its row: the result register and its low bytes. `None` for `void`.
    pub result: Option<ResultMove>,
}

/// Where a parameter's values come from: elements of its own C type behind each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Column {
    /// Size of an element, in bytes: 1, 2, 4 or 8.
    pub bytes: u8,
    /// By what an element is extended to a canonical slot.
    pub fill: Fill,
    /// Which element a row has.
    pub step: Step,
}

/// Which element of a column a row has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Step {
    /// The row's own.
    Row,
    /// The first: all rows have the same value.
    Same,
}

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
        let signed = matches!(scalar, Scalar::Int { bytes: 1..=4, signed: true });
        inputs.push(Column { bytes, fill: if signed { Fill::Sign } else { Fill::Zero }, step: *step });
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
