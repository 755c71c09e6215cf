//! The `v8` entry: the C function that V8's fast API calls from optimised JavaScript.
//!
//! V8 passes the receiver, then one argument a parameter, then, where the signature needs it, a pointer to its
//! options. What V8 knows is coarser than C: integers of 32 or 64 bits, `float`, `double`, and values it does not
//! look into. An aggregate comes as the address of its bytes, and an aggregate result goes to the address that one
//! more argument holds.

use alloc::vec::Vec;

mod entered;
mod node;
mod profile;

pub use entered::Entered;
pub use node::{NodeFunction, NodeKind, NodeRefusal, node_eligible, node_eligible_call};
pub use profile::{Profile, Refusal};
use springboard_ir::{FloatFormat, Scalar, Signature};

use crate::entry::slots;
use crate::{
    ineligible::Ineligible,
    place::Place,
    plan::{Entry, Fill, Guard, Move, Operand, Parameter, Plan, ResultPlan, SlotForm},
    target::Target,
};

/// A function as V8 is to call it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FastCall {
    /// Its C type.
    pub signature: Signature,
    /// Which parameters are JavaScript values that the host unwraps to pointers, by their index.
    pub buffers: Vec<u16>,
    /// What is checked before anything else.
    pub guard: Guard,
    /// What is made of integers narrower than the 32 bits in which V8 passes them.
    pub narrow: Narrow,
    /// Whether V8 passes its options.
    pub options: Options,
}

/// Whether V8 passes a pointer to its options behind the arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Options {
    /// Where a buffer is to be unwrapped.
    ForBuffers,
    /// Always: V8 before 12.6 learns of an error through them alone.
    Always,
}

/// What a stub makes of a 32-bit argument for a narrower parameter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Narrow {
    /// Takes it to be in range, as it is where JavaScript checked it.
    Trust,
    /// Calls the host where it is not, and returns zero.
    Check,
}

impl FastCall {
    /// A call without buffers, guard and checks.
    pub fn new(signature: Signature) -> FastCall {
        FastCall {
            signature,
            buffers: Vec::new(),
            guard: Guard::None,
            narrow: Narrow::Trust,
            options: Options::ForBuffers,
        }
    }
}

/// Plans a fast call on `target`.
///
/// # Errors
/// As [`plan`](crate::plan); also where a buffer is no pointer parameter.
pub fn plan_fast_call(call: &FastCall, target: &Target) -> Result<Plan, Ineligible> {
    let FastCall { signature, buffers, guard, narrow, options } = call;
    let mut plan = slots::plan(signature, target, Entry::V8, None)?;
    let model = &target.model;
    let mut parameters = Vec::with_capacity(signature.params().len() + 2);
    for (index, param) in signature.params().iter().enumerate() {
        let form = SlotForm::of(&param.ty, model)?;
        let is_buffer = buffers.contains(&(index as u16));
        if is_buffer && form != SlotForm::Word(Scalar::Pointer) {
            return Err(Ineligible::BufferType { index: index as u16 });
        }
        parameters.push(match form {
            SlotForm::Word(_) if is_buffer => Parameter::Buffer,
            SlotForm::Word(scalar) => parameter(scalar, *narrow),
            // The address of its bytes.
            SlotForm::Address(_) | SlotForm::None => Parameter::Int64,
        });
    }
    let result = SlotForm::of(signature.result(), model)?;
    if let SlotForm::Address(_) = result {
        parameters.push(Parameter::Int64);
    }
    for step in &mut plan.moves {
        if let Operand::Slot { index, .. } = step.operand {
            adapt(step, parameters[usize::from(index)], signature, index, target)?;
        }
    }
    let refuses = *guard != Guard::None || parameters.iter().any(Parameter::is_refused);
    match (result, &plan.result) {
        (SlotForm::Word(scalar @ (Scalar::Bool | Scalar::Int { bytes: 1 | 2, .. })), ResultPlan::InPlace) => {
            plan.result = ResultPlan::Extended { bytes: scalar.bytes(model), fill: Fill::of(scalar) };
        }
        (SlotForm::Word(Scalar::Float(FloatFormat::F32)), ResultPlan::InPlace)
            if refuses && target.convention.rules().float_keeps_width =>
        {
            plan.result = ResultPlan::FloatInPlace;
        }
        _ => {}
    }
    if *options == Options::Always || parameters.contains(&Parameter::Buffer) {
        parameters.push(Parameter::Options);
    }
    // A narrower move begins further up in its word.
    plan.moves.sort_unstable();
    plan.parameters = parameters.into();
    plan.guard = *guard;
    Ok(plan)
}

impl Parameter {
    /// Whether a stub returns zero for some values of it.
    fn is_refused(&self) -> bool {
        matches!(self, Parameter::Narrow { .. } | Parameter::Buffer)
    }
}

/// How V8 passes a scalar.
fn parameter(scalar: Scalar, narrow: Narrow) -> Parameter {
    match scalar {
        Scalar::Float(FloatFormat::F32) => Parameter::Float,
        Scalar::Float(_) => Parameter::Double,
        Scalar::Bool if narrow == Narrow::Check => Parameter::Narrow { bytes: 1, fill: Fill::Zero },
        Scalar::Int { bytes: bytes @ (1 | 2), .. } if narrow == Narrow::Check => {
            Parameter::Narrow { bytes, fill: Fill::of(scalar) }
        }
        Scalar::Bool | Scalar::Int { bytes: 1..=4, .. } => Parameter::Int32,
        Scalar::Int { .. } | Scalar::Pointer | Scalar::Vector { .. } => Parameter::Int64,
    }
}

/// Turns the move of a canonical slot into that of a parameter, which is only as wide as V8 makes it.
fn adapt(
    step: &mut Move,
    parameter: Parameter,
    signature: &Signature,
    index: u16,
    target: &Target,
) -> Result<(), Ineligible> {
    let rules = target.convention.rules();
    match (parameter, step.place) {
        (Parameter::Float, Place::Vec { .. }) => step.bytes = 4,
        // A move of less than a word (a packed stack, an integer that is extended by another sign than its own) takes
        // its own bytes already.
        (Parameter::Int32 | Parameter::Narrow { .. }, _) if rules.caller_extends && step.bytes == 8 => {
            let param = &signature.params()[usize::from(index)];
            if let SlotForm::Word(scalar) = SlotForm::of(&param.ty, &target.model)? {
                step.bytes = scalar.bytes(&target.model);
                step.fill = Fill::of(scalar);
                if rules.big_endian {
                    let above = 8 - step.bytes;
                    step.operand = Operand::Slot { index, at: above };
                    match &mut step.place {
                        Place::Gpr { at, .. } | Place::Vec { at, .. } => *at = above,
                        Place::Stack { offset } => *offset += u32::from(above),
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}
