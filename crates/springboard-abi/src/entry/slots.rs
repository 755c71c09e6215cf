//! The `slots` entry: an array of 8-byte slots on one side, an assignment on the other.

use springboard_ir::Signature;

use super::{downcall::Downcall, moves::word_move};
use crate::{
    ineligible::Ineligible,
    plan::{ErrorSource, Form, LastError, Plan, SlotForm, SlotsForm},
    target::Target,
};

pub(super) fn plan(
    signature: &Signature,
    target: &Target,
    last_error: Option<ErrorSource>,
) -> Result<Plan, Ineligible> {
    let call = Downcall::of(signature, target, word_move)?;
    // The result's slot is there only where the result is written to memory.
    let slot = call.result_slot + u16::from(matches!(call.result, SlotForm::Address(_)));
    let last_error = last_error.map(|source| LastError { source, slot });
    let form = SlotsForm { result: call.result(), last_error };
    Ok(call.plan(target, Form::Slots(form)))
}
