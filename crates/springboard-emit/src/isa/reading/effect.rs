//! What others can tell of code.

use super::values::Id;

/// What code does that others can tell.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Event {
    Store { address: Id, bytes: u8, value: Id },
    Call { target: Id, arguments: Vec<Id>, stack: Vec<Word> },
    Branch { how: u64, from: [Option<Id>; 2], taken: Effect },
    Return { results: Vec<Id> },
    Jump { target: Id, arguments: Vec<Id> },
}

#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Effect {
    pub(super) events: Vec<Event>,
    pub(super) loads: Vec<Id>,
}

/// A word of the stub's own stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Word {
    /// From where the stack pointer was at first.
    pub(super) at: i64,
    pub(super) bytes: u8,
    pub(super) value: Id,
}

impl Word {
    pub(super) fn overlaps(&self, at: i64, bytes: u8) -> bool {
        self.at < at + i64::from(bytes) && at < self.at + i64::from(self.bytes)
    }
}
