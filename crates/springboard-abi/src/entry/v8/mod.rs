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
use springboard_ir::{DataModel, FloatFormat, Scalar, Signature};

use super::{downcall::Downcall, moves::word_move};
use crate::{
    ineligible::Ineligible,
    place::Place,
    plan::{DowncallResult, FastForm, Fill, Form, Guard, Move, Operand, Parameter, Plan, SlotForm},
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

    /// What V8 passes after the receiver: the arguments, the address of the result's memory where it has one, and the
    /// options.
    ///
    /// # Errors
    /// Where a type has no layout, or a buffer is not a pointer parameter.
    pub fn parameters(&self, model: &DataModel) -> Result<Vec<Parameter>, Ineligible> {
        self.check_buffers(model)?;
        let mut parameters = Vec::with_capacity(self.signature.params().len() + 2);
        for (index, param) in (0..).zip(self.signature.params()) {
            parameters.push(match SlotForm::of(&param.ty, model)? {
                SlotForm::Word(_) if self.buffers.contains(&index) => Parameter::Buffer,
                SlotForm::Word(scalar) => parameter(scalar, self.narrow),
                // The address of its bytes.
                SlotForm::Address(_) | SlotForm::None => Parameter::Int64,
            });
        }
        if let SlotForm::Address(_) = SlotForm::of(self.signature.result(), model)? {
            parameters.push(Parameter::Int64);
        }
        if self.takes_options() {
            parameters.push(Parameter::Options);
        }
        Ok(parameters)
    }

    /// Whether every buffer is a pointer parameter.
    ///
    /// # Errors
    /// [`Ineligible::BufferType`] for the first that is not, or is not a parameter at all.
    pub fn check_buffers(&self, model: &DataModel) -> Result<(), Ineligible> {
        for &index in &self.buffers {
            let form =
                self.signature.params().get(usize::from(index)).map(|param| SlotForm::of(&param.ty, model));
            if form.transpose()? != Some(SlotForm::Word(Scalar::Pointer)) {
                return Err(Ineligible::BufferType { index });
            }
        }
        Ok(())
    }

    /// Whether V8 passes its options.
    pub fn takes_options(&self) -> bool {
        self.options == Options::Always || !self.buffers.is_empty()
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

/// Plans a fast call on `target`.
///
/// # Errors
/// As [`plan`](crate::plan); also where a buffer is not a pointer parameter.
pub fn plan_fast_call(call: &FastCall, target: &Target) -> Result<Plan, Ineligible> {
    let mut native = Downcall::of(&call.signature, target, word_move)?;
    let parameters = call.parameters(&target.model)?;
    for step in &mut native.moves {
        if let Operand::Slot { index, .. } = step.operand {
            adapt(step, parameters[usize::from(index)], &call.signature, index, target)?;
        }
    }
    let refuses = call.guard != Guard::None || parameters.iter().any(Parameter::is_refused);
    let result = match native.result {
        SlotForm::Word(scalar @ (Scalar::Bool | Scalar::Int { bytes: 1 | 2, .. })) => {
            DowncallResult::Extended { bytes: scalar.bytes(&target.model), fill: Fill::of(scalar) }
        }
        SlotForm::Word(Scalar::Float(FloatFormat::F32))
            if refuses && target.convention.rules().float_keeps_width =>
        {
            DowncallResult::FloatInPlace
        }
        _ => native.result(),
    };
    let form = FastForm { parameters: parameters.into(), guard: call.guard, result };
    Ok(native.plan(target, Form::V8(form)))
}

impl Parameter {
    /// Whether a stub returns zero for some values of it.
    fn is_refused(&self) -> bool {
        matches!(self, Parameter::Narrow { .. } | Parameter::Buffer)
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
