//! What every stub calls: decides on which thread, when and whether a handler runs.
//!
//! Until the policy decides, nothing of the host is run, allocated or looked at: the dispatcher reads one word of
//! thread-local memory and the cell.

use std::{
    ffi::c_void,
    io::{self, Write as _},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    sync::atomic::Ordering::Relaxed,
};

use super::{
    gate::{AfterClose, Alone, Inside},
    pool::{Cell, Count, Unwinding},
    report,
};
use crate::{
    thread::{self, CallbackError, PENDING},
    word::SlotResult,
};

/// Handles a call of the callback whose cell is at `cell`, with its arguments in slots; writes the result.
///
/// # Safety
/// `cell` is the address of a [`Cell`], and `slots` are those of a call of its callback: as stubs and closures call
/// it.
pub(super) unsafe extern "C-unwind" fn dispatch(cell: *const c_void, slots: *mut u64) {
    // SAFETY: the caller passes the address of a cell, and pools never free one.
    let cell = unsafe { &*cell.cast::<Cell>() };
    // No home's key has the pending bit, and none is 0.
    if cell.gate.is_home(thread::key()) {
        match cell.gate.enter_alone() {
            Alone::In => {
                let _leave = LeaveAlone(cell);
                // SAFETY: let in until `_leave` is dropped. The thread that opened the callback may run its handler.
                return unsafe { run_here(cell, slots) };
            }
            Alone::Refused => cell.leave_alone(),
            Alone::No => {}
        }
    }
    // SAFETY: the caller's slots are a call's of this cell.
    unsafe { handle(cell, slots) }
}

/// Handles a call of any callback on any thread, whether or not others are inside.
///
/// # Safety
/// `slots` are those of a call of the cell's.
#[inline(never)]
unsafe fn handle(cell: &'static Cell, slots: *mut u64) {
    let thread = thread::key();
    if !cell.gate.is_home(thread) {
        // SAFETY: the caller's slots are a call's of this cell.
        unsafe { elsewhere(cell, slots, thread) }
    } else if let Some(inside) = cell.enter_home() {
        let _leave = Leave { cell, home: Some(inside) };
        // SAFETY: let in until `_leave` is dropped. The thread that opened the callback may run its handler.
        unsafe { run_here(cell, slots) };
    } else {
        // SAFETY: the caller's slots are a call's of this cell.
        unsafe { late(cell, slots) };
    }
}

/// Handles a call whose arguments were left in their registers. `call` runs the handler with them; `slots` makes slots
/// of them, and one more for the result.
///
/// # Safety
/// `cell` is or was that of a callback whose handler is an `H`; the slots are those of the call.
#[inline(always)]
pub(super) unsafe fn direct<H: 'static, R: SlotResult, const N: usize>(
    cell: *const Cell,
    call: impl FnOnce(&H) -> R,
    slots: impl FnOnce() -> [u64; N],
) -> R {
    // SAFETY: the caller passes the address of a cell, and pools never free one.
    let cell = unsafe { &*cell };
    if !cell.gate.is_home(thread::key()) {
        // SAFETY: the caller's slots are a call's of this cell.
        return unsafe { with_slots(cell, slots) };
    }
    match cell.gate.enter_alone() {
        Alone::In => {}
        // SAFETY: the caller's slots are a call's of this cell.
        Alone::No => return unsafe { with_slots(cell, slots) },
        // SAFETY: the caller's slots are a call's of this cell; the attempt has not been taken back.
        Alone::Refused => return unsafe { refused(cell, slots) },
    }
    // SAFETY: let in until `leave_alone`. The stub jumped here because the handler was an `H`, and a cell that has a home
    // gets another handler from that thread alone, which is here.
    let handler = unsafe { cell.handler::<H>() };
    let result = catch_unwind(AssertUnwindSafe(|| call(handler)));
    let result = result.unwrap_or_else(|payload| {
        report::fail(CallbackError::panic(payload));
        R::from_result(0)
    });
    match cell.gate.leave_alone() {
        Ok(()) => result,
        // SAFETY: the call is the only one inside, and has not left.
        Err(inside) => unsafe { left_closed(cell, inside, result) },
    }
}

/// Leaves a gate that was closed meanwhile, and returns `result`: apart for the same reason as [`with_slots`].
///
/// # Safety
/// `inside` is the stay of a call that has not left.
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it.
unsafe extern "C" fn left_closed<R: SlotResult>(cell: &'static Cell, inside: Inside, result: R) -> R {
    cell.leave_closed(inside);
    result
}

/// The slow way of [`direct`], apart so that the fast way needs no stack and can end in a jump to this. `extern "C"`
/// because nothing unwinds out of it: no handler of a direct callback may.
///
/// # Safety
/// The slots are those of a call of the cell's.
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it.
unsafe extern "C" fn with_slots<R: SlotResult, const N: usize>(
    cell: &'static Cell,
    slots: impl FnOnce() -> [u64; N],
) -> R {
    let mut slots = slots();
    // SAFETY: the caller's slots are a call's of this cell.
    unsafe { handle(cell, slots.as_mut_ptr()) };
    R::from_result(slots[N - 1])
}

/// As [`with_slots`], after an attempt to enter alone was refused.
///
/// # Safety
/// The slots are those of a call of the cell's.
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it.
unsafe extern "C" fn refused<R: SlotResult, const N: usize>(
    cell: &'static Cell,
    slots: impl FnOnce() -> [u64; N],
) -> R {
    cell.leave_alone();
    // SAFETY: the caller's slots are a call's of this cell.
    unsafe { with_slots(cell, slots) }
}

/// Handles a call on another thread than the gate's home, or while an error is pending.
///
/// # Safety
/// `slots` are those of a call of the cell's.
#[inline(never)]
unsafe fn elsewhere(cell: &'static Cell, slots: *mut u64, thread: u64) {
    if let Err(left) = cell.gate.enter() {
        cell.left(left);
        // SAFETY: the caller's slots are a call's of this cell.
        unsafe { late(cell, slots) };
        return;
    }
    let leave = Leave { cell, home: None };
    // SAFETY: let in until `leave` is dropped.
    let terms = unsafe { cell.terms() };
    match terms.elsewhere(thread & !PENDING) {
        Some(policy) => {
            // SAFETY: the caller's slots are a call's of this cell, which has let it in.
            let count = unsafe {
                cell.pool().zero.write(slots);
                policy.elsewhere(cell, slots)
            };
            if count == Count::GivenAway {
                mem::forget(leave);
            }
        }
        None if thread & PENDING != 0 => {
            terms.counters.skipped.count();
            // SAFETY: the caller's slots are a call's of this cell.
            unsafe { cell.pool().zero.write(slots) };
        }
        // SAFETY: let in until `leave` is dropped, on the owner thread or without a policy.
        None => unsafe { run_here(cell, slots) },
    }
}

/// Leaves the gate when a call ends, however it ends.
struct Leave {
    cell: &'static Cell,
    /// As its home thread.
    home: Option<Inside>,
}

impl Drop for Leave {
    #[inline(always)]
    fn drop(&mut self) {
        let gate = &self.cell.gate;
        self.cell.left(match self.home {
            Some(inside) => gate.leave_home(inside),
            None => gate.leave(),
        });
    }
}

/// Leaves the gate when the home thread's only call ends, however it ends.
struct LeaveAlone(&'static Cell);

impl Drop for LeaveAlone {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.leave_alone();
    }
}

/// Runs a handler on the thread of its caller. A panic leaves it if the callback's type lets it.
///
/// # Safety
/// As [`Cell::run`].
#[inline(always)]
unsafe fn run_here(cell: &Cell, slots: *mut u64) {
    // SAFETY: the contract is that of `Cell::run`, which includes that the caller was let in.
    unsafe {
        match cell.terms().unwinding {
            Unwinding::Stops => cell.run_and_stop_panics(slots),
            Unwinding::Passes => cell.run(slots),
        }
    }
}

/// Answers a call that came after its callback was closed.
///
/// # Safety
/// `slots` are those of a call of the cell's.
#[cold]
unsafe fn late(cell: &Cell, slots: *mut u64) {
    count_late(cell);
    // SAFETY: the caller's slots are a call's of this cell.
    unsafe { cell.pool().zero.write(slots) };
}

/// Counts such a call, or ends the process, as was said when it was closed.
pub(super) fn count_late(cell: &Cell) {
    if cell.gate.after_close() == AfterClose::Abort {
        let address = cell.entry() as *const c_void;
        let _ = writeln!(io::stderr(), "springboard: a closed callback was called at {address:p}");
        process::abort();
    }
    cell.pool().late.fetch_add(1, Relaxed);
}
