//! Stubs that are functions of a host: they unbox arguments, call, and box the result.
//!
//! ```text
//! entry:  are there as many arguments as parameters? ─no─► slow
//!         for each argument: check, load ─miss─► slow
//!         (allocate the result's object; before())
//!         call
//!         (after())
//!         box the result, by a jump where that takes a function
//! slow:   jump to the slow twin with the very arguments
//! ```
//!
//! On the way to the call, unboxed words stay in registers where there are enough that belong to no caller and no
//! function of the host runs in between; otherwise they lie in canonical slots on the stub's stack. Whatever lives across
//! a call lies there as well: the one unwind row that all stubs share does not know callee-saved registers.

mod result;
mod unbox;

use cranelift_codegen::{
    ir::{
        AbiParam, Block, InstBuilder, Signature, StackSlot, StackSlotData, StackSlotKind, Type, Value,
        condcodes::IntCC, types,
    },
    isa::CallConv,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    BoxedForm, DowncallResult, Move, Plan,
    boxed::{Arguments, Around, Boxing, Callable, HostAddress, Memory, Returned, Unbox, Wanted},
};

use crate::{
    body::{Body, Built, Notes, Source, slot_offset},
    error::Malformed,
    isa::Isa,
    memory::{MEMORY, SLOT},
    native::{self, Argument, Register},
    outgoing::Outgoing,
    symbol::{Symbol, address_in_hole, symbol},
    template::HoleKind,
    words::{WORD, Words},
};

/// A stub of a host's callable type in Cranelift's terms.
pub(crate) struct Boxed<'a> {
    plan: &'a Plan,
    form: &'a BoxedForm,
    arguments: Vec<Argument<'a>>,
    /// The words of the stack area.
    stack: Vec<&'a [Move]>,
    leave: Leave,
    parameters: Keep,
    words: Keep,
}

/// How a function of the host that ends the stub is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// By a jump.
    Jump,
    /// By a call, and a return of what it returned.
    Call,
}

/// Where words are that are needed later.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Registers,
    Stack,
}

/// Offset of a new object's address in what is kept of it.
const OBJECT: i32 = 8;
/// Offset of the address of its memory, where the stub stores the result there.
const ADDRESS: i32 = 0;

/// General registers that are in use while an argument is unboxed, beside the result: the object, and one for a word of
/// it.
const TEMPORARIES: usize = 2;

impl<'a> Boxed<'a> {
    pub(crate) fn of(plan: &'a Plan, form: &'a BoxedForm) -> Boxed<'a> {
        let isa = Isa::with(plan.caller);
        let native_words = Words::of(plan);
        let arguments = native::in_registers(plan, &native_words);
        let asks = asks(form);
        let calls_before = asks || form.around.is_some() || matches!(form.boxing, Boxing::Memory { .. });
        let is_integer = |slot| matches!(slot, Wanted::Integer { .. });
        let integers = form.arguments.iter().filter(|argument| is_integer(argument.slot)).count();
        let fits = |others: usize| others + TEMPORARIES <= isa.scratch;
        let entered = usize::from(form.callable.parameters);
        let in_registers = !calls_before && plan.stack_bytes == 0 && fits(1 + integers);
        let words = if in_registers { Keep::Registers } else { Keep::Stack };
        let crowd = entered.saturating_sub(known(form).count()) + if in_registers { integers } else { 1 };
        let parameters = if !asks && fits(crowd) { Keep::Registers } else { Keep::Stack };
        let leave = if (isa.jumps)(plan.caller, plan.caller) { Leave::Jump } else { Leave::Call };
        Boxed { plan, form, arguments, stack: native_words.stack, leave, parameters, words }
    }

    /// The same, with everything on the stub's stack.
    pub(crate) fn on_the_stack(self) -> Boxed<'a> {
        Boxed { parameters: Keep::Stack, words: Keep::Stack, ..self }
    }

    /// The signature by which the stub is entered.
    pub(crate) fn entry_signature(&self) -> Signature {
        self.leaving(&vec![types::I64; self.form.callable.parameters.into()])
    }

    /// The signature of a function of the host that ends the stub, and of the stub itself.
    fn leaving(&self, parameters: &[Type]) -> Signature {
        let mut signature = host_signature(self.plan, parameters, Some(types::I64));
        if self.leave == Leave::Jump {
            signature.call_conv = CallConv::Tail;
        }
        signature
    }

    /// Builds the whole function.
    pub(crate) fn build(&self, builder: &mut FunctionBuilder<'_>) -> Result<Built, Malformed> {
        self.parameters_exist()?;
        let [entry, miss, slow] = [(); 3].map(|()| builder.create_block());
        builder.append_block_params_for_function_params(entry);
        builder.set_cold_block(miss);
        builder.set_cold_block(slow);
        builder.switch_to_block(entry);
        // A landing finds the target after the last argument.
        let passed = self.stack.len() + usize::from(self.has_landing());
        let outgoing = Outgoing::reserve(builder, self.plan, Some(self.plan.caller), passed);
        let entered = self.enter(builder, entry);
        self.check(builder, &entered, slow);
        let words = self.unbox(builder, &entered, miss)?;
        let object = self.allocate(builder, &words);
        let state = self.form.around.map(|around| before(builder, self.plan, around));
        let (notes, results) = self.call(builder, &words, object, outgoing)?;
        let results = match (self.form.around, state) {
            (Some(around), Some(state)) => after(builder, self.plan, around, state, &results),
            _ => results,
        };
        self.give(builder, object, &results)?;
        // What has been checked is known, so that no register has to keep it.
        builder.switch_to_block(miss);
        let known = known(self.form).map(|(_, value)| builder.ins().iconst(types::I64, value).into());
        let known = known.collect::<Vec<_>>();
        builder.ins().jump(slow, &known);
        self.slow(builder, &entered, slow);
        builder.seal_all_blocks();
        Ok(Built { notes, outgoing })
    }

    fn has_landing(&self) -> bool {
        (Isa::with(self.plan.convention).landing)(self.plan).is_some()
    }

    /// Whether the stub has the parameters that the plan speaks of.
    fn parameters_exist(&self) -> Result<(), Malformed> {
        let Callable { parameters, arguments, zero } = self.form.callable;
        let last = match arguments {
            Arguments::Array { array, count, .. } => usize::from(array.max(count)),
            Arguments::Parameters { first } => {
                (usize::from(first) + self.form.arguments.len()).saturating_sub(1)
            }
        };
        let last = last.max(zero.map_or(0, usize::from));
        if last < usize::from(parameters).max(1) { Ok(()) } else { Err(Malformed::Boxed) }
    }

    /// Ends the stub by a function of the host, whose result it returns.
    fn leave(&self, builder: &mut FunctionBuilder<'_>, to: HoleKind, arguments: &[Value]) {
        let types = arguments.iter().map(|value| builder.func.dfg.value_type(*value)).collect::<Vec<_>>();
        let signature = builder.import_signature(self.leaving(&types));
        let function = address_in_hole(builder, signature, to);
        match self.leave {
            Leave::Jump => {
                builder.ins().return_call_indirect(signature, function, arguments);
            }
            Leave::Call => {
                let call = builder.ins().call_indirect(signature, function, arguments);
                let result = builder.inst_results(call)[0];
                builder.ins().return_(&[result]);
            }
        }
    }

    /// Keeps what the stub was entered with.
    fn enter(&self, builder: &mut FunctionBuilder<'_>, entry: Block) -> Entered {
        let values = builder.block_params(entry).to_vec();
        let lasts = !asks(self.form);
        if self.parameters == Keep::Registers {
            return Entered { values, kept: None, lasts };
        }
        let kept = stack_words(builder, values.len().max(1));
        for (index, value) in (0..).zip(&values) {
            builder.ins().stack_store(types::I64, *value, kept, slot_offset(index));
        }
        Entered { values, kept: Some(kept), lasts }
    }

    /// Checks what the stub was entered with, arguments aside.
    fn check(&self, builder: &mut FunctionBuilder<'_>, entered: &Entered, slow: Block) {
        let found = known(self.form).map(|(index, _)| entered.values[usize::from(index)].into());
        let found = found.collect::<Vec<_>>();
        let Callable { arguments, zero, .. } = self.form.callable;
        let equals = |builder: &mut FunctionBuilder<'_>, word, expected| {
            let right = builder.ins().icmp_imm_s(IntCC::Equal, word, expected);
            let ongoing = builder.create_block();
            builder.ins().brif(right, ongoing, &[], slow, &found);
            builder.switch_to_block(ongoing);
        };
        if let Arguments::Array { count, count_mask, .. } = arguments {
            let count = masked(builder, entered.values[usize::from(count)], count_mask);
            equals(builder, count, self.form.arguments.len() as i64);
        }
        if let Some(zero) = zero {
            equals(builder, entered.values[usize::from(zero)], 0);
        }
    }

    /// Hands everything over to the slow twin. The block is told what may be known.
    fn slow(&self, builder: &mut FunctionBuilder<'_>, entered: &Entered, slow: Block) {
        builder.switch_to_block(slow);
        let told = known(self.form).map(|(index, _)| (index, builder.append_block_param(slow, types::I64)));
        let told = told.collect::<Vec<_>>();
        let word = |index| match told.iter().find(|(known, _)| *known == index) {
            Some((_, told)) => *told,
            None => entered.parameter(builder, index),
        };
        let words = (0..self.form.callable.parameters).map(word).collect::<Vec<_>>();
        self.leave(builder, HoleKind::Slow, &words);
    }

    /// Unboxes all arguments.
    fn unbox(
        &self,
        builder: &mut FunctionBuilder<'_>,
        entered: &Entered,
        miss: Block,
    ) -> Result<Unboxed, Malformed> {
        let form = self.form;
        let mut words = match self.words {
            Keep::Registers => Unboxed::Values(Vec::with_capacity(form.arguments.len())),
            // After the arguments is the slot of the result's address.
            Keep::Stack => Unboxed::Array(stack_words(builder, form.arguments.len() + 1)),
        };
        for (index, argument) in (0..).zip(&form.arguments) {
            let boxed = |builder: &mut FunctionBuilder<'_>| entered.argument(builder, form.callable, index);
            let value = unbox::argument(builder, self.plan, argument, &boxed, miss)?;
            words.add(builder, index, value, self.plan);
        }
        Ok(words)
    }

    /// Makes the object of an aggregate result, and keeps it.
    fn allocate(&self, builder: &mut FunctionBuilder<'_>, slots: &Unboxed) -> Option<StackSlot> {
        // Where a function of the host is called, words are on the stack.
        let (Boxing::Memory { allocate, with, memory }, Unboxed::Array(slots)) = (self.form.boxing, slots)
        else {
            return None;
        };
        let kept = stack_words(builder, 2);
        let with = with.map(|with| host_address(builder, self.plan, with));
        let object = ask_host(builder, self.plan, allocate, with.as_slice(), types::I64);
        let [refused, ongoing] = [(); 2].map(|()| builder.create_block());
        builder.set_cold_block(refused);
        builder.ins().brif(object, ongoing, &[], refused, &[]);
        builder.switch_to_block(refused);
        let null = builder.ins().iconst(types::I64, 0);
        builder.ins().return_(&[null]);
        builder.switch_to_block(ongoing);
        builder.ins().stack_store(types::I64, object, kept, OBJECT);
        let address = match memory {
            Memory::Inline { offset } => builder.ins().iadd_imm_s(object, i64::from(offset)),
            Memory::Behind { offset } => builder.ins().load(types::I64, MEMORY, object, offset),
        };
        let (to, offset) = match self.form.result {
            // The callee is passed it, from its slot.
            DowncallResult::InPlace => (*slots, slot_offset(self.form.arguments.len() as u16)),
            _ => (kept, ADDRESS),
        };
        builder.ins().stack_store(types::I64, address, to, offset);
        Some(kept)
    }

    /// Calls the native function, and stores an aggregate result.
    fn call(
        &self,
        builder: &mut FunctionBuilder<'_>,
        words: &Unboxed,
        object: Option<StackSlot>,
        outgoing: Option<Outgoing>,
    ) -> Result<(Notes, Vec<Value>), Malformed> {
        let plan = self.plan;
        let results = match self.form.returned {
            Returned::Nothing => Vec::new(),
            Returned::Integer { .. } => vec![types::I64],
            Returned::Float => vec![types::F32],
            Returned::Double => vec![types::F64],
            Returned::Memory => native::downcall_results(plan, &self.form.result),
        };
        let signature = builder.import_signature(native::signature(plan, &self.arguments, &results));
        let source = match words {
            Unboxed::Values(values) => Source::Parameters(values.clone()),
            Unboxed::Array(slots) => Source::Array(builder.ins().stack_addr(types::I64, *slots, 0)),
        };
        let mut body = Body::new(builder, source, plan);
        body.copy_temporaries(plan);
        let target = address_in_hole(body.builder, signature, HoleKind::Target);
        let value = |body: &mut Body<'_, '_>, argument: &Argument<'_>| match *argument {
            Argument::Word(ty, moves) => body.word(ty, moves),
            Argument::Burnt(Register::Vec(_)) => Ok(body.builder.ins().f64const(0.0)),
            Argument::Burnt(Register::Gpr(_)) => Ok(target),
        };
        if let Some(outgoing) = outgoing {
            if self.has_landing() {
                let address = outgoing.address(body.builder);
                outgoing.store(body.builder, address, self.stack.len(), target);
            }
            body.store_stack(outgoing, &self.stack)?;
        }
        let values = self.arguments.iter().map(|argument| value(&mut body, argument));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let call = if self.has_landing() {
            let landing = symbol(body.builder, signature, Symbol::Landing);
            body.builder.ins().call(landing, &values)
        } else {
            body.builder.ins().call_indirect(signature, target, &values)
        };
        let mut results = body.builder.inst_results(call).to_vec();
        if let DowncallResult::Memory { slot, moves } = &self.form.result {
            let to = object.ok_or(Malformed::Boxed)?;
            body.store_results(*slot, to, moves, &results)?;
        }
        if self.form.returned == Returned::Memory {
            results.clear();
        }
        Ok((body.finish_part(), results))
    }
}

/// Whether functions of the host unbox.
fn asks(form: &BoxedForm) -> bool {
    let mut ways = form.arguments.iter().flat_map(|argument| &argument.ways);
    ways.any(|way| matches!(way, Unbox::Call { .. }))
}

/// The parameters of the stub whose values are known after the check, with these.
fn known(form: &BoxedForm) -> impl Iterator<Item = (u8, i64)> {
    let Callable { arguments, zero, .. } = form.callable;
    let count = match arguments {
        Arguments::Array { count, count_mask: u64::MAX, .. } => Some((count, form.arguments.len() as i64)),
        Arguments::Array { .. } | Arguments::Parameters { .. } => None,
    };
    count.into_iter().chain(zero.map(|zero| (zero, 0)))
}

/// What the stub was entered with.
struct Entered {
    values: Vec<Value>,
    /// Where it lies on the stub's stack as well.
    kept: Option<StackSlot>,
    /// Whether the values themselves are there as long as arguments are unboxed.
    lasts: bool,
}

impl Entered {
    /// A parameter of the stub, wherever that is needed.
    fn parameter(&self, builder: &mut FunctionBuilder<'_>, index: u8) -> Value {
        match self.kept {
            None => self.values[usize::from(index)],
            Some(kept) => load_word(builder, kept, index.into()),
        }
    }

    /// The boxed argument of this number.
    fn argument(&self, builder: &mut FunctionBuilder<'_>, callable: Callable, number: u16) -> Value {
        match callable.arguments {
            Arguments::Parameters { first } => self.parameter(builder, first + number as u8),
            Arguments::Array { array, .. } => {
                let array = match self.lasts {
                    true => self.values[usize::from(array)],
                    false => self.parameter(builder, array),
                };
                builder.ins().load(types::I64, SLOT, array, slot_offset(number))
            }
        }
    }
}

/// Unboxed words on their way to the call.
enum Unboxed {
    /// In registers.
    Values(Vec<Value>),
    /// In canonical slots.
    Array(StackSlot),
}

impl Unboxed {
    fn add(&mut self, builder: &mut FunctionBuilder<'_>, index: u16, value: Value, plan: &Plan) {
        match self {
            Unboxed::Values(values) => values.push(value),
            Unboxed::Array(slots) => {
                // The bytes of a float are the less significant ones of its slot.
                let narrow = builder.func.dfg.value_type(value) == types::F32;
                let at = if narrow && plan.caller.is_big_endian() { 4 } else { 0 };
                builder.ins().stack_store(types::I64, value, *slots, slot_offset(index) + at);
            }
        }
    }
}

/// Calls the function that comes before the native one, and keeps what it returns.
fn before(builder: &mut FunctionBuilder<'_>, plan: &Plan, around: Around) -> StackSlot {
    let kept = stack_words(builder, 1);
    let state = ask_host(builder, plan, around.before, &[], types::I64);
    builder.ins().stack_store(types::I64, state, kept, 0);
    kept
}

/// Calls the function that comes after the native one, with what the one before it returned. Results are found anew.
fn after(
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
fn host_signature(plan: &Plan, parameters: &[Type], result: Option<Type>) -> Signature {
    let mut signature = Signature::new(native::call_conv(plan.caller));
    signature.params = parameters.iter().copied().map(AbiParam::new).collect();
    signature.returns = result.into_iter().map(AbiParam::new).collect();
    signature
}

/// What a function of the host returns.
fn ask_host(
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
fn tell_host(builder: &mut FunctionBuilder<'_>, plan: &Plan, function: HostAddress, word: Value) {
    let signature = builder.import_signature(host_signature(plan, &[types::I64], None));
    let function = address_in_hole(builder, signature, HoleKind::Host(function));
    builder.ins().call_indirect(signature, function, &[word]);
}

/// An address of the host: of a type, or of an object.
fn host_address(builder: &mut FunctionBuilder<'_>, plan: &Plan, address: HostAddress) -> Value {
    let signature = builder.import_signature(host_signature(plan, &[], None));
    address_in_hole(builder, signature, HoleKind::Host(address))
}

/// The bits of a word under a mask.
fn masked(builder: &mut FunctionBuilder<'_>, word: Value, mask: u64) -> Value {
    const LOW_HALF: u64 = u32::MAX as u64;
    match mask {
        u64::MAX => word,
        LOW_HALF => {
            let low = builder.ins().ireduce(types::I32, word);
            builder.ins().uextend(types::I64, low)
        }
        _ => builder.ins().band_imm_s(word, mask as i64),
    }
}

/// Goes on where a condition holds, and elsewhere where it does not.
fn go_on_if(builder: &mut FunctionBuilder<'_>, condition: Value, elsewhere: Block) {
    let ongoing = builder.create_block();
    builder.ins().brif(condition, ongoing, &[], elsewhere, &[]);
    stay_cold(builder, ongoing);
    builder.switch_to_block(ongoing);
}

/// What comes after cold code is cold as well.
fn stay_cold(builder: &mut FunctionBuilder<'_>, next: Block) {
    let current = builder.current_block().expect("a block is being built");
    if builder.func.layout.is_cold(current) {
        builder.set_cold_block(next);
    }
}

fn stack_words(builder: &mut FunctionBuilder<'_>, count: usize) -> StackSlot {
    let bytes = count as u32 * WORD;
    let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, WORD.trailing_zeros() as u8);
    builder.create_sized_stack_slot(data)
}

fn load_word(builder: &mut FunctionBuilder<'_>, slot: StackSlot, index: u16) -> Value {
    builder.ins().stack_load(types::I64, types::I64, slot, slot_offset(index))
}
