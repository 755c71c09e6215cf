//! Requests: one thread waits for the answer of another, and may give up.
//!
//! ```text
//!              begin             finish
//!   Queued ───────────► Running ─────────► Done      the caller takes the answer
//!     │  │                 │
//!     │  └─ refuse ─► Refused └─ give up ─► Left      the answer, when it comes, is dropped
//!     └──── give up ─► Left                           the owner finds it, and does not begin
//! ```
//!
//! A running request may be postponed: it ends as others do, and until then the caller may give up.

use super::sync::{Mutex, lock};

/// A question that one thread asked and another answers, with an `A`.
#[derive(Debug)]
pub(super) struct Request<A> {
    state: Mutex<State<A>>,
}

#[derive(Debug)]
enum State<A> {
    Queued,
    Running,
    /// The handler has returned, and somebody else answers.
    Postponed,
    Done(A),
    Refused,
    Left,
}

/// What became of a request, for the caller.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Outcome<A> {
    Answered(A),
    /// Nobody will answer.
    Refused,
}

/// Whether a caller may leave while its request is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leave {
    /// Not before the answer has begun or ended; then it waits for the end.
    BeforeItBegins,
    /// Any time: nothing of the caller's own is used for the answer.
    AnyTime,
}

impl<A> Request<A> {
    pub(super) fn new() -> Request<A> {
        Request { state: Mutex::new(State::Queued) }
    }

    /// The owner begins to answer. `false` where the caller has left.
    pub(super) fn begin(&self) -> bool {
        let mut state = lock(&self.state);
        let queued = matches!(*state, State::Queued);
        if queued {
            *state = State::Running;
        }
        queued
    }

    /// The owner has begun to answer, and will later.
    pub(super) fn postpone(&self) {
        let mut state = lock(&self.state);
        if let State::Running = *state {
            *state = State::Postponed;
        }
    }

    /// The owner has an answer. Where the caller has left, gives it back.
    pub(super) fn finish(&self, answer: A) -> Result<(), A> {
        let mut state = lock(&self.state);
        if let State::Running | State::Postponed = *state {
            *state = State::Done(answer);
            Ok(())
        } else {
            Err(answer)
        }
    }

    /// The owner will not answer.
    pub(super) fn refuse(&self) {
        let mut state = lock(&self.state);
        if let State::Queued | State::Running | State::Postponed = *state {
            *state = State::Refused;
        }
    }

    /// What became of it. `None` while that is open. Answers are taken once.
    pub(super) fn poll(&self) -> Option<Outcome<A>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Left) {
            State::Done(answer) => Some(Outcome::Answered(answer)),
            State::Refused | State::Left => Some(Outcome::Refused),
            open @ (State::Queued | State::Running | State::Postponed) => {
                *state = open;
                None
            }
        }
    }

    /// The caller gives up, and takes the answer if there is one already. `None` where it must wait for the answer,
    /// which has begun.
    pub(super) fn give_up(&self, leave: Leave) -> Option<Outcome<A>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Left) {
            State::Done(answer) => Some(Outcome::Answered(answer)),
            State::Running if leave == Leave::BeforeItBegins => {
                *state = State::Running;
                None
            }
            State::Queued | State::Running | State::Postponed | State::Refused | State::Left => {
                Some(Outcome::Refused)
            }
        }
    }
}
