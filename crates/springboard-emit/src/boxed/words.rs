//! Where the words of a stub are: what it was entered with, and what it unboxed.

use cranelift_codegen::ir::{InstBuilder, StackSlot, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    Plan,
    boxed::{Arguments, Callable},
};

use crate::memory::{SLOT, load_word, slot_offset};

/// What the stub was entered with.
pub(super) struct Entered {
    pub(super) values: Vec<Value>,
    /// Where it lies on the stub's stack as well.
    pub(super) kept: Option<StackSlot>,
    /// Whether the values themselves are there as long as arguments are unboxed.
    pub(super) lasts: bool,
}

impl Entered {
    /// A parameter of the stub, wherever that is needed.
    pub(super) fn parameter(&self, builder: &mut FunctionBuilder<'_>, index: u8) -> Value {
        match self.kept {
            None => self.values[usize::from(index)],
            Some(kept) => load_word(builder, kept, index.into()),
        }
    }

    /// The boxed argument of this number.
    pub(super) fn argument(
        &self,
        builder: &mut FunctionBuilder<'_>,
        callable: Callable,
        number: u16,
    ) -> Value {
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
pub(super) enum Unboxed {
    /// In registers.
    Values(Vec<Value>),
    /// In canonical slots.
    Array(StackSlot),
}

impl Unboxed {
    pub(super) fn add(&mut self, builder: &mut FunctionBuilder<'_>, index: u16, value: Value, plan: &Plan) {
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
