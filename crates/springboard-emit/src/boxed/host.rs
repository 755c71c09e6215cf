//! Functions and addresses of the host: what a stub calls beside the native function, and compares with.

use cranelift_codegen::ir::{InstBuilder, StackSlot, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    Plan,
    boxed::{Around, HostAddress},
};

use crate::{
    memory::{across, keep, load_word},
    native,
    symbol::address_in_hole,
    template::HoleKind,
};

/// Calls the function that comes before the native one, and keeps what it returns.
pub(super) fn before(builder: &mut FunctionBuilder<'_>, plan: &Plan, around: Around) -> StackSlot {
    let state = ask_host(builder, plan, around.before, &[], types::I64);
    keep(builder, &[state])
}

/// Calls the function that comes after the native one, with what the one before it returned. Results are found anew.
pub(super) fn after(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    around: Around,
    state: StackSlot,
    results: &[Value],
) -> Vec<Value> {
    let tell = |builder: &mut FunctionBuilder<'_>| {
        let state = load_word(builder, state, 0);
        let signature = builder.import_signature(native::function(plan.caller, &[types::I64], &[]));
        let function = address_in_hole(builder, signature, HoleKind::Host(around.after));
        builder.ins().call_indirect(signature, function, &[state]);
    };
    across(builder, results, tell).1
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
    let signature = builder.import_signature(native::function(plan.caller, &types, &[result]));
    let function = address_in_hole(builder, signature, HoleKind::Host(function));
    let call = builder.ins().call_indirect(signature, function, arguments);
    builder.inst_results(call)[0]
}

/// An address of the host: of a type, or of an object.
pub(super) fn host_address(builder: &mut FunctionBuilder<'_>, plan: &Plan, address: HostAddress) -> Value {
    let signature = builder.import_signature(native::function(plan.caller, &[], &[]));
    address_in_hole(builder, signature, HoleKind::Host(address))
}
