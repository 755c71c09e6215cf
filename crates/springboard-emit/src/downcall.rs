//! Downcall stubs, `fn(target, slots)` and `fn(slots)`: what they look like from outside, and the steps of building
//! one.

use cranelift_codegen::{
    ir::{AbiParam, InstBuilder, Signature, Type, Value, types},
    isa::CallConv,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Entry, Plan, ResultPlan};

use crate::{
    body::{Body, Notes},
    landing::Landing,
    native::{self, Argument, Register},
    symbol::{Symbol, address_in_hole, symbol},
    template::HoleKind,
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
    fn of(plan: &Plan) -> Reach {
        if Landing::of(plan).is_some() {
            return Reach::Landing;
        }
        // Cranelift's `tail` convention is the platform's own, as far as register arguments and callee-saved
        // registers go, on this target alone.
        let same_registers = plan.caller == Convention::Sysv64 && plan.convention == Convention::Sysv64;
        let nothing_to_do_after = plan.result == ResultPlan::InPlace;
        let nothing_on_the_stack = plan.stack_bytes == 0 && plan.temporaries.is_empty();
        if same_registers && nothing_to_do_after && nothing_on_the_stack {
            Reach::TailJump
        } else {
            Reach::Call
        }
    }
}

/// A downcall in Cranelift's terms.
pub(crate) struct Downcall<'a> {
    plan: &'a Plan,
    reach: Reach,
    arguments: Vec<Argument<'a>>,
    /// Which parameter of the stub is the target's address. `None` where it is in a hole.
    target: Option<usize>,
    /// Which parameter of the stub is the address of the slots.
    slots: usize,
    /// How many registers of each class the stub must find its caller's leftovers in, to burn them.
    burnt: (usize, usize),
}

impl<'a> Downcall<'a> {
    pub(crate) fn of(plan: &'a Plan) -> Downcall<'a> {
        let reach = Reach::of(plan);
        let words = Words::of(plan);
        let arguments = native::arguments(plan, &words, reach == Reach::Landing);
        let (target, slots) = match plan.entry {
            Entry::Bound => (None, 0),
            _ => (Some(0), 1),
        };
        let registers = plan.caller.registers();
        let mut burnt = (0, 0);
        for argument in &arguments {
            match argument {
                Argument::Burnt(Register::Gpr(_)) => burnt.0 = registers.gpr_args.len(),
                Argument::Burnt(Register::Vec(_)) => burnt.1 = registers.vec_args.len(),
                _ => {}
            }
        }
        Downcall { plan, reach, arguments, target, slots, burnt }
    }

    /// The signature by which the stub is entered: its parameters, and the registers that are burnt.
    pub(crate) fn entry_signature(&self) -> Signature {
        let mut signature = Signature::new(match self.reach {
            Reach::TailJump => CallConv::Tail,
            Reach::Call | Reach::Landing => native::call_conv(self.plan.caller),
        });
        let gprs = self.burnt.0.max(self.slots + 1);
        let params = [types::I64].repeat(gprs).into_iter().chain([types::F64].repeat(self.burnt.1));
        signature.params = params.map(AbiParam::new).collect();
        signature.returns = self.results_in_place().into_iter().map(AbiParam::new).collect();
        signature
    }

    /// The registers that the stub returns as the callee left them.
    fn results_in_place(&self) -> Vec<Type> {
        match (self.reach, &self.plan.result) {
            (Reach::Call | Reach::Landing, ResultPlan::InPlace) => native::result_types(self.plan),
            _ => Vec::new(),
        }
    }

    /// Builds the whole function.
    pub(crate) fn build(&self, builder: &mut FunctionBuilder<'_>) -> Notes {
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        let found = builder.block_params(block).to_vec();
        let burnt = |register| match register {
            Register::Gpr(index) => found[index],
            Register::Vec(index) => found[found.len() - self.burnt.1 + index],
        };

        let mut signature = native::signature(self.plan, &self.arguments);
        if self.reach == Reach::TailJump {
            signature.call_conv = CallConv::Tail;
            signature.returns.clear();
        }
        let signature = builder.import_signature(signature);
        let target = match self.target {
            Some(index) => found[index],
            None => address_in_hole(builder, signature, HoleKind::Target),
        };
        let mut body = Body::new(builder, found[self.slots], self.plan);
        body.copy_temporaries(self.plan);
        let address = body.keep_result_address(self.plan);
        let values = self.values(&mut body, target, burnt);
        let call = match self.reach {
            Reach::TailJump => {
                body.builder.ins().return_call_indirect(signature, target, &values);
                return body.finish();
            }
            Reach::Call => body.builder.ins().call_indirect(signature, target, &values),
            Reach::Landing => {
                let landing = symbol(body.builder, signature, Symbol::Landing);
                body.builder.ins().call(landing, &values)
            }
        };
        let results = body.builder.inst_results(call).to_vec();
        match (&self.plan.result, address) {
            (ResultPlan::Memory { slot, moves }, Some(address)) => {
                body.store_results(*slot, address, moves, &results);
                body.builder.ins().return_(&[])
            }
            _ => body.builder.ins().return_(&results),
        };
        body.finish()
    }

    /// The values of all arguments. What ends in the register of the slots is loaded last, so that it need not be
    /// moved there.
    fn values(
        &self,
        body: &mut Body<'_, '_>,
        target: Value,
        burnt: impl Fn(Register) -> Value,
    ) -> Vec<Value> {
        let last = self.arguments.iter().position(|argument| {
            matches!(argument, Argument::Word(_, moves) if Register::of(moves[0].place) == Some(Register::Gpr(self.slots)))
        });
        let mut values = vec![target; self.arguments.len()];
        for index in (0..values.len()).filter(|index| Some(*index) != last).chain(last) {
            values[index] = match self.arguments[index] {
                Argument::Word(ty, moves) => body.word(ty, moves),
                Argument::Burnt(register) => burnt(register),
                Argument::Padding | Argument::Target => target,
            };
        }
        values
    }
}
