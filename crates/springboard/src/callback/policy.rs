//! Policies: what becomes of a call that comes from another thread than the owner.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    inbox::Inbox,
    later::{Answer, Question},
    mailbox::wait,
    owner::Owner,
    parker::Parker,
    pool::{Cell, Count, Own, Policy, Zero},
    queue::Refusal,
    record::Record,
    report::{Report, report},
    request::{Leave, Outcome, Request},
    wait::{Awaited, Busy},
};
use crate::{thread, word::Word};

/// The caller gets zero; the first is reported.
#[derive(Debug)]
pub(super) struct Reject(pub(super) Arc<Owner>);

/// The caller gets zero, and the handler runs when the owner drains.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) inbox: Arc<Inbox>,
    pub(super) own: Own,
}

/// The caller waits for the owner.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) inbox: Arc<Inbox>,
    pub(super) busy: Busy,
    /// How long the caller waits at most, and the word that it gets then.
    pub(super) limit: Option<(Duration, u64)>,
}

impl Policy for Reject {
    fn owner(&self) -> &Arc<Owner> {
        &self.0
    }

    unsafe fn elsewhere(&self, cell: &'static Cell, _: *mut u64) -> Count {
        // SAFETY: the caller was let in and stays.
        let terms = unsafe { cell.terms() };
        if terms.counters.refused.count() == 0 {
            let (signature, owner) = (terms.signature.clone(), self.0.id);
            report(&Report::Rejected { signature, owner, caller: thread::system_id() });
        }
        Count::Kept
    }
}

impl Policy for Post {
    fn owner(&self) -> &Arc<Owner> {
        &self.inbox.owner
    }

    fn own(&self) -> Own {
        self.own
    }

    unsafe fn elsewhere(&self, cell: &'static Cell, slots: *mut u64) -> Count {
        // SAFETY: the caller was let in and stays.
        let terms = unsafe { cell.terms() };
        // SAFETY: the slots are the call's; the record gets the call's own count, as is returned.
        if let Some(record) = unsafe { Record::new(cell, slots, None) } {
            terms.counters.sent.count();
            self.send(record);
            return Count::GivenAway;
        }
        terms.counters.refused.count();
        Count::Kept
    }
}

impl Post {
    fn send(&self, record: Record) {
        match self.inbox.post(record, Owner::current_parker) {
            None => {}
            // Nobody else makes room.
            Some(Refusal::Later(record)) if self.inbox.owner.is_current() => record.refuse(),
            Some(Refusal::Later(record)) => self.send_when_there_is_room(record),
            Some(Refusal::Refused(record)) => record.refuse(),
        }
    }

    #[cold]
    fn send_when_there_is_room(&self, record: Record) {
        let parker = Owner::current_parker();
        let mut record = Some(record);
        let put_in = || match self.inbox.post(record.take()?, || Arc::clone(&parker)) {
            None => Some(()),
            Some(Refusal::Later(later)) => {
                record = Some(later);
                None
            }
            Some(Refusal::Refused(refused)) => {
                refused.refuse();
                Some(())
            }
        };
        if let Err(stop) = wait(&parker, None, Some(Awaited::new(&self.inbox.owner, Busy::default())), put_in)
        {
            self.inbox.stopped(stop);
            record.into_iter().for_each(Record::refuse);
        }
    }
}

impl Policy for Block {
    fn owner(&self) -> &Arc<Owner> {
        &self.inbox.owner
    }

    unsafe fn elsewhere(&self, cell: &'static Cell, slots: *mut u64) -> Count {
        // SAFETY: the caller was let in and stays.
        let counters = unsafe { &cell.terms().counters };
        let caller = Owner::current_parker();
        let question = Arc::new(Question { request: Request::new(), caller: Arc::clone(&caller) });
        // One count for the record, beside the call's own.
        cell.gate.stay();
        // SAFETY: the slots are the call's; the record gets the count that was just made.
        let Some(record) = (unsafe { Record::new(cell, slots, Some(Arc::clone(&question))) }) else {
            cell.left(cell.gate.leave());
            counters.refused.count();
            return Count::Kept;
        };
        counters.sent.count();
        let outcome =
            if self.inbox.ask(record) { self.outcome(&question.request, &caller) } else { Outcome::Refused };
        let answer = match outcome {
            Outcome::Answered(answer) => answer,
            Outcome::Refused => {
                counters.refused.count();
                Answer::Word(self.limit.map_or(0, |(_, value)| value))
            }
        };
        match (cell.pool().zero, answer) {
            // SAFETY: the call's slots hold the result at this index.
            (Zero::Slot(index), Answer::Word(word)) => unsafe { *slots.add(index.into()) = word },
            // SAFETY: the call's slots hold at this index the address of as many bytes for the result; `memory` has them
            // too, in an allocation of its own.
            (Zero::Memory(index, bytes), Answer::Memory(memory)) => unsafe {
                let to: *mut u8 = Word::from_slot(*slots.add(index.into()));
                to.copy_from_nonoverlapping(memory.as_ptr().cast(), bytes as usize);
            },
            _ => {}
        }
        Count::Kept
    }
}

impl Block {
    /// Waits for what becomes of a request.
    fn outcome(&self, request: &Request<Answer>, caller: &Parker) -> Outcome<Answer> {
        let deadline = self.limit.and_then(|(limit, _)| Instant::now().checked_add(limit));
        let awaited = Awaited::new(&self.inbox.owner, self.busy);
        let stop = match wait(caller, deadline, Some(awaited), || request.poll()) {
            Ok(outcome) => return outcome,
            Err(stop) => stop,
        };
        let leave = if self.limit.is_some() { Leave::AnyTime } else { Leave::BeforeItBegins };
        let outcome = request.give_up(leave);
        if outcome == Some(Outcome::Refused) {
            self.inbox.stopped(stop);
        }
        // If the owner has begun to answer, it will finish.
        outcome.unwrap_or_else(|| wait(caller, None, None, || request.poll()).unwrap_or(Outcome::Refused))
    }
}
