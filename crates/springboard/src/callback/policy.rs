//! Policies: what becomes of a call that comes from another thread than the owner.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    cell::Cell,
    copy::copy_out,
    mailbox::Shared,
    owner::{Owner, Waiter},
    pool::Zero,
    record::{Answer, Question, Record},
    report,
    request::{Leave, Outcome, Request},
    wait::{Awaited, Busy, wait},
};
use crate::word::Word;

/// What a callback does with calls from other threads than its owner. On the owner thread handlers run at once.
#[derive(Clone, Debug)]
pub(super) enum Policy {
    /// The handler runs on whatever thread calls.
    Inline,
    /// The caller gets zero.
    Reject(Arc<Owner>),
    /// The caller gets zero, and the handler runs when the owner drains.
    Post(Arc<Shared>),
    /// The caller waits for the owner.
    Block(Arc<Shared>, Patience),
}

/// How long a caller waits for the owner of a callback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) busy: Busy,
    /// How long at most, and the word that the caller gets then.
    pub(super) limit: Option<(Duration, u64)>,
}

impl Policy {
    /// The thread on which alone the handler runs and is freed. `None` where it may be any.
    #[inline]
    pub(super) fn owner(&self) -> Option<&Arc<Owner>> {
        match self {
            Policy::Inline => None,
            Policy::Reject(owner) => Some(owner),
            Policy::Post(mailbox) | Policy::Block(mailbox, _) => Some(&mailbox.owner),
        }
    }

    /// Makes what the policy says of a call on another thread than the owner. Returns whether the call's count is
    /// still to be taken off.
    ///
    /// # Safety
    /// The call was let in to the cell, whose policy this is; the slots are the call's. The policy is not inline.
    pub(super) unsafe fn elsewhere(&self, cell: &'static Cell, slots: *mut u64) -> Count {
        // SAFETY: the slots are the call's.
        unsafe { cell.pool().zero.write(slots) };
        // SAFETY: let in.
        let kind = unsafe { cell.kind() };
        match self {
            Policy::Inline => unreachable!("an inline callback is at home everywhere"),
            Policy::Reject(owner) => report::rejected(kind, owner),
            Policy::Post(mailbox) => {
                // SAFETY: let in, and the count is given away.
                if let Some(record) = unsafe { Record::new(cell, slots, None) } {
                    kind.counters.sent.count();
                    mailbox.post(record);
                    return Count::GivenAway;
                }
                kind.counters.refused.count();
            }
            // SAFETY: the caller's promise.
            Policy::Block(mailbox, patience) => unsafe { block(cell, mailbox, *patience, slots) },
        }
        Count::Kept
    }
}

/// Who takes a call off the count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Count {
    Kept,
    GivenAway,
}

/// Has a call answered by the owner, and waits.
///
/// # Safety
/// As [`Policy::elsewhere`].
unsafe fn block(cell: &'static Cell, mailbox: &Arc<Shared>, patience: Patience, slots: *mut u64) {
    // SAFETY: let in.
    let kind = unsafe { cell.kind() };
    let zero = cell.pool().zero;
    let waiter = Waiter::current();
    let question = Arc::new(Question { request: Request::new(), caller: waiter.clone() });
    // One count for the record, beside the call's own.
    cell.gate.stay();
    // SAFETY: let in, and the count is given away.
    let Some(record) = (unsafe { Record::new(cell, slots, Some(Arc::clone(&question))) }) else {
        cell.left(cell.gate.leave());
        kind.counters.refused.count();
        return;
    };
    kind.counters.sent.count();
    let request = &question.request;
    let outcome = if mailbox.ask(record) {
        let deadline = patience.limit.and_then(|(limit, _)| Instant::now().checked_add(limit));
        let awaited = Awaited::new(&mailbox.owner, patience.busy);
        let leave = if patience.limit.is_some() { Leave::AnyTime } else { Leave::BeforeItBegins };
        wait(&waiter, deadline, Some(awaited), || request.poll()).unwrap_or_else(|stop| {
            let outcome = request.give_up(leave);
            if outcome == Some(Outcome::Refused) {
                mailbox.stopped(stop);
            }
            // It has begun: the owner is at it, and will end it.
            outcome
                .unwrap_or_else(|| wait(&waiter, None, None, || request.poll()).unwrap_or(Outcome::Refused))
        })
    } else {
        Outcome::Refused
    };
    let answer = match outcome {
        Outcome::Answered(answer) => answer,
        Outcome::Refused => {
            kind.counters.refused.count();
            Answer::Word(patience.limit.map_or(0, |(_, value)| value))
        }
    };
    // SAFETY: the slots are the call's, and have its result in the form that the pool says.
    unsafe {
        match (zero, answer) {
            (Zero::Slot(index), Answer::Word(word)) => *slots.add(index.into()) = word,
            (Zero::Memory(index, bytes), Answer::Memory(memory)) => {
                copy_out(&memory, bytes as usize, Word::from_slot(*slots.add(index.into())));
            }
            _ => {}
        }
    }
}
