//! What registers and memory hold, as symbols.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::step::Register;
use crate::template::HoleKind;

/// A value, by number. Equal values have one number.
///
/// What registers hold at first, and what a call leaves in them, has numbers that follow from the register's; everything
/// else is numbered as it comes ([`Values`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Id(u32);

/// More than there are registers.
const REGISTERS: u32 = 128;
/// The first number of a value that is neither held at first nor left by a call.
const FIRST_MADE: u32 = 1 << 24;

impl Id {
    /// What a register held at first.
    pub(super) const fn first(register: Register) -> Id {
        Id(register as u32)
    }

    /// What a call leaves in a register, by the call's number among the events. `None` where there are too many calls to
    /// number them.
    pub(super) fn left(call: usize, register: Register) -> Option<Id> {
        let number = u32::try_from(call).ok()?.checked_add(1)?.checked_mul(REGISTERS)? + u32::from(register);
        (number < FIRST_MADE).then_some(Id(number))
    }
}

/// What a value is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Value {
    /// What a register held at first, or holds after a call.
    Register(Id),
    /// What a stamp writes.
    Hole(HoleKind),
    Constant(u64),
    /// A value and a distance.
    Sum(Id, i64),
    /// What is loaded from an address: how, and after how many events.
    Load {
        address: Id,
        bytes: u8,
        how: u64,
        epoch: usize,
    },
    /// What an instruction without other effects makes of its sources.
    Made {
        how: u64,
        from: [Option<Id>; 2],
    },
    /// A signed return address.
    Signed(Id),
}

pub(super) struct Values {
    known: HashMap<Value, Id, FixedState>,
    list: Vec<Value>,
}

impl Values {
    pub(super) fn new() -> Values {
        // As many as most stubs have.
        Values {
            known: HashMap::with_capacity_and_hasher(48, FixedState::default()),
            list: Vec::with_capacity(48),
        }
    }

    pub(super) fn id(&mut self, value: Value) -> Id {
        *self.known.entry(value).or_insert_with(|| {
            self.list.push(value);
            Id(FIRST_MADE + self.list.len() as u32 - 1)
        })
    }

    pub(super) fn of(&self, id: Id) -> Value {
        let made = id.0.checked_sub(FIRST_MADE).and_then(|index| self.list.get(index as usize));
        made.copied().unwrap_or(Value::Register(id))
    }

    pub(super) fn sum(&mut self, base: Id, distance: i64) -> Id {
        match self.of(base) {
            _ if distance == 0 => base,
            Value::Sum(base, more) => self.sum(base, more + distance),
            _ => self.id(Value::Sum(base, distance)),
        }
    }
}
