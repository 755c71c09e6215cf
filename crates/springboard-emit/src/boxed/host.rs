//! Functions and addresses of the host: what a stub calls beside the native function, and compares with.

use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, StackSlot, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    Plan,
    boxed::{Around, HostAddress},
};

use super::words::{load_word, stack_words};
use crate::{body::slot_offset, native, symbol::address_in_hole, template::HoleKind};

/// Calls the function that comes before the native one, and keeps what it returns.
pub(super) fn before(builder: &mut FunctionBuilder<'_>, plan: &Plan, around: Around) -> StackSlot {
    let kept = stack_words(builder, 1);
    let state = ask_host(builder, plan, around.before, &[], types::I64);
    builder.ins().stack_store(types::I64, state, kept, 0);
    kept
}

/// Calls the function that comes after the native one, with what the one before it returned. Results are found anew.
pub(super) fn after(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    around: Around,
    state: StackSlot,
    results: &[Value],
) -> Vec<Value> {
    let kept = stack_words(builder, results.len().max(1));
    let kinds = results.iter().map(|value| builder.func.dfg.value_type(*value)).collect::<Vec<_>>();
    for (index, value) in (0..).zip(results) {
        builder.ins().stack_store(types::I64, *value, kept, slot_offset(index));
    }
    let state = load_word(builder, state, 0);
    tell_host(builder, plan, around.after, state);
    let load = |(index, ty)| builder.ins().stack_load(types::I64, ty, kept, slot_offset(index));
    (0..).zip(kinds).map(load).collect()
}

/// The type of a function of the host.
pub(super) fn host_signature(plan: &Plan, parameters: &[Type], result: Option<Type>) -> Signature {
    let mut signature = Signature::new(native::call_conv(plan.caller));
    signature.params = parameters.iter().copied().map(AbiParam::new).collect();
    signature.returns = result.into_iter().map(AbiParam::new).collect();
    signature
}

/// What a function of the host returns.
pub(super) fn ask_host(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    function: HostAddress,
    arguments: &[Value],
    result: Type,
) -> Value {
    let types = arguments.iter().map(|value| builder.func.dfg.value_type(*value)).collect::<Vec<_>>();
    let signature = builder.import_signature(host_signature(plan, &types, Some(result)));
    let function = address_in_hole(builder, signature, HoleKind::Host(function));
    let call = builder.ins().call_indirect(signature, function, arguments);
    builder.inst_results(call)[0]
}

/// Calls a function of the host that returns nothing.
pub(super) fn tell_host(builder: &mut FunctionBuilder<'_>, plan: &Plan, function: HostAddress, word: Value) {
    let signature = builder.import_signature(host_signature(plan, &[types::I64], None));
    let function = address_in_hole(builder, signature, HoleKind::Host(function));
    builder.ins().call_indirect(signature, function, &[word]);
}

/// An address of the host: of a type, or of an object.
pub(super) fn host_address(builder: &mut FunctionBuilder<'_>, plan: &Plan, address: HostAddress) -> Value {
    let signature = builder.import_signature(host_signature(plan, &[], None));
    address_in_hole(builder, signature, HoleKind::Host(address))
}
