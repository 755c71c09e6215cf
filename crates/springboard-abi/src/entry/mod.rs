//! Plans for each way in which a stub is entered: from an assignment to moves.

use alloc::vec;

use springboard_ir::Signature;

use crate::{
    ineligible::Ineligible,
    plan::{Entry, ErrorSource, Plan, Step},
    target::Target,
};

mod avalue;
mod callback;
mod columns;
mod direct;
mod moves;
mod relay;
mod slots;
mod v8;

pub use columns::plan_columns;
pub use relay::plan_relay;
pub use v8::{
    Entered, FastCall, Narrow, NodeFunction, NodeKind, NodeRefusal, Options, Passed, Profile, Refusal,
    node_eligible, node_eligible_call, plan_fast_call,
};

/// Plans one call of `signature` on `target`, entered by `entry`.
///
/// # Errors
/// The rule by which there is no plan. This is an answer and not a failure: such calls go through libffi.
pub fn plan(signature: &Signature, target: &Target, entry: Entry) -> Result<Plan, Ineligible> {
    match entry {
        Entry::Slots | Entry::Bound => slots::plan(signature, target, entry, None),
        Entry::Relay => slots::plan(signature, target, Entry::Slots, None).map(|_| plan_relay(target)),
        Entry::Columns => plan_columns(signature, target, &vec![Step::Row; signature.params().len()]),
        Entry::Callback | Entry::Closure | Entry::GoClosure => callback::plan(signature, target, entry),
        Entry::Direct => direct::plan(signature, target),
        Entry::Avalue => avalue::plan(signature, target),
        Entry::V8 => v8::plan_fast_call(&v8::FastCall::new(signature.clone()), target),
    }
}

/// As [`plan`], with the last error delivered as well: [`Plan::last_error`].
///
/// # Errors
/// As [`plan`].
///
/// # Panics
/// Where the entry is neither [`Entry::Slots`] nor [`Entry::Bound`]: no other has a slot for it.
pub fn plan_with_last_error(
    signature: &Signature,
    target: &Target,
    entry: Entry,
    source: ErrorSource,
) -> Result<Plan, Ineligible> {
    assert!(matches!(entry, Entry::Slots | Entry::Bound), "the {entry} entry delivers no last error");
    slots::plan(signature, target, entry, Some(source))
}
