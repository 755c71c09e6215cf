//! Plans for each way in which a stub is entered: from an assignment to moves.

use springboard_ir::Signature;

use crate::{
    ineligible::Ineligible,
    plan::{Entry, ErrorSource, Errors, Plan, Rows, Step},
    target::Target,
};

mod avalue;
mod boxed;
mod callback;
mod columns;
mod direct;
mod downcall;
mod moves;
mod relay;
mod slots;
mod v8;

pub use boxed::{BoxedCall, Host, Kind, plan_boxed};
pub use columns::{columns_of_result, plan_columns};
pub use relay::plan_relay;
pub use v8::{
    Entered, FastCall, Narrow, NodeFunction, NodeKind, NodeRefusal, Options, Passed, Profile, Refusal,
    node_eligible, node_eligible_call, plan_fast_call,
};

/// Plans one call of `signature` on `target`, entered by `entry`.
///
/// A call of [`Entry::Boxed`] has no plan without a host's description: [`plan_boxed`] takes one.
///
/// # Errors
/// The rule by which there is no plan. This is an answer and not a failure: such calls go through libffi.
pub fn plan(signature: &Signature, target: &Target, entry: Entry) -> Result<Plan, Ineligible> {
    let target = &target.calling_as(signature)?;
    match entry {
        Entry::Slots => slots::plan(signature, target, None),
        Entry::Bound => slots::plan(signature, target, None).map(Plan::bound),
        Entry::Relay => slots::plan(signature, target, None).map(|_| plan_relay(target)),
        Entry::Callback => callback::plan(signature, target, callback::Kind::Callback),
        Entry::V8 => plan_fast_call(&FastCall::new(signature.clone()), target),
        Entry::Avalue => avalue::plan(signature, target),
        Entry::Closure => callback::plan(signature, target, callback::Kind::Closure),
        Entry::GoClosure => callback::plan(signature, target, callback::Kind::GoClosure),
        Entry::Direct => direct::plan(signature, target),
        Entry::Columns => plan_columns(signature, target, |_| Step::Row, Rows::All, Errors::Ignored),
        Entry::Boxed => Err(Ineligible::Boxing),
    }
}

/// As [`plan`] of the entry [`Entry::Slots`], with the last error delivered as well:
/// [`SlotsForm::last_error`](crate::SlotsForm::last_error). [`Plan::bound`] makes it that of [`Entry::Bound`]; no other
/// entry has a slot for it.
///
/// # Errors
/// As [`plan`].
pub fn plan_with_last_error(
    signature: &Signature,
    target: &Target,
    source: ErrorSource,
) -> Result<Plan, Ineligible> {
    slots::plan(signature, &target.calling_as(signature)?, Some(source))
}
