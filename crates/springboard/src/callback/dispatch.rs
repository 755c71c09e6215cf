//! What every stub calls: decides on which thread, when and whether a handler runs.
//!
//! Until the policy says so, nothing of the host is run, allocated or looked at: the dispatcher reads two words of
//! thread-local memory and the cell.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    cell::Cell,
    error::CallbackError,
    gate::AfterClose,
    policy::Count,
    report::{Report, report},
    thread::{self, PENDING},
};

/// Handles a call of the callback whose cell is at `cell`, with its arguments in slots; writes the result.
///
/// # Safety
/// As the callback entry's stubs call it: `cell` is what the stub was stamped with.
pub(super) unsafe extern "C" fn dispatch(cell: *const c_void, slots: *mut u64) {
    // SAFETY: stubs are stamped with the addresses of cells, which are never freed.
    let cell: &'static Cell = unsafe { &*cell.cast() };
    let thread = thread::key();
    // No owner's key has the pending bit, and none is 0.
    if cell.gate.is_owner(thread) {
        match cell.gate.enter_owner() {
            Ok(inside) => {
                // SAFETY: let in; the slots are the stub's. Owner thread: any handler may run here.
                unsafe { run(cell, slots) };
                cell.left(cell.gate.leave_owner(inside));
            }
            Err(left) => {
                cell.left(left);
                // SAFETY: the slots are the stub's.
                unsafe { late(cell, slots) };
            }
        }
    } else {
        // SAFETY: as above.
        unsafe { elsewhere(cell, slots, thread) }
    }
}

/// A call on another thread than the gate's owner, or while an error is pending.
///
/// # Safety
/// As [`dispatch`].
#[inline(never)]
unsafe fn elsewhere(cell: &'static Cell, slots: *mut u64, thread: u64) {
    if let Err(left) = cell.gate.enter() {
        cell.left(left);
        // SAFETY: the slots are the stub's.
        unsafe { late(cell, slots) };
        return;
    }
    // SAFETY: let in.
    let kind = unsafe { cell.kind() };
    let here = kind.policy.owner().is_none_or(|owner| owner.key == thread & !PENDING);
    if thread & PENDING != 0 && here {
        kind.counters.skipped.count();
        // SAFETY: the slots are the stub's.
        unsafe { cell.pool().zero.write(slots) };
    } else if here {
        // SAFETY: let in, on the owner thread or by an inline policy.
        unsafe { run(cell, slots) };
    // SAFETY: let in, and not inline; the slots are the stub's.
    } else if unsafe { kind.policy.elsewhere(cell, slots) } == Count::GivenAway {
        return;
    }
    cell.left(cell.gate.leave());
}

/// Runs a handler on this thread. No panic leaves it.
///
/// # Safety
/// As [`Cell::run`].
#[inline(always)]
pub(super) unsafe fn run(cell: &Cell, slots: *mut u64) {
    // SAFETY: the caller's promise.
    let result = catch_unwind(AssertUnwindSafe(|| unsafe { cell.run(slots) }));
    if let Err(payload) = result {
        // SAFETY: the slots are those of a call.
        unsafe { cell.pool().zero.write(slots) };
        fail(CallbackError::panic(payload));
    }
}

/// A handler ended with an error. It waits for the outer call of the host on this thread; a thread that is not the
/// host's has none, and the error is reported.
#[cold]
pub(super) fn fail(error: CallbackError) {
    if thread::key() == 0 || !thread::set_pending(error.clone()) {
        report(&Report::Error(error));
    }
}

/// A call that came after its callback was closed.
///
/// # Safety
/// As [`dispatch`].
#[cold]
unsafe fn late(cell: &Cell, slots: *mut u64) {
    let pool = cell.pool();
    if cell.gate.after_close() == AfterClose::Abort {
        eprintln!("a closed callback was called at {:p}", cell.entry() as *const c_void);
        std::process::abort();
    }
    pool.late.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // SAFETY: the slots are those of a call, and the form of the result is the pool's.
    unsafe { pool.zero.write(slots) };
}
