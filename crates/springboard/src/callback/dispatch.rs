//! What every stub calls: decides on which thread, when and whether a handler runs.
//!
//! Until the policy says so, nothing of the host is run, allocated or looked at: the dispatcher reads two words of
//! thread-local memory and the cell.

use std::{
    ffi::c_void,
    io::{self, Write as _},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use springboard_code::CodePointer;

use super::{
    cell::Cell,
    error::CallbackError,
    gate::{AfterClose, Alone, Inside},
    kind::Unwinding,
    policy::Count,
    report::{Report, report},
    thread::{self, PENDING},
};
use crate::word::SlotResult;

/// Handles a call of the callback whose cell is at `cell`, with its arguments in slots; writes the result.
///
/// # Safety
/// As the callback entry's stubs call it: `cell` is what the stub was stamped with.
pub(super) unsafe extern "C-unwind" fn dispatch(cell: *const c_void, slots: *mut u64) {
    // SAFETY: stubs are stamped with the addresses of cells, which are never freed.
    let cell: &'static Cell = unsafe { &*cell.cast() };
    // No owner's key has the pending bit, and none is 0.
    if cell.gate.is_owner(thread::key()) {
        match cell.gate.enter_alone() {
            Alone::In => {
                let _leave = LeaveAlone(cell);
                // SAFETY: let in; the slots are the stub's, whose pool is one of slots. Owner thread: any handler may
                // run here.
                return unsafe { run_here(cell, || cell.run_slots(slots), slots) };
            }
            Alone::Refused => cell.leave_alone(),
            Alone::No => {}
        }
    }
    // SAFETY: as above.
    unsafe { handle(cell, slots) }
}

/// Handles a call of any callback, on any thread, with others of the same inside or without.
///
/// # Safety
/// `slots` are those of a call of the cell's.
#[inline(never)]
unsafe fn handle(cell: &'static Cell, slots: *mut u64) {
    let thread = thread::key();
    if !cell.gate.is_owner(thread) {
        // SAFETY: the caller's promise.
        unsafe { elsewhere(cell, slots, thread) }
    } else if let Some(inside) = cell.enter_owner() {
        let _leave = Leave { cell, owner: Some(inside) };
        // SAFETY: let in. Owner thread: any handler may run here.
        unsafe { run_here(cell, || cell.run(slots), slots) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { late(cell, slots) };
    }
}

/// Handles a call whose arguments were left in their registers: `call` runs the handler with them, `slots` are they
/// with one more for the result.
///
/// # Safety
/// `cell` is that of a callback or was one's, and its handler is an `H`.
#[inline(always)]
pub(super) unsafe fn direct<H: 'static, R: SlotResult, const N: usize>(
    cell: *const Cell,
    call: impl FnOnce(&H) -> R,
    slots: impl FnOnce() -> [u64; N],
) -> R {
    // SAFETY: cells are never freed.
    let cell: &'static Cell = unsafe { &*cell };
    if !cell.gate.is_owner(thread::key()) {
        // SAFETY: the caller's promise.
        return unsafe { with_slots(cell, slots) };
    }
    match cell.gate.enter_alone() {
        Alone::In => {}
        // SAFETY: the caller's promise.
        Alone::No => return unsafe { with_slots(cell, slots) },
        // SAFETY: the caller's promise.
        Alone::Refused => return unsafe { refused(cell, slots) },
    }
    // SAFETY: let in.
    let handler = unsafe { cell.handler::<H>() };
    // On the owner's thread any handler may run.
    let result = catch_unwind(AssertUnwindSafe(|| call(handler)));
    let result = result.unwrap_or_else(|payload| {
        fail(CallbackError::panic(payload));
        R::from_result(0)
    });
    cell.leave_alone();
    result
}

/// The same where something is out of the ordinary, for the fast way to need no stack. Not to be left by unwinding, as
/// no handler of a direct callback is, so that the fast way can end in a jump to it.
///
/// # Safety
/// As [`direct`].
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it.
unsafe extern "C" fn with_slots<R: SlotResult, const N: usize>(
    cell: &'static Cell,
    slots: impl FnOnce() -> [u64; N],
) -> R {
    let mut slots = slots();
    // SAFETY: the caller's promise: these are slots of a call.
    unsafe { handle(cell, slots.as_mut_ptr()) };
    R::from_result(slots[N - 1])
}

/// The same behind an attempt that was refused.
///
/// # Safety
/// As [`direct`].
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it.
unsafe extern "C" fn refused<R: SlotResult, const N: usize>(
    cell: &'static Cell,
    slots: impl FnOnce() -> [u64; N],
) -> R {
    cell.leave_alone();
    // SAFETY: the caller's promise.
    unsafe { with_slots(cell, slots) }
}

/// Where native code looks for the result of a call whose arguments stay in their registers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub(super) enum ResultRegister {
    None,
    General,
    F32,
    F64,
}

/// What stubs of the `direct` entry jump to once their callback is closed and left, when its handler's own code may be
/// gone from the process: functions that return zero, with so many general registers in front of the cell's.
pub(super) fn refusing(result: ResultRegister, registers: usize) -> CodePointer {
    match result {
        ResultRegister::None => refusing_with::<()>(registers),
        ResultRegister::General => refusing_with::<u64>(registers),
        ResultRegister::F32 => refusing_with::<f32>(registers),
        ResultRegister::F64 => refusing_with::<f64>(registers),
    }
}

macro_rules! refusing {
    ($registers:expr; $($count:literal ($($register:ident)*))*) => {
        match $registers {
            $($count => {
                unsafe extern "C" fn refuse<R: SlotResult>($($register: u64,)* cell: *const Cell) -> R {
                    let _ = ($($register,)*);
                    // SAFETY: cells are never freed.
                    count_late(unsafe { &*cell });
                    R::from_result(0)
                }
                // SAFETY: function pointers are of one form; who calls it knows its type.
                unsafe {
                    mem::transmute::<unsafe extern "C" fn($(refusing!(@ $register),)* *const Cell) -> R, CodePointer>(
                        refuse::<R>,
                    )
                }
            })*
            _ => unreachable!("no convention has so many argument registers"),
        }
    };
    (@ $register:ident) => { u64 };
}

fn refusing_with<R: SlotResult>(registers: usize) -> CodePointer {
    refusing! { registers;
        0 () 1 (a) 2 (a b) 3 (a b c) 4 (a b c d) 5 (a b c d e) 6 (a b c d e f) 7 (a b c d e f g)
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
    let leave = Leave { cell, owner: None };
    // SAFETY: let in.
    let kind = unsafe { cell.kind() };
    let here = kind.policy.owner().is_none_or(|owner| owner.key == thread & !PENDING);
    if thread & PENDING != 0 && here {
        kind.counters.skipped.count();
        // SAFETY: the slots are the stub's.
        unsafe { cell.pool().zero.write(slots) };
    } else if here {
        // SAFETY: let in, on the owner thread or by an inline policy.
        unsafe { run_here(cell, || cell.run(slots), slots) };
    // SAFETY: let in, and not inline; the slots are the stub's.
    } else if unsafe { kind.policy.elsewhere(cell, slots) } == Count::GivenAway {
        mem::forget(leave);
    }
}

/// Leaves the gate when a call ends, however it ends.
struct Leave {
    cell: &'static Cell,
    /// As its owner.
    owner: Option<Inside>,
}

impl Drop for Leave {
    #[inline(always)]
    fn drop(&mut self) {
        let gate = &self.cell.gate;
        self.cell.left(match self.owner {
            Some(inside) => gate.leave_owner(inside),
            None => gate.leave(),
        });
    }
}

/// Leaves the gate when the owner's only call ends, however it ends.
struct LeaveAlone(&'static Cell);

impl Drop for LeaveAlone {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.leave_alone();
    }
}

/// Runs a handler, as `handler` does it, on the thread of its caller. It may be left by unwinding where its kind says
/// so.
///
/// # Safety
/// As [`Cell::run`], and `slots` are the call's.
#[inline(always)]
unsafe fn run_here(cell: &Cell, handler: impl FnOnce(), slots: *mut u64) {
    // SAFETY: the caller's promise.
    match unsafe { cell.kind() }.unwinding {
        // SAFETY: the caller's promise.
        Unwinding::Stops => unsafe { stopping(cell, handler, slots) },
        Unwinding::Passes => handler(),
    }
}

/// Runs a handler on this thread. No panic leaves it.
///
/// # Safety
/// As [`Cell::run`].
#[inline(always)]
pub(super) unsafe fn run(cell: &Cell, slots: *mut u64) {
    // SAFETY: the caller's promise.
    unsafe { stopping(cell, || cell.run(slots), slots) }
}

/// Runs a handler as `handler` does it. No panic leaves it.
///
/// # Safety
/// `slots` are those of a call of the cell's.
#[inline(always)]
unsafe fn stopping(cell: &Cell, handler: impl FnOnce(), slots: *mut u64) {
    let result = catch_unwind(AssertUnwindSafe(handler));
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
    count_late(cell);
    // SAFETY: the slots are those of a call, and the form of the result is the pool's.
    unsafe { cell.pool().zero.write(slots) };
}

fn count_late(cell: &Cell) {
    if cell.gate.after_close() == AfterClose::Abort {
        let address = cell.entry() as *const c_void;
        let _ = writeln!(io::stderr(), "springboard: a closed callback was called at {address:p}");
        std::process::abort();
    }
    cell.pool().late.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}
