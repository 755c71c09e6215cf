//! Answers that come later, and what a thread leaves when it ends.

use std::{
    ffi::c_int,
    sync::{Mutex, PoisonError},
};

use springboard::callback::{Heir, Later, close_at_thread_exit, leaked_handlers};

use crate::{
    array::Array,
    boundary::{Failure, Out, OutHandle, enter, give, null},
    constants::*,
    handle::{self, HeirHandle, LaterHandle},
};

/// Empty once it is answered.
type Owed = Mutex<Option<Later>>;

/// Undertakes to answer the call that is being handled.
#[unsafe(no_mangle)]
pub extern "C" fn sb_later_of(slots: *mut u64, later: OutHandle<'_, LaterHandle>) -> c_int {
    handle::opens(later, "later", || {
        let owed = Later::of(slots).ok_or_else(|| {
            Failure::new(SB_ERROR_ARGUMENT, "nobody waits on another thread for the answer to these slots")
        })?;
        Ok(Owed::new(Some(owed)))
    })
}

fn answer(later: *const LaterHandle, by: impl FnOnce(Later) -> Result<(), Later>) -> Result<(), Failure> {
    let owed = handle::get::<_, Owed>(later)?;
    let mut owed = owed.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = || Failure::new(SB_ERROR_ARGUMENT, "the call is answered already");
    by(owed.take().ok_or_else(answered)?).map_err(|unanswered| {
        *owed = Some(unanswered);
        Failure::new(SB_ERROR_ARGUMENT, "the answer is not of the result's kind or size")
    })
}

/// Answers with a slot.
#[unsafe(no_mangle)]
pub extern "C" fn sb_later_answer(later: *const LaterHandle, slot: u64) -> c_int {
    enter(|| answer(later, |owed| owed.answer(slot)))
}

/// Answers with bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sb_later_answer_bytes(
    later: *const LaterHandle,
    bytes: Array<'_, u8>,
    size: usize,
) -> c_int {
    enter(|| {
        if bytes.is_null() {
            return Err(null("bytes"));
        }
        let bytes = bytes.get(size, "bytes")?;
        answer(later, |owed| owed.answer_bytes(bytes))
    })
}

/// Has callbacks closed when the running thread ends.
#[unsafe(no_mangle)]
pub extern "C" fn sb_close_at_thread_exit() -> c_int {
    enter(|| Ok(close_at_thread_exit()?))
}

/// The running thread as an heir.
#[unsafe(no_mangle)]
pub extern "C" fn sb_heir_current(heir: OutHandle<'_, HeirHandle>) -> c_int {
    handle::opens(heir, "heir", || Ok(Heir::current()?))
}

/// Leaves the running thread's handlers to an heir.
#[unsafe(no_mangle)]
pub extern "C" fn sb_heir_inherit(heir: *const HeirHandle) -> c_int {
    enter(|| {
        let heir = handle::get::<_, Heir>(heir)?;
        // SAFETY: the header asks C for handlers that may be released on the heir's thread.
        Ok(unsafe { heir.inherit() }?)
    })
}

/// How many handlers nobody releases any more.
#[unsafe(no_mangle)]
pub extern "C" fn sb_leaked_handlers(count: Out<'_, u64>) -> c_int {
    give(count, "count", || Ok(leaked_handlers()))
}
