//! What others can tell of code.

use iced_x86::ConditionCode;

use super::values::Id;

/// The registers of results, by their numbers among all: `rax`, `rdx`, `xmm0`, `xmm1`.
pub(super) const RESULTS: [usize; 4] = [0, 2, 16, 17];

/// What code does that others can tell.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Event {
    Store {
        address: Id,
        bytes: usize,
        value: Id,
    },
    Call {
        target: Id,
        arguments: Vec<Id>,
        stack: Vec<(i64, usize, Id)>,
    },
    Branch {
        condition: ConditionCode,
        flags: Id,
        taken: Effect,
    },
    /// What is in [`RESULTS`].
    Return([Id; 4]),
    Jump {
        target: Id,
        arguments: Vec<Id>,
    },
}

#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Effect {
    pub(super) events: Vec<Event>,
    pub(super) loads: Vec<Id>,
}

impl Effect {
    /// What it comes to when it ends, after a branch before which there were `start` events. A call whose results are
    /// returned as they are, with nothing on the stack for it, is a jump.
    pub(super) fn ended(mut self, start: usize) -> Effect {
        self.loads.sort_unstable();
        self.loads.dedup();
        let number = self.events.len();
        if let [.., Event::Call { target, arguments, stack }, Event::Return(results)] = &mut self.events[..]
            && stack.is_empty()
            && number - 2 >= start
            && RESULTS.iter().zip(results).all(|(register, id)| Some(*id) == Id::left(number - 2, *register))
        {
            let jump = Event::Jump { target: *target, arguments: std::mem::take(arguments) };
            self.events.truncate(number - 2);
            self.events.push(jump);
        }
        self
    }
}
