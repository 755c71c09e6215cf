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

mod call;
mod checks;
mod host;
mod result;
mod unbox;
mod words;

use cranelift_codegen::{
    ir::{Block, InstBuilder, Signature, Type, Value, types},
    isa::CallConv,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    BoxedForm, Move, Plan,
    boxed::{Arguments, Boxing, Callable, Unbox, Wanted},
};

use self::{
    checks::known,
    host::{after, before},
    words::{Entered, Unboxed},
};
use crate::{
    body::Built,
    error::Malformed,
    isa::Isa,
    memory::{keep, stack_words},
    native::{self, Argument},
    outgoing::Outgoing,
    symbol::address_in_hole,
    template::HoleKind,
    words::Words,
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
        let mut signature = native::function(self.plan.caller, parameters, &[types::I64]);
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
        let kept = Some(keep(builder, &values));
        Entered { values, kept, lasts }
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
}

/// Whether functions of the host unbox.
fn asks(form: &BoxedForm) -> bool {
    let mut ways = form.arguments.iter().flat_map(|argument| &argument.ways);
    ways.any(|way| matches!(way, Unbox::Call { .. }))
}
