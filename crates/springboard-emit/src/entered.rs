//! How a downcall stub is entered: its own parameters, and what the rest of it finds in them.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, SigRef, StackSlot, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, FastForm, Form, Parameter, Place, Plan};

use crate::{
    body::{Kept, Source},
    error::Malformed,
    isa::Isa,
    last_error,
    memory::{keep, load_word, slot_offset},
    native::{Argument, Register},
    prelude,
    symbol::address_in_hole,
    template::HoleKind,
};

/// The parameters of a stub.
pub(crate) struct Entered<'a> {
    plan: &'a Plan,
    /// Which parameter is the target's address. `None` where it is in a hole, or found through one.
    target: Option<usize>,
    /// Which parameter is the address of the slots. `None` where there are no slots.
    pub(crate) slots: Option<usize>,
    /// How many registers of each class the stub must find its caller's leftovers in, to burn them.
    burnt: (usize, usize),
    /// How it finds its arguments.
    arriving: Arriving,
}

/// How a stub finds what its caller passes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arriving {
    /// In parameters, all of which are in registers at the beginning.
    InParameters,
    /// On the caller's stack, and all that comes in registers on the stub's own: nothing has to be kept in a register.
    OnStack,
}

impl<'a> Entered<'a> {
    pub(crate) fn of(plan: &'a Plan, arguments: &[Argument<'_>]) -> Entered<'a> {
        let (target, slots) = match plan.form {
            Form::Slots(_) => (Some(0), Some(1)),
            Form::Bound(_) => (None, Some(0)),
            Form::Avalue(_) => (Some(0), Some(2)),
            _ => (None, None),
        };
        let registers = plan.caller.registers();
        let mut burnt = (0, 0);
        let untouched = slots.is_some() && !last_error::calls_before(plan);
        for argument in arguments.iter().filter(|_| untouched) {
            match argument {
                Argument::Burnt(Register::Gpr(_)) => burnt.0 = registers.gpr_args.len(),
                Argument::Burnt(Register::Vec(_)) => burnt.1 = registers.vec_args.len(),
                _ => {}
            }
        }
        Entered { plan, target, slots, burnt, arriving: Arriving::InParameters }
    }

    /// The same, with everything on the stack.
    pub(crate) fn on_the_stack(self) -> Entered<'a> {
        Entered { burnt: (0, 0), arriving: Arriving::OnStack, ..self }
    }

    /// Whether nothing has to be kept in a register.
    pub(crate) fn is_on_the_stack(&self) -> bool {
        self.arriving == Arriving::OnStack
    }

    /// Keeps parameters on the stub's stack, if that is where it finds them.
    pub(crate) fn keep(&self, builder: &mut FunctionBuilder<'_>, found: &[Value]) -> Option<StackSlot> {
        self.is_on_the_stack().then(|| keep(builder, found))
    }

    /// The types of the stub's parameters.
    pub(crate) fn types(&self) -> Vec<Type> {
        if let Some(slots) = self.slots {
            let own = slots + 1 + usize::from(last_error::is_handed_over(self.plan));
            let gprs = self.burnt.0.max(own);
            return [types::I64].repeat(gprs).into_iter().chain([types::F64].repeat(self.burnt.1)).collect();
        }
        let fast = match &self.plan.form {
            Form::V8(fast) => fast,
            Form::Direct { context } => return vec![types::I64; usize::from(*context)],
            // The slots.
            _ => return vec![types::I64],
        };
        let spare_vectors = Isa::with(self.plan.caller).spare_vectors;
        // Where the stack is packed, a narrow integer on it takes no more than its own bytes.
        let is_packed = self.plan.caller == Convention::Apple64;
        let found =
            self.places(fast).into_iter().zip(&fast.parameters).filter(|(place, _)| self.is_found(*place));
        let parameters = found.map(|(place, parameter)| match (place, parameter) {
            // A float that comes in no float register stays an integer, where the CPU has none to spare.
            (Place::Gpr { .. }, _) => types::I64,
            (Place::Stack { .. }, Parameter::Int32 | Parameter::Narrow { .. }) if is_packed => types::I32,
            (Place::Stack { .. }, _) if !spare_vectors => types::I64,
            (_, Parameter::Float) => types::F32,
            (_, Parameter::Double | Parameter::Exact { .. }) => types::F64,
            _ => types::I64,
        });
        // The receiver comes first.
        [types::I64].into_iter().chain(parameters).collect()
    }

    /// Where the parameters of a stub of V8's come, without the receiver.
    fn places(&self, fast: &FastForm) -> Vec<Place> {
        fast.entered(self.plan.caller).map(|entered| entered.parameters).unwrap_or_default()
    }

    /// Whether what comes in a place is a parameter of the stub's function.
    fn is_found(&self, place: Place) -> bool {
        self.arriving == Arriving::InParameters || !matches!(place, Place::Stack { .. })
    }

    /// Whether all parameters come in registers.
    pub(crate) fn in_registers(&self) -> bool {
        match &self.plan.form {
            Form::V8(fast) => !self.places(fast).iter().any(|place| matches!(place, Place::Stack { .. })),
            _ => self.types().len() <= self.plan.caller.registers().gpr_args.len() + self.burnt.1,
        }
    }

    /// The address of the native function. `last` is the last word that the stub's arguments are made of.
    pub(crate) fn target(
        &self,
        builder: &mut FunctionBuilder<'_>,
        found: &[Value],
        kept: Option<StackSlot>,
        last: Option<Kept>,
        signature: SigRef,
    ) -> Value {
        match (self.target, last, &self.plan.form) {
            (Some(index), ..) => match kept {
                Some(kept) => load_word(builder, kept, index as u16),
                None => found[index],
            },
            (None, Some(context), Form::Direct { .. }) => {
                // The first word of the context is the address.
                let context = context.value(builder);
                builder.ins().load(types::I64, MemFlagsData::trusted(), context, 0)
            }
            (None, _, Form::Relay) => address_in_hole(builder, signature, HoleKind::Helper),
            (None, ..) => address_in_hole(builder, signature, HoleKind::Target),
        }
    }

    /// Where the arguments are.
    pub(crate) fn source(
        &self,
        builder: &mut FunctionBuilder<'_>,
        found: &[Value],
        kept: Option<StackSlot>,
        signature: SigRef,
    ) -> Result<Source, Malformed> {
        let with_hole = |builder: &mut FunctionBuilder<'_>, kind| {
            let last = address_in_hole(builder, signature, kind);
            Source::Words(found.iter().copied().chain([last]).map(Kept::Value).collect())
        };
        Ok(match (&self.plan.form, self.slots) {
            (Form::V8(fast), _) => prelude::build(builder, self.plan, fast, self.words(fast, found, kept))?,
            (Form::Direct { .. }, _) => with_hole(builder, HoleKind::Context),
            (Form::Avalue(_), Some(array)) => Source::Avalue { array: found[array], result: found[1] },
            (_, Some(slots)) => Source::Array(found[slots]),
            (_, None) => with_hole(builder, HoleKind::Target),
        })
    }

    /// Where the arguments of V8 are.
    fn words(&self, fast: &FastForm, found: &[Value], kept: Option<StackSlot>) -> Vec<Kept> {
        // The receiver comes first.
        let mut found = (0..).zip(found).skip(1);
        let word = |place| match (place, kept) {
            (Place::Stack { offset }, Some(_)) => Some(Kept::Arrived(offset, self.plan.caller)),
            (_, Some(kept)) => found.next().map(|(index, _)| Kept::Stack(kept, slot_offset(index))),
            (_, None) => found.next().map(|(_, value)| Kept::Value(*value)),
        };
        self.places(fast).into_iter().filter_map(word).collect()
    }

    /// Something to burn a register with: what is in it anyway, where the stub is free to say that it wants it.
    pub(crate) fn burnt(
        &self,
        builder: &mut FunctionBuilder<'_>,
        found: &[Value],
        register: Register,
    ) -> Value {
        match register {
            Register::Gpr(index) if index < self.burnt.0 => found[index],
            Register::Vec(index) if index < self.burnt.1 => found[found.len() - self.burnt.1 + index],
            Register::Gpr(_) => found[0],
            Register::Vec(_) => builder.ins().f64const(0.0),
        }
    }
}
