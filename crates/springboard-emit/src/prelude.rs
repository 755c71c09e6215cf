//! What a stub that V8 calls does before it looks at its arguments: guard, range checks, buffers.
//!
//! Each can end the call: the host has been told, and the stub returns zero at once, in every register that a result
//! may be in. Memory for an aggregate result is left as it was.

use cranelift_codegen::ir::{
    AbiParam, Block, InstBuilder, MemFlagsData, SigRef, Signature, StackSlotData, StackSlotKind, Type, Value,
    condcodes::IntCC, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, FastForm, Fill, Guard, Parameter, Plan};

use crate::{
    body::{Source, extended, narrow_type, slot_offset, to_word},
    error::Malformed,
    isa::Isa,
    native,
    symbol::address_in_hole,
    template::{GUARD_HELPER, HoleKind},
    words::WORD,
};

/// What the host answers instead of a pointer when it cannot unwrap a value.
const NO_POINTER: i64 = -1;

/// Builds the prelude, and says where the arguments are after it.
pub(crate) fn build(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    fast: &FastForm,
    found: &[Value],
) -> Result<Source, Malformed> {
    let parameters = &found[1..=fast.parameters.len()];
    let stub = Stub { caller: plan.caller, fast, parameters };
    if fast.guard == Guard::Closed && !(Isa::with(plan.caller).wraps_guard)(plan) {
        closed(builder, &stub);
    }
    for (index, parameter) in fast.parameters.iter().enumerate() {
        if let Parameter::Narrow { bytes, fill } = *parameter {
            in_range(builder, &stub, index, bytes, fill)?;
        }
    }
    if fast.parameters.contains(&Parameter::Buffer) {
        return Ok(unwrap(builder, &stub));
    }
    Ok(Source::Parameters(parameters.to_vec()))
}

/// A stub while its prelude is built.
struct Stub<'a> {
    caller: Convention,
    fast: &'a FastForm,
    /// The values of its parameters.
    parameters: &'a [Value],
}

/// The options for a helper of the host: null where V8 passes none.
fn options(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>) -> Value {
    match stub.parameters.last() {
        Some(options) if stub.fast.takes_options() => *options,
        _ => builder.ins().iconst(types::I64, 0),
    }
}

/// Ends the call if the library has been closed.
fn closed(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>) {
    let helper = helper_signature(builder, stub, &[types::I64, types::I64], None);
    let guard = address_in_hole(builder, helper, HoleKind::Guard);
    let flag = builder.ins().load(types::I8, MemFlagsData::trusted(), guard, 0);
    let refused = continue_if(builder, flag, Continue::Zero);
    builder.switch_to_block(refused.ending);
    let context = address_in_hole(builder, helper, HoleKind::Context);
    let address = builder.ins().load(types::I64, MemFlagsData::trusted(), guard, GUARD_HELPER as i32);
    let options = options(builder, stub);
    builder.ins().call_indirect(helper, address, &[context, options]);
    refused.end(builder);
}

/// Ends the call if a 32-bit value is out of the range of a narrower integer.
fn in_range(
    builder: &mut FunctionBuilder<'_>,
    stub: &Stub<'_>,
    index: usize,
    bytes: u8,
    fill: Fill,
) -> Result<(), Malformed> {
    let helper = helper_signature(builder, stub, &[types::I64, types::I64, types::I64, types::I64], None);
    let value = stub.parameters[index];
    let whole = builder.ins().ireduce(types::I32, value);
    let narrow = builder.ins().ireduce(narrow_type(bytes)?, whole);
    let again = match fill {
        Fill::Zero => builder.ins().uextend(types::I32, narrow),
        Fill::Sign => builder.ins().sextend(types::I32, narrow),
    };
    let fits = builder.ins().icmp(IntCC::Equal, whole, again);
    let refused = continue_if(builder, fits, Continue::NotZero);
    builder.switch_to_block(refused.ending);
    let context = address_in_hole(builder, helper, HoleKind::Context);
    let address = address_in_hole(builder, helper, HoleKind::Range);
    let index = builder.ins().iconst(types::I64, index as i64);
    // What is above its 32 bits nobody has promised.
    let value = extended(builder, value, 4, fill)?;
    let options = options(builder, stub);
    builder.ins().call_indirect(helper, address, &[context, index, value, options]);
    refused.end(builder);
    Ok(())
}

/// Has the host unwrap every buffer. All arguments stay in the stub's own slots until the last one is unwrapped: a
/// value in a register would not survive the next call of the host.
fn unwrap(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>) -> Source {
    let parameters = stub.parameters;
    let helper = helper_signature(builder, stub, &[types::I64, types::I64, types::I32], Some(types::I64));
    let options_slot = parameters.len() as u16 - 1;
    let bytes = parameters.len() as u32 * WORD;
    let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, WORD.trailing_zeros() as u8);
    let array = builder.create_sized_stack_slot(data);
    for (index, value) in parameters.iter().enumerate() {
        let word =
            if builder.func.dfg.value_type(*value) == types::F64 { *value } else { to_word(builder, *value) };
        builder.ins().stack_store(types::I64, word, array, slot_offset(index as u16));
    }
    let buffers =
        stub.fast.parameters.iter().enumerate().filter(|(_, parameter)| **parameter == Parameter::Buffer);
    for (index, _) in buffers {
        let offset = slot_offset(index as u16);
        let address = address_in_hole(builder, helper, HoleKind::Helper);
        let value = builder.ins().stack_load(types::I64, types::I64, array, offset);
        let options = builder.ins().stack_load(types::I64, types::I64, array, slot_offset(options_slot));
        let number = builder.ins().iconst(types::I32, index as i64);
        let call = builder.ins().call_indirect(helper, address, &[value, options, number]);
        let pointer = builder.inst_results(call)[0];
        let failed = builder.ins().icmp_imm_s(IntCC::Equal, pointer, NO_POINTER);
        let refused = continue_if(builder, failed, Continue::Zero);
        builder.switch_to_block(refused.ending);
        refused.end(builder);
        builder.ins().stack_store(types::I64, pointer, array, offset);
    }
    Source::Array(builder.ins().stack_addr(types::I64, array, 0))
}

/// The C signature of a function of the host that the prelude calls.
fn helper_signature(
    builder: &mut FunctionBuilder<'_>,
    stub: &Stub<'_>,
    params: &[Type],
    result: Option<Type>,
) -> SigRef {
    let mut signature = Signature::new(native::call_conv(stub.caller));
    signature.params = params.iter().copied().map(AbiParam::new).collect();
    signature.returns = result.into_iter().map(AbiParam::new).collect();
    builder.import_signature(signature)
}

/// When the call goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Continue {
    Zero,
    NotZero,
}

/// The two ways on from a check.
struct Refused {
    /// The block that ends the call.
    ending: Block,
    /// The block in which it goes on.
    ongoing: Block,
}

/// Branches on a value.
fn continue_if(builder: &mut FunctionBuilder<'_>, value: Value, when: Continue) -> Refused {
    let (ending, ongoing) = (builder.create_block(), builder.create_block());
    builder.set_cold_block(ending);
    match when {
        Continue::Zero => builder.ins().brif(value, ending, &[], ongoing, &[]),
        Continue::NotZero => builder.ins().brif(value, ongoing, &[], ending, &[]),
    };
    Refused { ending, ongoing }
}

impl Refused {
    /// Returns zero from the ending block, and turns to the other one.
    fn end(self, builder: &mut FunctionBuilder<'_>) {
        let types = builder.func.signature.returns.iter().map(|result| result.value_type).collect::<Vec<_>>();
        let zeros = types.into_iter().map(|ty| match ty {
            types::F64 => builder.ins().f64const(0.0),
            types::F32 => builder.ins().f32const(0.0),
            ty => builder.ins().iconst(ty, 0),
        });
        let zeros = zeros.collect::<Vec<_>>();
        builder.ins().return_(&zeros);
        builder.switch_to_block(self.ongoing);
    }
}
