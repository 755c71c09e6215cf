//! The `v8` entry: the C function that V8's fast API calls from optimised JavaScript.
//!
//! V8 passes the receiver, then one argument per parameter, then, where the signature needs it, a pointer to its
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
use springboard_ir::{DataModel, FloatFormat, Layout, Scalar, Signature};

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
    /// How integers of at most 32 bits are passed and checked.
    pub narrow: Narrow,
    /// Whether V8 passes its options.
    pub options: Options,
}

/// Whether V8 passes a pointer to its options after the arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Options {
    /// Where a buffer is to be unwrapped.
    ForBuffers,
    /// Always: V8 before 12.6 learns of an error through them alone.
    Always,
}

/// How V8 passes an integer of at most 32 bits, and whether the stub checks it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Narrow {
    /// As 32 bits, which are taken to be in range, as they are where JavaScript checked them.
    Trust,
    /// As 32 bits. Where they are out of range of a narrower type, the stub calls the host and returns zero.
    Check,
    /// As a `double`. Where it is no whole number in range, the stub calls the host and returns zero. V8 itself takes
    /// numbers modulo 2^32 to make 32 bits of them, after which nobody could tell.
    Exact,
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

    /// What V8 passes after the receiver and before its options: one argument per parameter, and the address to which a
    /// result in memory goes.
    ///
    /// # Errors
    /// A buffer that is not a pointer; a type without a layout.
    pub fn passed(&self, model: &DataModel) -> Result<Vec<Passed>, Ineligible> {
        let FastCall { signature, buffers, .. } = self;
        let mut passed = Vec::with_capacity(signature.params().len() + 2);
        for (param, index) in signature.params().iter().zip(0..) {
            passed.push(match SlotForm::of(&param.ty, model)? {
                SlotForm::Word(Scalar::Pointer) if buffers.contains(&index) => Passed::Buffer,
                _ if buffers.contains(&index) => return Err(Ineligible::BufferType { index }),
                SlotForm::Word(scalar) => Passed::Scalar(scalar),
                SlotForm::Address(layout) => Passed::Address(layout),
                // Of `void` nothing is passed; no signature has such a parameter.
                SlotForm::None => continue,
            });
        }
        if let SlotForm::Address(layout) = SlotForm::of(signature.result(), model)? {
            passed.push(Passed::Address(layout));
        }
        Ok(passed)
    }

    /// Whether V8 passes a pointer to its options after the arguments.
    pub fn takes_options(&self) -> bool {
        let count = self.signature.params().len();
        self.options == Options::Always || self.buffers.iter().any(|index| usize::from(*index) < count)
    }
}

/// How V8 passes an argument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Passed {
    /// Itself, in 32 or 64 bits.
    Scalar(Scalar),
    /// As a JavaScript value, which the host unwraps to the address of its memory.
    Buffer,
    /// By the address of its bytes.
    Address(Layout),
}

/// Plans a fast call on `target`.
///
/// # Errors
/// As [`plan`](crate::plan); also where a buffer is not a pointer parameter.
pub fn plan_fast_call(call: &FastCall, target: &Target) -> Result<Plan, Ineligible> {
    let target = &target.calling_as(&call.signature)?;
    let mut native = Downcall::of(&call.signature, target, word_move)?;
    let passed = call.passed(&target.model)?;
    for step in &mut native.moves {
        if let Operand::Slot { index, .. } = step.operand {
            adapt(step, passed[usize::from(index)], index, target);
        }
    }
    let mut parameters: Vec<_> = passed.iter().map(|passed| parameter(*passed, call.narrow)).collect();
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
    if call.takes_options() {
        parameters.push(Parameter::Options);
    }
    let form = FastForm { parameters: parameters.into(), guard: call.guard, result };
    Ok(native.plan(target, Form::V8(form)))
}

impl Parameter {
    /// Whether a stub returns zero for some values of it.
    fn is_refused(&self) -> bool {
        matches!(self, Parameter::Narrow { .. } | Parameter::Exact { .. } | Parameter::Buffer)
    }
}

/// What a stub makes of an argument.
fn parameter(passed: Passed, narrow: Narrow) -> Parameter {
    let scalar = match passed {
        Passed::Scalar(scalar) => scalar,
        Passed::Buffer => return Parameter::Buffer,
        Passed::Address(_) => return Parameter::Int64,
    };
    match scalar {
        Scalar::Float(FloatFormat::F32) => Parameter::Float,
        Scalar::Float(_) => Parameter::Double,
        Scalar::Bool if narrow == Narrow::Check => Parameter::Narrow { bytes: 1, fill: Fill::Zero },
        Scalar::Int { bytes: bytes @ (1 | 2), .. } if narrow == Narrow::Check => {
            Parameter::Narrow { bytes, fill: Fill::of(scalar) }
        }
        Scalar::Int { bytes: bytes @ 1..=4, .. } if narrow == Narrow::Exact => {
            Parameter::Exact { bytes, fill: Fill::of(scalar) }
        }
        Scalar::Bool | Scalar::Int { bytes: 1..=4, .. } => Parameter::Int32,
        Scalar::Int { .. } | Scalar::Pointer | Scalar::Vector { .. } => Parameter::Int64,
    }
}

/// Turns the move of a canonical slot into that of an argument, which is only as wide as V8 makes it.
fn adapt(step: &mut Move, passed: Passed, index: u16, target: &Target) {
    let rules = target.convention.rules();
    let Passed::Scalar(scalar) = passed else { return };
    match (scalar, step.place) {
        (Scalar::Float(FloatFormat::F32), Place::Vec { .. }) => step.bytes = 4,
        // A move of less than a word (a packed stack, an integer that is extended by another sign than its own) takes
        // its own bytes already.
        (Scalar::Bool | Scalar::Int { bytes: 1..=4, .. }, _) if rules.caller_extends && step.bytes == 8 => {
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
        _ => {}
    }
}
