//! What registers and memory hold, as symbols.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use iced_x86::{Code, MemorySize};

use crate::template::HoleKind;

/// A value, as an index in [`Values`].
pub(super) type Id = usize;

/// What a value is made of. Equal values have one index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Value {
    /// What a general register held at first, by its number.
    Gpr(usize),
    /// What a vector register held at first.
    Vec(usize),
    /// What a stamp writes.
    Hole(HoleKind),
    Constant(u64),
    /// A value and a distance.
    Sum(Id, i64),
    /// What is loaded from an address, after how many events.
    Load {
        address: Id,
        size: MemorySize,
        epoch: usize,
    },
    /// What an instruction without other effects makes of its sources.
    Made {
        code: Code,
        immediate: u64,
        sources: [Option<Id>; 3],
        part: Part,
    },
    /// The low eight bytes of a vector register.
    Low(Id),
    /// What a call leaves in a register: its number among the events, and the register's among all.
    Left(usize, usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Part {
    Register,
    Flags,
}

#[derive(Default)]
pub(super) struct Values {
    known: HashMap<Value, Id, FixedState>,
    list: Vec<Value>,
}

impl Values {
    pub(super) fn id(&mut self, value: Value) -> Id {
        *self.known.entry(value).or_insert_with(|| {
            self.list.push(value);
            self.list.len() - 1
        })
    }

    pub(super) fn of(&self, id: Id) -> Value {
        self.list[id]
    }

    pub(super) fn sum(&mut self, base: Id, distance: i64) -> Id {
        match self.list[base] {
            _ if distance == 0 => base,
            Value::Sum(base, more) => self.sum(base, more + distance),
            _ => self.id(Value::Sum(base, distance)),
        }
    }
}
