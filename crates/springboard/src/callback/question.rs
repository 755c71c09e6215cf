//! Calls whose callers wait, and their answers.

use super::{copy::Copies, owner::Waiter, request::Request};

/// A call whose caller waits.
pub(super) struct Question {
    pub(super) request: Request<Answer>,
    pub(super) caller: Waiter,
}

/// The result of a call.
#[derive(PartialEq)]
pub(super) enum Answer {
    Nothing,
    Word(u64),
    Memory(Copies),
}
