//! The `boxed` entry: the host's objects on one side, an assignment on the other.

use alloc::{boxed::Box, vec::Vec};

use springboard_ir::{DataModel, FloatFormat, LayoutError, Scalar, Signature, Type};

use super::{downcall::Downcall, moves::word_move};
use crate::{
    convention::Piece,
    ineligible::Ineligible,
    place::Place,
    plan::{
        BoxedForm, Fill, Form, Move, Operand, Plan, SlotForm,
        boxed::{Arguments, Around, Boxing, Callable, Count, Payload, Returned, Unbox, Unboxed, Wanted},
    },
    target::Target,
};

/// A call of a native function by a host that has boxed values. What is an address is a
/// [number](crate::boxed::HostAddress) here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoxedCall {
    /// The native function.
    pub signature: Signature,
    /// The type of the stub.
    pub callable: Callable,
    /// One per parameter of the native function: the ways to unbox it, tried in order. Where none fits, the slow twin is
    /// called.
    pub parameters: Vec<Vec<Unbox>>,
    /// What is called around the native function.
    pub around: Option<Around>,
    /// What becomes of the result.
    pub result: Boxing,
}

/// How a host boxes, by kind of C type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// The type of its functions.
    pub callable: Callable,
    /// What is called around a native function.
    pub around: Option<Around>,
    /// What is returned for `void`.
    pub nothing: Boxing,
    /// `_Bool`.
    pub boolean: Kind,
    /// Integers with a sign, and enumerations that have one.
    pub signed: Kind,
    /// Integers without one.
    pub unsigned: Kind,
    /// Pointers.
    pub pointer: Kind,
    /// `float` and `double`.
    pub float: Kind,
    /// What is passed by its address in a slot: structures, unions, complex numbers and others.
    pub aggregate: Kind,
}

/// How values of a kind of C type are unboxed and boxed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The ways to unbox an argument.
    pub unbox: Vec<Unbox>,
    /// How a result is boxed.
    pub boxing: Boxing,
}

impl BoxedCall {
    /// A call as `host` makes it.
    ///
    /// # Errors
    /// Where a type has no layout under `model`.
    pub fn new(signature: Signature, host: &Host, model: &DataModel) -> Result<BoxedCall, LayoutError> {
        let unbox = |ty| Ok(host.kind(ty, model)?.map(|kind| kind.unbox.clone()).unwrap_or_default());
        let parameters = signature.params().iter().map(|param| unbox(&param.ty));
        let parameters = parameters.collect::<Result<_, LayoutError>>()?;
        let result = host.kind(signature.result(), model)?.map_or(host.nothing, |kind| kind.boxing);
        Ok(BoxedCall { signature, callable: host.callable, parameters, around: host.around, result })
    }
}

impl Host {
    /// The kind of a type. `None` for `void`.
    fn kind(&self, ty: &Type, model: &DataModel) -> Result<Option<&Kind>, LayoutError> {
        Ok(match SlotForm::of(ty, model)? {
            SlotForm::None => None,
            SlotForm::Word(Scalar::Bool) => Some(&self.boolean),
            SlotForm::Word(Scalar::Int { signed: true, .. }) => Some(&self.signed),
            SlotForm::Word(Scalar::Int { signed: false, .. }) => Some(&self.unsigned),
            SlotForm::Word(Scalar::Float(_)) => Some(&self.float),
            SlotForm::Word(Scalar::Pointer | Scalar::Vector { .. }) => Some(&self.pointer),
            SlotForm::Address(_) => Some(&self.aggregate),
        })
    }
}

/// Plans one call of a native function by a host that has boxed values.
///
/// # Errors
/// As [`plan`](crate::plan); also where the description does not say how a parameter or the result is boxed, or says
/// something that has no meaning for its type.
pub fn plan_boxed(call: &BoxedCall, target: &Target) -> Result<Plan, Ineligible> {
    let BoxedCall { signature, callable, parameters, around, result } = call;
    let target = &target.calling_as(signature)?;
    let native = Downcall::of(signature, target, slot_move)?;
    hands_over(*callable, signature.params().len(), target)?;
    let mut arguments = Vec::with_capacity(parameters.len());
    for (index, param) in (0..).zip(signature.params()) {
        let slot = wanted(SlotForm::of(&param.ty, &target.model)?, target);
        let slot = slot.ok_or(Ineligible::Unboxing { index })?;
        let ways = parameters.get(usize::from(index)).filter(|ways| !ways.is_empty());
        let ways = ways.ok_or(Ineligible::Unboxing { index })?;
        if !ways.iter().all(|way| gives(way, slot)) {
            return Err(Ineligible::Unboxing { index });
        }
        arguments.push(Unboxed { slot, ways: ways.as_slice().into() });
    }
    let returned = returned(native.result, target);
    if !boxes(result, returned) {
        return Err(Ineligible::Boxing);
    }
    let frame = (u64::from(native.result_slot) + FRAME_WORDS) * 8 + u64::from(native.stack_bytes);
    if frame > Ineligible::MAX_STACK {
        return Err(Ineligible::StackArguments { bytes: frame });
    }
    let form = BoxedForm {
        callable: *callable,
        arguments: Box::from(arguments),
        around: *around,
        result: native.result(),
        returned,
        boxing: *result,
    };
    Ok(native.plan(target, Form::Boxed(form)))
}

/// Words that a stub keeps on its stack beside the slots of arguments: its own parameters, and what lives across calls.
const FRAME_WORDS: u64 = 16;

/// Moves a scalar from its slot. A `float` is moved alone: what is unboxed is in a register of its own width.
fn slot_move(slot: u16, scalar: Scalar, piece: &Piece, target: &Target) -> Move {
    match (scalar, piece.place) {
        (Scalar::Float(FloatFormat::F32), Place::Vec { .. }) => {
            let at = if target.convention.is_big_endian() { 4 } else { 0 };
            let operand = Operand::Slot { index: slot, at };
            Move { place: piece.place, operand, bytes: 4, fill: Fill::Zero }
        }
        _ => word_move(slot, scalar, piece, target),
    }
}

/// Whether a function of this type is handed so many arguments, in registers.
fn hands_over(callable: Callable, count: usize, target: &Target) -> Result<(), Ineligible> {
    let Callable { parameters, arguments, zero } = callable;
    let is_there = |parameter: u8| parameter < parameters;
    let right = match arguments {
        Arguments::Array { array, count, .. } => is_there(array) && is_there(count),
        Arguments::Parameters { first } => usize::from(first) + count <= parameters.into(),
    };
    let in_registers = usize::from(parameters) <= target.caller.registers().gpr_args.len();
    let right = right && in_registers && zero.is_none_or(is_there);
    if right { Ok(()) } else { Err(Ineligible::Callable { parameters }) }
}

/// What the slot of a value is to hold. `None` of `void`.
fn wanted(form: SlotForm, target: &Target) -> Option<Wanted> {
    match form {
        SlotForm::None => None,
        SlotForm::Word(Scalar::Bool) => Some(Wanted::Integer { least: 0, most: 1 }),
        SlotForm::Word(Scalar::Float(FloatFormat::F32)) => Some(Wanted::Float),
        SlotForm::Word(Scalar::Float(_)) => Some(Wanted::Double),
        SlotForm::Word(scalar) => Some(Wanted::integer(scalar.bytes(&target.model), Fill::of(scalar))),
        SlotForm::Address(_) => Some(Wanted::integer(8, Fill::Zero)),
    }
}

/// Whether a way has a meaning, and gives what a slot can hold.
fn gives(way: &Unbox, slot: Wanted) -> bool {
    let meant = match *way {
        Unbox::Object { payload: Payload::Integer { bytes, .. }, .. } => matches!(bytes, 1 | 2 | 4 | 8),
        Unbox::Object { payload: Payload::Float { bytes, .. }, .. } => matches!(bytes, 4 | 8),
        Unbox::Tagged { shift, .. } => shift < 64,
        _ => true,
    };
    let integer = |least: i128, most: i128| match slot {
        Wanted::Integer { least: l, most: m } => least <= m.into() && most >= l.into(),
        Wanted::Float | Wanted::Double => {
            !matches!(way, Unbox::Object { payload: Payload::Address { .. }, .. })
        }
    };
    meant
        && match (way, way.integers()) {
            (_, Some((least, most))) => integer(least, most),
            (Unbox::Constant { value, .. }, None) => holds(slot, *value),
            (
                Unbox::Object { .. } | Unbox::Double { .. } | Unbox::Call { .. } | Unbox::Tagged { .. },
                None,
            ) => !matches!(slot, Wanted::Integer { .. }),
        }
}

/// Whether a slot can hold a known word.
fn holds(slot: Wanted, word: u64) -> bool {
    match slot {
        Wanted::Integer { least: 0.., most } => word <= most,
        Wanted::Integer { least, most } => (i128::from(least)..=most.into()).contains(&(word as i64).into()),
        Wanted::Float | Wanted::Double => true,
    }
}

/// What a function returns whose result has this form.
fn returned(form: SlotForm, target: &Target) -> Returned {
    match form {
        SlotForm::None => Returned::Nothing,
        SlotForm::Word(Scalar::Float(FloatFormat::F32)) => Returned::Float,
        SlotForm::Word(Scalar::Float(_)) => Returned::Double,
        SlotForm::Word(scalar) => {
            Returned::Integer { bytes: scalar.bytes(&target.model), fill: Fill::of(scalar) }
        }
        SlotForm::Address(_) => Returned::Memory,
    }
}

/// Whether a way to box has a meaning for what is returned.
fn boxes(boxing: &Boxing, returned: Returned) -> bool {
    if let Boxing::Constant { count: Some(Count { bytes, .. }), .. }
    | Boxing::Either { count: Some(Count { bytes, .. }), .. } = *boxing
        && !matches!(bytes, 4 | 8)
    {
        return false;
    }
    match (*boxing, returned) {
        (Boxing::Memory { .. }, Returned::Memory) => true,
        (Boxing::Memory { .. }, _) | (_, Returned::Memory) => false,
        (Boxing::Call { .. } | Boxing::Constant { .. }, _) => true,
        (Boxing::Either { .. }, Returned::Integer { .. }) => true,
        (Boxing::Tagged { shift, .. }, Returned::Integer { .. }) => (1..64).contains(&shift),
        (Boxing::Double { .. }, Returned::Float | Returned::Double) => true,
        (Boxing::Either { .. } | Boxing::Tagged { .. } | Boxing::Double { .. }, _) => false,
    }
}
