//! Cells: the data of one callback each, at an address that its stub holds for good.

use std::{
    cell::UnsafeCell,
    ffi::c_void,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    gate::{AfterClose, Gate, Generation, Left},
    handler::Erased,
    kind::Kind,
    pool::{Batch, Pool},
    thread,
};
use crate::code::CodePointer;

/// One callback, or the place for one. A cache line; never freed and never moved, because native code may keep its
/// stub's address for as long as it likes.
#[repr(C, align(64))]
pub(super) struct Cell {
    pub(super) gate: Gate,
    /// Written while the gate is retired, and read by those whom it let in.
    body: UnsafeCell<MaybeUninit<Body>>,
    batch: *const Batch,
}

#[derive(Clone, Copy)]
struct Body {
    handler: Erased,
    /// From `Arc::into_raw`.
    kind: *const Kind,
}

// SAFETY: the gate is atomic. The body is written by the one thread that took the cell out of its pool, before the
// gate opens, and read behind it. Whether a handler may run or be freed on a thread is the policy's to keep
// (`dispatch.rs`, `Cell::retire`).
unsafe impl Sync for Cell {}
// SAFETY: as above: cells are shared, and never owned.
unsafe impl Send for Cell {}

impl Cell {
    pub(super) fn new(batch: *const Batch) -> Cell {
        Cell { gate: Gate::new(), body: UnsafeCell::new(MaybeUninit::uninit()), batch }
    }

    fn batch(&self) -> &'static Batch {
        // SAFETY: batches are never freed, and a cell is made with the address of its own.
        unsafe { &*self.batch }
    }

    pub(super) fn pool(&self) -> &'static Pool {
        self.batch().pool
    }

    /// The address of the stub.
    pub(super) fn entry(&self) -> CodePointer {
        self.batch().entry(self)
    }

    /// Makes the cell a callback.
    ///
    /// # Safety
    /// The cell was taken from its pool and is nobody else's. The handler fits the kind's signature, and may run where
    /// the kind's policy lets it.
    pub(super) unsafe fn open(&self, handler: Erased, kind: Arc<Kind>, thread: u64) -> Generation {
        let body = Body { handler, kind: Arc::into_raw(kind) };
        // SAFETY: nobody is let in, and nobody else opens.
        unsafe { (*self.body.get()).write(body) };
        self.gate.open(thread)
    }

    /// What the callback is.
    ///
    /// # Safety
    /// The caller was let in and has not left, or is told to retire the cell.
    pub(super) unsafe fn kind(&self) -> &Kind {
        // SAFETY: the body was written before the gate opened, and keeps the kind until it is retired.
        unsafe { &*(*self.body.get()).assume_init_ref().kind }
    }

    /// Runs the handler. A panic may leave it.
    ///
    /// # Safety
    /// As [`Cell::kind`]; the slots are those of a call, and the policy lets the handler run on this thread.
    #[inline(always)]
    pub(super) unsafe fn run(&self, slots: *mut u64) {
        // SAFETY: as in `kind`.
        let Erased { run, data, .. } = unsafe { (*self.body.get()).assume_init_ref() }.handler;
        // SAFETY: the caller's promise, and that of `open`.
        unsafe { run(data, slots) }
    }

    /// Closes that generation; frees what it held, if nobody is inside.
    pub(super) fn close(&'static self, generation: Generation, after: AfterClose) {
        if let Some(left) = self.gate.close(generation, thread::key() & !thread::PENDING, after) {
            self.left(left);
        }
    }

    /// To be told of every leaving.
    #[inline(always)]
    pub(super) fn left(&'static self, left: Left) {
        if left == Left::Last {
            self.retire();
        }
    }

    /// Frees what the cell holds, on the thread that may, and gives the cell back.
    #[cold]
    fn retire(&'static self) {
        // SAFETY: the gate says so to one thread, once for each time that it was opened.
        let Body { handler, kind } = unsafe { (*self.body.get()).assume_init_read() };
        // SAFETY: from `into_raw` in `open`.
        let kind = unsafe { Arc::from_raw(kind) };
        let garbage = Garbage { release: handler.release, data: handler.data };
        match kind.policy.owner() {
            Some(owner) if !owner.is_current() => owner.discard(garbage),
            _ => garbage.release(),
        }
        drop(kind);
        self.pool().give_back(self);
    }
}

/// A handler that nobody calls any more.
pub(super) struct Garbage {
    release: unsafe fn(*const c_void),
    data: *const c_void,
}

// SAFETY: only its owner thread, or any where it may be freed on any, calls `release` (`Cell::retire`, `owner.rs`).
unsafe impl Send for Garbage {}

impl Garbage {
    pub(super) fn release(self) {
        let Garbage { release, data } = self;
        // SAFETY: the handler's own, once, after the last call.
        let released = catch_unwind(AssertUnwindSafe(|| unsafe { release(data) }));
        if let Err(payload) = released {
            super::dispatch::fail(super::error::CallbackError::panic(payload));
        }
    }
}
