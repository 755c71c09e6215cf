//! Records: one call on its way to the owner thread.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    copy::{self, Copies},
    later::{Answer, Question, Running},
    pool::{Cell, Zero},
};
use crate::{
    thread::{CallbackError, without_pending},
    word::Word,
};

/// Parameters up to which a record allocates nothing for its slots.
const FEW: usize = 8;

/// One accepted call, with all that its handler will read. It keeps the callback's count, and leaves when it is
/// dropped: on whatever thread that is, delivered or not.
pub(super) struct Record {
    cell: &'static Cell,
    /// One per parameter, and one for the result.
    slots: SmallVec<[u64; FEW + 1]>,
    /// What slots point to. Freed with the record.
    _copies: Copies,
    answer: Option<Arc<Question>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Delivered, or counted otherwise.
    Settled,
}

/// What became of a record on the owner thread.
pub(super) enum Delivery {
    /// Nothing: its caller had left.
    Left,
    /// The handler ran, and ended so.
    Ran(Result<(), CallbackError>),
}

impl Record {
    /// Takes over a call. `None` where there is no memory for copies, and the call is still the caller's.
    ///
    /// # Safety
    /// The caller was let in to the cell, and gives its count away; `slots` are the call's.
    pub(super) unsafe fn new(
        cell: &'static Cell,
        slots: *const u64,
        answer: Option<Arc<Question>>,
    ) -> Option<Record> {
        // SAFETY: the caller was let in, and gives its count to the record.
        let terms = unsafe { cell.terms() };
        let count = terms.signature.params().len();
        let mut kept = SmallVec::<[u64; FEW + 1]>::from_elem(0, count + 1);
        // SAFETY: a call has as many slots as parameters.
        unsafe { kept.as_mut_ptr().copy_from_nonoverlapping(slots, count) };
        let copies = if terms.captures.is_empty() {
            Copies::new()
        } else {
            // SAFETY: the call goes on when this returns.
            unsafe { copy::copy(&terms.captures, &mut kept) }?
        };
        Some(Record { cell, slots: kept, _copies: copies, answer, state: State::Waiting })
    }

    /// Runs the handler, on the owner thread.
    pub(super) fn deliver(mut self) -> Delivery {
        if self.answer.as_ref().is_some_and(|question| !question.request.begin()) {
            return Delivery::Left;
        }
        // SAFETY: the record keeps the count with which it was let in.
        let terms = unsafe { self.cell.terms() };
        terms.counters.delivered.count();
        self.state = State::Settled;
        let slots = &mut self.slots;
        let mut memory = Copies::new();
        if let Zero::Memory(index, bytes) = self.cell.pool().zero {
            memory = copy::zeroed(bytes as usize);
            slots[usize::from(index)] = memory.as_mut_ptr().into_slot();
        }
        let start = slots.as_mut_ptr();
        // SAFETY: the record is inside; the slots are those of a call; mailboxes deliver on the owner thread alone.
        let handle = || without_pending(|| unsafe { self.cell.run_and_stop_panics(start) });
        let (((), error), postponed) = match &self.answer {
            Some(question) => Running::new(start, Arc::clone(question), self.cell).run(handle),
            None => (handle(), false),
        };
        if let Some(question) = self.answer.as_ref().filter(|_| !postponed) {
            let answer = match self.cell.pool().zero {
                Zero::Nothing => Answer::Nothing,
                Zero::Slot(index) => Answer::Word(slots[usize::from(index)]),
                Zero::Memory(..) => Answer::Memory(memory),
            };
            if question.request.finish(answer).is_err() {
                terms.counters.late.count();
            }
            question.caller.wake();
        }
        Delivery::Ran(error.map_or(Ok(()), Err))
    }

    /// Drops the record as refused: it was never on its way.
    pub(super) fn refuse(mut self) {
        // SAFETY: the record keeps the count with which the call was let in.
        let terms = unsafe { self.cell.terms() };
        terms.counters.refused.count();
        self.state = State::Settled;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        match &self.answer {
            Some(question) if self.state == State::Waiting => {
                question.request.refuse();
                question.caller.wake();
            }
            None if self.state == State::Waiting => {
                // SAFETY: the record leaves below.
                unsafe { self.cell.terms() }.counters.dropped.count();
            }
            _ => {}
        }
        self.cell.left(self.cell.gate.leave());
    }
}
