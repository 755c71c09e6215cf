//! What registers and memory hold, as symbols.

use yaxpeax_arm::armv8::a64::{Opcode, Operand, SIMDSizeCode, SizeCode};

use crate::template::HoleKind;

/// A value, as an index in [`Values`].
pub(super) type Id = usize;

/// What a value is made of. Equal values have one index.
#[derive(PartialEq, Debug)]
pub(super) enum Value {
    /// What a general register held at first.
    Gpr(usize),
    /// What a vector register held at first.
    Vec(usize),
    /// What a stamp writes.
    Hole(HoleKind),
    /// A value and a distance.
    Sum(Id, i64),
    /// What an instruction loads from an address: how, and after how many events.
    Load { address: Id, how: Opcode, size: Size, epoch: usize },
    /// What an instruction without side effects makes of its sources.
    Made { opcode: Opcode, operands: [Operand; 4], sources: [Option<Id>; 4] },
    /// A signed return address.
    Signed(Id),
    /// What a call leaves in a register: its number among the events.
    Left(usize, Register),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Register {
    Gpr(usize),
    Vec(usize),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Size {
    Gpr(SizeCode),
    Vec(SIMDSizeCode),
}

#[derive(Default)]
pub(super) struct Values(pub(super) Vec<Value>);

impl Values {
    pub(super) fn id(&mut self, value: Value) -> Id {
        self.0.iter().position(|known| *known == value).unwrap_or_else(|| {
            self.0.push(value);
            self.0.len() - 1
        })
    }

    pub(super) fn sum(&mut self, base: Id, distance: i64) -> Id {
        match self.0[base] {
            _ if distance == 0 => base,
            Value::Sum(base, more) => self.sum(base, more + distance),
            _ => self.id(Value::Sum(base, distance)),
        }
    }
}
