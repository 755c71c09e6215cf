//! Calls whose callers wait, and answers that come after their handler has returned: what a handler is that returns a promise.

use std::{cell::Cell as Shared, fmt, ptr, sync::Arc};

use super::{
    copy::{self, Copies},
    parker::Parker,
    pool::{Cell, Zero},
    request::Request,
};

/// A call whose caller waits.
pub(super) struct Question {
    pub(super) request: Request<Answer>,
    pub(super) caller: Arc<Parker>,
}

/// The result of a call.
#[derive(PartialEq)]
pub(super) enum Answer {
    Nothing,
    Word(u64),
    Memory(Copies),
}

/// A call whose caller waits, and whose answer is owed by whoever has this. Any thread may have it.
///
/// Dropping it releases the caller with zero, or with the value that it gets when its time is up. A caller that has gone
/// before does not get the answer, which is counted ([`Counts::late`](super::Counts::late)). Until the answer the
/// callback's handler is not freed.
pub struct Later {
    question: Arc<Question>,
    cell: &'static Cell,
}

thread_local! {
    /// The delivery that runs on this thread: the innermost one of a call whose caller waits.
    static RUNNING: Shared<*const Running> = const { Shared::new(ptr::null()) };
}

/// The delivery of a call whose caller waits.
pub(super) struct Running {
    slots: *mut u64,
    question: Arc<Question>,
    cell: &'static Cell,
    /// Whether somebody has undertaken to answer.
    postponed: Shared<bool>,
}

impl Running {
    pub(super) fn new(slots: *mut u64, question: Arc<Question>, cell: &'static Cell) -> Running {
        Running { slots, question, cell, postponed: Shared::new(false) }
    }

    /// Runs the handler. Says whether somebody else answers.
    pub(super) fn run<T>(&self, handler: impl FnOnce() -> T) -> (T, bool) {
        struct Before(*const Running);
        impl Drop for Before {
            fn drop(&mut self) {
                let _ = RUNNING.try_with(|running| running.set(self.0));
            }
        }
        let _before = Before(RUNNING.try_with(|running| running.replace(self)).unwrap_or(ptr::null()));
        (handler(), self.postponed.get())
    }
}

impl Later {
    /// Undertakes to answer the call that is being handled, from inside a raw handler: with the slots that it was given.
    /// What the handler leaves as the result is not looked at then, and the caller waits on.
    ///
    /// What the arguments point to stays the caller's, who may have gone when a time limit is up; what was copied in is
    /// freed when the handler returns.
    ///
    /// `None` where nobody waits on another thread: a call of the owner's own, a posted one, or one that is postponed
    /// already. The handler answers such a call itself.
    pub fn of(slots: *mut u64) -> Option<Later> {
        let running = RUNNING.try_with(Shared::get).ok()?;
        // SAFETY: not null, so put there by a `Running::run` that has not returned, on this thread.
        let running = unsafe { running.as_ref() }?;
        if running.slots != slots || running.postponed.replace(true) {
            return None;
        }
        running.question.request.postpone();
        running.cell.gate.stay();
        Some(Later { question: Arc::clone(&running.question), cell: running.cell })
    }

    /// Answers with the canonical slot of the result ([`Word::into_slot`](crate::Word::into_slot)); of `void`, any.
    ///
    /// # Errors
    /// The result is no word, and the caller still waits.
    pub fn answer(self, slot: u64) -> Result<(), Later> {
        match self.cell.pool().zero {
            Zero::Nothing => self.finish(Answer::Nothing),
            Zero::Slot(_) => self.finish(Answer::Word(slot)),
            Zero::Memory(..) => return Err(self),
        }
        Ok(())
    }

    /// Answers with the bytes of a result that is no word.
    ///
    /// # Errors
    /// The result is a word, or of another size, and the caller still waits.
    pub fn answer_bytes(self, bytes: &[u8]) -> Result<(), Later> {
        match self.cell.pool().zero {
            Zero::Memory(_, size) if size as usize == bytes.len() => {
                let mut memory: Copies = copy::zeroed(bytes.len());
                // SAFETY: there is room for as many bytes, in memory that has just been made.
                unsafe {
                    memory.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
                };
                self.finish(Answer::Memory(memory));
                Ok(())
            }
            _ => Err(self),
        }
    }

    fn finish(&self, answer: Answer) {
        if self.question.request.finish(answer).is_err() {
            // SAFETY: `of` has counted this in, and the count goes when it is dropped.
            unsafe { self.cell.terms() }.counters.late.count();
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        // Nothing, where it was answered.
        self.question.request.refuse();
        self.question.caller.wake();
        self.cell.left(self.cell.gate.leave());
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").finish_non_exhaustive()
    }
}
