//! The last error: an `int` that is read as soon as the native function has returned.
//!
//! Where it lies at an address that a helper returns, as `errno` does, the address is asked for before the call and
//! kept on the stub's stack: a thread's `errno` does not move, and after the call there are results in registers
//! that would have to be saved first. Where the address is at a known distance from the thread pointer, of which
//! Cranelift knows nothing, instructions before its function find it (`isa`), and hand it over as one more parameter.
//! Where a function returns the error itself, it must be called afterwards.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, StackSlot, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{ErrorSource, LastError, Plan};

use crate::{
    error::Malformed,
    isa::Isa,
    memory::{SLOT, across, load_word, slot_offset, stack_words, store_word},
    native,
    symbol::address_in_hole,
    template::HoleKind,
};

/// What is kept on the stub's stack while the native function runs.
pub(crate) struct Kept {
    /// The address from which the error is read, where it is known before. It is kept last, and lies lowest: it can be pushed.
    from: Option<StackSlot>,
    /// The address to which it is written.
    to: StackSlot,
}

/// Whether a helper runs before the native function, so that nothing survives in registers from the stub's entry.
pub(crate) fn calls_before(plan: &Plan) -> bool {
    matches!(plan.form.last_error(), Some(LastError { source: ErrorSource::Location, .. }))
}

/// Whether the stub's function is handed the address of the error, as the parameter after the slots.
pub(crate) fn is_handed_over(plan: &Plan) -> bool {
    matches!(plan.form.last_error(), Some(LastError { source: ErrorSource::ThreadLocal, .. }))
}

/// Readies the stub: calls the helper, where that comes first, and keeps what is needed afterwards. `found` are the
/// stub's parameters, `slots` the one of them that is the address of the slots; they are found anew.
pub(crate) fn before(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    found: Vec<Value>,
    slots: Option<usize>,
) -> Result<(Vec<Value>, Option<Kept>), Malformed> {
    let (Some(LastError { source, slot }), Some(slots)) = (plan.form.last_error(), slots) else {
        return Ok((found, None));
    };
    if is_handed_over(plan) && !(Isa::with(plan.caller).finds_thread_locals)(plan.caller) {
        return Err(Malformed::ThreadPointer(plan.caller));
    }
    let from = (source != ErrorSource::Function).then(|| stack_words(builder, 1));
    let to = stack_words(builder, 1);
    let address = builder.ins().load(types::I64, SLOT, found[slots], slot_offset(slot));
    store_word(builder, to, 0, address);
    let (location, found) = match source {
        ErrorSource::Function => (None, found),
        ErrorSource::ThreadLocal => (Some(found[slots + 1]), found),
        ErrorSource::Location => {
            let (location, found) = ask(builder, plan, &found, types::I64);
            (Some(location), found)
        }
    };
    if let (Some(from), Some(location)) = (from, location) {
        let zero = builder.ins().iconst(types::I32, 0);
        builder.ins().store(MemFlagsData::trusted(), zero, location, 0);
        store_word(builder, from, 0, location);
    }
    Ok((found, Some(Kept { from, to })))
}

/// Delivers the error. `results` are found anew.
pub(crate) fn after(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    kept: &Kept,
    results: Vec<Value>,
) -> Vec<Value> {
    let (error, results) = match kept.from {
        Some(from) => {
            let location = load_word(builder, from, 0);
            (builder.ins().load(types::I32, MemFlagsData::trusted(), location, 0), results)
        }
        None => ask(builder, plan, &results, types::I32),
    };
    let to = load_word(builder, kept.to, 0);
    builder.ins().store(MemFlagsData::new(), error, to, 0);
    results
}

/// Calls the helper. `values` are found anew.
fn ask(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    values: &[Value],
    result: types::Type,
) -> (Value, Vec<Value>) {
    across(builder, values, |builder| {
        let signature = builder.import_signature(native::function(plan.caller, &[], &[result]));
        let helper = address_in_hole(builder, signature, HoleKind::Helper);
        let call = builder.ins().call_indirect(signature, helper, &[]);
        builder.inst_results(call)[0]
    })
}
