//! How a downcall stub is entered: its own parameters, and what the rest of it finds in them.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, SigRef, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Form, Parameter, Plan};

use crate::{
    body::Source,
    error::Malformed,
    isa::Isa,
    last_error,
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
        Entered { plan, target, slots, burnt }
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
        // Floats for which there is no float register are passed as integers there. They stay that, where the CPU has no
        // register of the other class to spare.
        let integers_after = match Isa::with(self.plan.caller).spare_vectors {
            false => self.plan.caller.registers().vec_args.len(),
            true => usize::MAX,
        };
        // Where the stack is packed, a narrow integer on it takes no more than its own bytes.
        let (mut floats, mut integers) = (0, 1);
        let packed_after = match self.plan.caller {
            Convention::Apple64 => self.plan.caller.registers().gpr_args.len(),
            _ => usize::MAX,
        };
        let parameters = fast.parameters.iter().map(|parameter| match parameter {
            Parameter::Float | Parameter::Double | Parameter::Exact { .. } if floats >= integers_after => {
                types::I64
            }
            Parameter::Float | Parameter::Double | Parameter::Exact { .. } => {
                floats += 1;
                if *parameter == Parameter::Float { types::F32 } else { types::F64 }
            }
            Parameter::Int32
            | Parameter::Int64
            | Parameter::Narrow { .. }
            | Parameter::Buffer
            | Parameter::Options => {
                integers += 1;
                match parameter {
                    Parameter::Int32 | Parameter::Narrow { .. } if integers > packed_after => types::I32,
                    _ => types::I64,
                }
            }
        });
        // The receiver comes first.
        [types::I64].into_iter().chain(parameters).collect()
    }

    /// Whether all parameters come in registers.
    pub(crate) fn in_registers(&self) -> bool {
        let registers = self.plan.caller.registers();
        let types = self.types();
        let gprs = types.iter().filter(|ty| ty.is_int()).count();
        gprs <= registers.gpr_args.len() && types.len() - gprs <= registers.vec_args.len()
    }

    /// The address of the native function.
    pub(crate) fn target(
        &self,
        builder: &mut FunctionBuilder<'_>,
        found: &[Value],
        source: &Source,
        signature: SigRef,
    ) -> Value {
        match (self.target, source, &self.plan.form) {
            (Some(index), ..) => found[index],
            (None, Source::Parameters(parameters), Form::Direct { .. }) => {
                // The context is the last of them, and its first word is the address.
                let context = parameters[parameters.len() - 1];
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
        signature: SigRef,
    ) -> Result<Source, Malformed> {
        let with_hole = |builder: &mut FunctionBuilder<'_>, kind| {
            let last = address_in_hole(builder, signature, kind);
            Source::Parameters(found.iter().copied().chain([last]).collect())
        };
        Ok(match (&self.plan.form, self.slots) {
            (Form::V8(fast), _) => prelude::build(builder, self.plan, fast, found)?,
            (Form::Direct { .. }, _) => with_hole(builder, HoleKind::Context),
            (Form::Avalue(_), Some(array)) => Source::Avalue { array: found[array], result: found[1] },
            (_, Some(slots)) => Source::Array(found[slots]),
            (_, None) => with_hole(builder, HoleKind::Target),
        })
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
