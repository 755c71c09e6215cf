//! Downcall stubs: the steps of building one.

use cranelift_codegen::{
    ir::{InstBuilder, Signature, Type, Value, types},
    isa::CallConv,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, DowncallResult, Form, Move, Plan};

use crate::{
    body::{Body, Built, extended},
    entered::Entered,
    error::Malformed,
    isa::Isa,
    last_error,
    memory::load_word,
    native::{self, Argument, Register},
    outgoing::Outgoing,
    prelude,
    symbol::{Symbol, symbol},
    words::Words,
};

/// How a stub reaches the native function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// By a jump, with nothing of the stub left on the stack: the callee returns to the stub's caller.
    TailJump,
    /// By a call through the pointer.
    Call,
    /// By a call of the stub's own landing, which jumps on.
    Landing,
}

impl Reach {
    fn of(plan: &Plan, result: &DowncallResult, entered: &Entered<'_>) -> Reach {
        let isa = Isa::with(plan.convention);
        if (isa.landing)(plan).is_some() {
            return Reach::Landing;
        }
        let same_registers = (isa.jumps)(plan.caller, plan.convention);
        let nothing_to_do_after = *result == DowncallResult::InPlace && plan.form.last_error().is_none();
        let nothing_on_the_stack = plan.stack_bytes == 0 && plan.temporaries.is_empty();
        if same_registers && nothing_to_do_after && nothing_on_the_stack && entered.in_registers() {
            Reach::TailJump
        } else {
            Reach::Call
        }
    }
}

/// A downcall in Cranelift's terms.
pub(crate) struct Downcall<'a> {
    plan: &'a Plan,
    result: &'a DowncallResult,
    reach: Reach,
    arguments: Vec<Argument<'a>>,
    /// The words of the stack area.
    stack: Vec<&'a [Move]>,
    entered: Entered<'a>,
}

impl<'a> Downcall<'a> {
    pub(crate) fn of(plan: &'a Plan, result: &'a DowncallResult) -> Downcall<'a> {
        let words = Words::of(plan);
        let arguments = native::in_registers(plan, &words);
        let entered = Entered::of(plan, &arguments);
        let reach = Reach::of(plan, result, &entered);
        Downcall { plan, result, reach, arguments, stack: words.stack, entered }
    }

    /// The same, with its parameters on the stack.
    pub(crate) fn on_the_stack(self) -> Downcall<'a> {
        Downcall { entered: self.entered.on_the_stack(), ..self }
    }

    /// The signature by which the stub is entered.
    pub(crate) fn entry_signature(&self) -> Signature {
        let mut signature = native::function(self.plan.caller, &self.entered.types(), &self.results());
        if self.reach == Reach::TailJump {
            signature.call_conv = CallConv::Tail;
        }
        signature
    }

    /// The registers that the stub returns.
    fn results(&self) -> Vec<Type> {
        match self.result {
            DowncallResult::InPlace | DowncallResult::FloatInPlace | DowncallResult::Extended { .. } => {
                native::downcall_results(self.plan, self.result)
            }
            DowncallResult::Memory { .. } | DowncallResult::Widened { .. } => Vec::new(),
        }
    }

    /// The convention of functions of the host that the stub calls as well, if it calls any.
    fn host(&self) -> Option<Convention> {
        let prelude = matches!(&self.plan.form, Form::V8(fast) if prelude::calls_host(self.plan, fast));
        (prelude || self.plan.form.last_error().is_some()).then_some(self.plan.caller)
    }

    /// Builds the whole function.
    pub(crate) fn build(&self, builder: &mut FunctionBuilder<'_>) -> Result<Built, Malformed> {
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        let found = builder.block_params(block).to_vec();
        let found = found.into_iter().map(|value| whole(builder, value)).collect();
        // A landing finds the target after the last argument.
        let words = self.stack.len() + usize::from(self.reach == Reach::Landing);
        let outgoing = Outgoing::reserve(builder, self.plan, self.host(), words);
        let (found, kept) = last_error::before(builder, self.plan, found, self.entered.slots)?;

        let mut signature =
            native::signature(self.plan, &self.arguments, &native::downcall_results(self.plan, self.result));
        if self.reach == Reach::TailJump {
            signature.call_conv = CallConv::Tail;
        }
        let signature = builder.import_signature(signature);
        let on_stack = self.entered.keep(builder, &found);
        let source = self.entered.source(builder, &found, on_stack, signature)?;
        let last = source.last();
        let mut body = Body::new(builder, source, self.plan);
        body.copy_temporaries(self.plan);
        let target = |builder: &mut FunctionBuilder<'_>| {
            self.entered.target(builder, &found, on_stack, last, signature)
        };
        // Found last, where registers are few, unless the landing has to find it.
        let late = self.entered.is_on_the_stack() && self.reach != Reach::Landing;
        let early = if late { None } else { Some(target(body.builder)) };
        let address = match self.result {
            DowncallResult::Memory { slot, .. } | DowncallResult::Widened { slot, .. } => {
                Some(body.keep_result_address(*slot))
            }
            _ => None,
        };
        if let Some(outgoing) = outgoing {
            if let (Reach::Landing, Some(target)) = (self.reach, early) {
                let address = outgoing.address(body.builder);
                outgoing.store(body.builder, address, self.stack.len(), target);
            }
            body.store_stack(outgoing, &self.stack)?;
        }
        let (target, values) = self.values(&mut body, early, target, &found)?;
        let call = match self.reach {
            Reach::TailJump => {
                body.builder.ins().return_call_indirect(signature, target, &values);
                return Ok(Built { notes: body.finish(), outgoing });
            }
            Reach::Call => body.builder.ins().call_indirect(signature, target, &values),
            Reach::Landing => {
                let landing = symbol(body.builder, signature, Symbol::Landing);
                body.builder.ins().call(landing, &values)
            }
        };
        let mut results = body.builder.inst_results(call).to_vec();
        match (self.result, address) {
            (DowncallResult::Memory { slot, moves }, Some(address)) => {
                let address = load_word(body.builder, address, 0);
                body.store_results(*slot, address, moves, &results)?;
                results.clear();
            }
            (DowncallResult::Widened { slot, bytes, fill }, Some(address)) => {
                body.store_widened(*slot, address, results[0], *bytes, *fill)?;
                results.clear();
            }
            (DowncallResult::Extended { bytes, fill }, _) => {
                results[0] = extended(body.builder, results[0], *bytes, *fill)?;
            }
            _ => {}
        }
        if let Some(kept) = kept {
            results = last_error::after(body.builder, self.plan, &kept, results);
        }
        body.builder.ins().return_(&results);
        Ok(Built { notes: body.finish(), outgoing })
    }

    /// The target, and the values of all arguments. What ends in the register of the slots is loaded last, so that it need
    /// not be moved there.
    fn values(
        &self,
        body: &mut Body<'_, '_>,
        early: Option<Value>,
        target: impl Fn(&mut FunctionBuilder<'_>) -> Value,
        found: &[Value],
    ) -> Result<(Value, Vec<Value>), Malformed> {
        let Some(target) = early else {
            // With as few registers as can be.
            let composed = body.keep_composed(&self.arguments)?;
            return body.values(&self.arguments, &composed, target);
        };
        let slots = self.entered.slots.map(Register::Gpr);
        let last = self.arguments.iter().position(|argument| {
            matches!(argument, Argument::Word(_, moves) if slots.is_some() && Register::of(moves[0].place) == slots)
        });
        let mut values = vec![target; self.arguments.len()];
        for index in (0..values.len()).filter(|index| Some(*index) != last).chain(last) {
            values[index] = match self.arguments[index] {
                Argument::Word(ty, moves) => body.word(ty, moves)?,
                Argument::Burnt(register) => self.entered.burnt(body.builder, found, register),
            };
        }
        Ok((target, values))
    }
}

/// A parameter in a general register as a word, of which its own bytes are defined.
fn whole(builder: &mut FunctionBuilder<'_>, value: Value) -> Value {
    match builder.func.dfg.value_type(value) {
        types::I32 => builder.ins().uextend(types::I64, value),
        _ => value,
    }
}
