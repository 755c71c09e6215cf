//! What a stub that V8 calls does before it looks at its arguments: guard, range checks, buffers.
//!
//! Each can end the call: the host has been told, and the stub returns zero at once, in every register that a result
//! may be in. Memory for an aggregate result is left as it was.

use cranelift_codegen::ir::{
    Block, InstBuilder, MemFlagsData, SigRef, Type, Value,
    condcodes::{FloatCC, IntCC},
    types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, FastForm, Fill, Guard, Parameter, Plan};

use crate::{
    body::{Kept, Source, extended, narrow_type, to_word},
    error::Malformed,
    isa::Isa,
    memory::{keep, slot_offset, stack_words},
    native,
    symbol::address_in_hole,
    template::{GUARD_HELPER, HoleKind},
};

/// What the host answers instead of a pointer when it cannot unwrap a value.
const NO_POINTER: i64 = -1;

/// Builds the prelude, and says where the arguments are after it.
pub(crate) fn build(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    fast: &FastForm,
    mut parameters: Vec<Kept>,
) -> Result<Source, Malformed> {
    let stub = Stub { caller: plan.caller, fast, parameters: &parameters.clone() };
    if fast.guard == Guard::Closed && !(Isa::with(plan.caller).wraps_guard)(plan) {
        closed(builder, &stub);
    }
    let own_checks = !(Isa::with(plan.caller).wraps_checks)(plan);
    for (index, parameter) in fast.parameters.iter().enumerate() {
        match *parameter {
            Parameter::Narrow { bytes, fill } if own_checks => in_range(builder, &stub, index, bytes, fill)?,
            Parameter::Exact { bytes, fill } => {
                let value = exact(builder, &stub, index, bytes, fill)?;
                parameters[index] = match parameters[index] {
                    Kept::Value(_) => Kept::Value(value),
                    // Where parameters are in memory, so is what is made of them.
                    Kept::Stack(..) | Kept::Arrived(..) => Kept::Stack(keep(builder, &[value]), 0),
                };
            }
            _ => {}
        }
    }
    if fast.parameters.contains(&Parameter::Buffer) {
        return Ok(unwrap(builder, &Stub { parameters: &parameters, ..stub }));
    }
    Ok(Source::Words(parameters))
}

/// Whether a prelude has calls of the host in it.
pub(crate) fn calls_host(plan: &Plan, fast: &FastForm) -> bool {
    let isa = Isa::with(plan.caller);
    let guarded = fast.guard == Guard::Closed && !(isa.wraps_guard)(plan);
    let own_checks = !(isa.wraps_checks)(plan);
    guarded
        || fast.parameters.iter().any(|parameter| match parameter {
            Parameter::Narrow { .. } => own_checks,
            Parameter::Exact { .. } | Parameter::Buffer => true,
            _ => false,
        })
}

/// A stub while its prelude is built.
struct Stub<'a> {
    caller: Convention,
    fast: &'a FastForm,
    parameters: &'a [Kept],
}

/// The options for a helper of the host: null where V8 passes none.
fn options(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>) -> Value {
    match stub.parameters.last() {
        Some(options) if stub.fast.takes_options() => options.value(builder),
        _ => builder.ins().iconst(types::I64, 0),
    }
}

/// Ends the call if the library has been closed.
fn closed(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>) {
    let helper = helper_signature(builder, stub, &[types::I64, types::I64], None);
    let guard = address_in_hole(builder, helper, HoleKind::Guard);
    let flag = builder.ins().uload8(types::I64, MemFlagsData::trusted(), guard, 0);
    let [ending, ongoing] = ways(builder);
    builder.ins().brif(flag, ending, &[], ongoing, &[]);
    builder.switch_to_block(ending);
    let context = address_in_hole(builder, helper, HoleKind::Context);
    let address = builder.ins().load(types::I64, MemFlagsData::trusted(), guard, GUARD_HELPER as i32);
    let options = options(builder, stub);
    builder.ins().call_indirect(helper, address, &[context, options]);
    return_zero(builder);
    builder.switch_to_block(ongoing);
}

/// Ends the call if a 32-bit value is out of the range of a narrower integer.
fn in_range(
    builder: &mut FunctionBuilder<'_>,
    stub: &Stub<'_>,
    index: usize,
    bytes: u8,
    fill: Fill,
) -> Result<(), Malformed> {
    let value = stub.parameters[index].value(builder);
    let whole = builder.ins().ireduce(types::I32, value);
    let narrow = builder.ins().ireduce(narrow_type(bytes)?, whole);
    let again = match fill {
        Fill::Zero => builder.ins().uextend(types::I32, narrow),
        Fill::Sign => builder.ins().sextend(types::I32, narrow),
    };
    let fits = builder.ins().icmp(IntCC::Equal, whole, again);
    // What is above its 32 bits nobody has promised.
    refuse_unless(builder, stub, index, fits, |builder| extended(builder, value, 4, fill))
}

/// Makes an integer of a `double`, and ends the call unless it is the same number again.
fn exact(
    builder: &mut FunctionBuilder<'_>,
    stub: &Stub<'_>,
    index: usize,
    bytes: u8,
    fill: Fill,
) -> Result<Value, Malformed> {
    let number = match stub.parameters[index].value(builder) {
        word if builder.func.dfg.value_type(word).is_int() => {
            builder.ins().bitcast(types::F64, MemFlagsData::new(), word)
        }
        number => number,
    };
    let whole = builder.ins().fcvt_to_sint_sat(types::I64, number);
    let narrow = extended(builder, whole, bytes, fill)?;
    // Of what is not whole, out of range, infinite or no number at all this makes something else.
    let again = builder.ins().fcvt_from_sint(types::F64, narrow);
    let fits = builder.ins().fcmp(FloatCC::Equal, number, again);
    refuse_unless(builder, stub, index, fits, |builder| {
        Ok(builder.ins().bitcast(types::I64, MemFlagsData::new(), number))
    })?;
    Ok(narrow)
}

/// Tells the host of a parameter that does not fit, by the word that `told` makes of it, and ends the call.
fn refuse_unless(
    builder: &mut FunctionBuilder<'_>,
    stub: &Stub<'_>,
    index: usize,
    fits: Value,
    told: impl FnOnce(&mut FunctionBuilder<'_>) -> Result<Value, Malformed>,
) -> Result<(), Malformed> {
    let helper = helper_signature(builder, stub, &[types::I64, types::I64, types::I64, types::I64], None);
    let [ending, ongoing] = ways(builder);
    builder.ins().brif(fits, ongoing, &[], ending, &[]);
    builder.switch_to_block(ending);
    let context = address_in_hole(builder, helper, HoleKind::Context);
    let address = address_in_hole(builder, helper, HoleKind::Range);
    let index = builder.ins().iconst(types::I64, index as i64);
    let value = told(builder)?;
    let options = options(builder, stub);
    builder.ins().call_indirect(helper, address, &[context, index, value, options]);
    return_zero(builder);
    builder.switch_to_block(ongoing);
    Ok(())
}

/// Has the host unwrap every buffer. What is wanted after a call of the host waits on the stub's own stack: a value in a
/// register would not survive the call. The first buffer's value and the last one's pointer need not wait.
fn unwrap(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>) -> Source {
    let parameters = stub.parameters;
    let kind = |index: usize| stub.fast.parameters[index];
    let buffers: Vec<_> = (0..parameters.len()).filter(|index| kind(*index) == Parameter::Buffer).collect();
    let mut waiting = Waiting::of(builder, stub, &buffers);
    let helper = helper_signature(builder, stub, &[types::I64, types::I64, types::I32], Some(types::I64));
    let ending = builder.create_block();
    builder.set_cold_block(ending);
    for (count, &index) in buffers.iter().enumerate() {
        let address = address_in_hole(builder, helper, HoleKind::Helper);
        let (value, options) = match count {
            0 => (parameters[index].value(builder), options(builder, stub)),
            _ if stub.fast.takes_options() => {
                (waiting.0[index].value(builder), waiting.0[parameters.len() - 1].value(builder))
            }
            _ => (waiting.0[index].value(builder), options(builder, stub)),
        };
        let number = builder.ins().iconst(types::I32, index as i64);
        let call = builder.ins().call_indirect(helper, address, &[value, options, number]);
        let pointer = builder.inst_results(call)[0];
        let failed = builder.ins().icmp_imm_s(IntCC::Equal, pointer, NO_POINTER);
        let ongoing = builder.create_block();
        builder.ins().brif(failed, ending, &[], ongoing, &[]);
        builder.switch_to_block(ongoing);
        if count + 1 == buffers.len() {
            waiting.0[index] = Kept::Value(pointer);
        } else {
            waiting.store(builder, index, pointer);
        }
    }
    let going_on = builder.current_block();
    builder.switch_to_block(ending);
    return_zero(builder);
    if let Some(block) = going_on {
        builder.switch_to_block(block);
    }
    Source::Words(waiting.0)
}

/// Where each argument is until the last buffer is unwrapped.
struct Waiting(Vec<Kept>);

impl Waiting {
    /// Stores what has to wait, so that the last one is stored lowest, and those of vector registers first of all: what
    /// comes from general registers can be pushed.
    fn of(builder: &mut FunctionBuilder<'_>, stub: &Stub<'_>, buffers: &[usize]) -> Waiting {
        let parameters = stub.parameters;
        let several = buffers.len() > 1;
        let is_first = |index: &usize| buffers.first() == Some(index);
        let waits = |index: &usize| match (stub.fast.parameters[*index], parameters[*index]) {
            (Parameter::Options, Kept::Value(_)) => several,
            // What is made of a buffer takes its place.
            (Parameter::Buffer, _) | (_, Kept::Value(_)) => several || !is_first(index),
            // It stays where it is.
            _ => false,
        };
        let is_float = |index: usize| match parameters[index] {
            Kept::Value(value) => !builder.func.dfg.value_type(value).is_int(),
            _ => false,
        };
        let mut order: Vec<usize> = (0..parameters.len()).filter(waits).collect();
        order.sort_by_key(|index| (!is_first(index), !is_float(*index)));
        let mut kept = parameters.to_vec();
        if order.is_empty() {
            return Waiting(kept);
        }
        let slot = stack_words(builder, order.len());
        let below = (0..order.len()).rev().map(|word| slot_offset(word as u16));
        for (&index, offset) in order.iter().zip(below) {
            kept[index] = Kept::Stack(slot, offset);
        }
        let waiting = Waiting(kept);
        for &index in order.iter().filter(|index| !is_first(index)) {
            let value = parameters[index].value(builder);
            let is_whole = builder.func.dfg.value_type(value) == types::F64;
            let word = if is_whole { value } else { to_word(builder, value) };
            waiting.store(builder, index, word);
        }
        waiting
    }

    fn store(&self, builder: &mut FunctionBuilder<'_>, index: usize, value: Value) {
        if let Kept::Stack(slot, offset) = self.0[index] {
            builder.ins().stack_store(types::I64, value, slot, offset);
        }
    }
}

/// The C signature of a function of the host that the prelude calls.
fn helper_signature(
    builder: &mut FunctionBuilder<'_>,
    stub: &Stub<'_>,
    params: &[Type],
    result: Option<Type>,
) -> SigRef {
    builder.import_signature(native::function(stub.caller, params, result.as_slice()))
}

/// The two ways on from a check: the block that ends the call, and the one in which it goes on.
fn ways(builder: &mut FunctionBuilder<'_>) -> [Block; 2] {
    let [ending, ongoing] = [(); 2].map(|()| builder.create_block());
    builder.set_cold_block(ending);
    [ending, ongoing]
}

/// Returns zero, in every register that a result may be in.
fn return_zero(builder: &mut FunctionBuilder<'_>) {
    let types = builder.func.signature.returns.iter().map(|result| result.value_type).collect::<Vec<_>>();
    // A floating point constant might be loaded from the code.
    let zero = builder.ins().iconst(types::I64, 0);
    let zeros = types.into_iter().map(|ty| match ty {
        types::F64 => builder.ins().bitcast(ty, MemFlagsData::new(), zero),
        types::F32 => {
            let half = builder.ins().ireduce(types::I32, zero);
            builder.ins().bitcast(ty, MemFlagsData::new(), half)
        }
        _ => zero,
    });
    let zeros = zeros.collect::<Vec<_>>();
    builder.ins().return_(&zeros);
}
