//! Cells: the data of one callback each, at an address that its stub holds for good; and the terms of its type, which a cell
//! refers to and whose policy is handed cells.

use std::{
    any::Any,
    cell::UnsafeCell,
    ffi::c_void,
    fmt,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering::Relaxed},
    },
};

use springboard_code::CodePointer;
use springboard_ir::Signature;

use super::{
    Batch, Pool,
    choices::{Own, Unwinding},
};
use crate::{
    callback::{
        copy::Capture,
        counters::Counters,
        erased::{Erased, Garbage},
        gate::{AfterClose, Gate, Generation, Inside, Left, NOBODY},
        owner::Owner,
        report,
    },
    thread::{self, CallbackError},
};

/// One callback, or the place for one. A cache line; never freed and never moved, because native code may keep its stub's
/// address for as long as it likes.
#[repr(C, align(64))]
pub(crate) struct Cell {
    /// What a stub of the `direct` entry jumps to, which finds it at the start of its context. Other stubs do not look.
    function: AtomicPtr<c_void>,
    pub(crate) gate: Gate,
    /// Written while the gate is retired, and read by those whom it let in.
    body: UnsafeCell<MaybeUninit<Body>>,
    batch: &'static Batch,
}

const _: () = assert!(size_of::<Cell>() == 64);

#[derive(Clone, Copy)]
struct Body {
    handler: Erased,
    /// From `Arc::into_raw`.
    terms: *const Terms,
}

// SAFETY: the gate is atomic. The body is written by the one thread that took the cell out of its pool, before the
// gate opens, and read by those whom the gate let in. Dispatch runs a handler only on threads that its terms allow, and
// `retire` frees it only there.
unsafe impl Sync for Cell {}
// SAFETY: a cell is reached through shared references alone, so what holds for `Sync` is enough.
unsafe impl Send for Cell {}

impl Cell {
    /// Retired.
    pub(super) fn new(batch: &'static Batch) -> Cell {
        let (function, body) = (AtomicPtr::new(ptr::null_mut()), UnsafeCell::new(MaybeUninit::uninit()));
        Cell { function, gate: Gate::new(), body, batch }
    }

    /// Where it came from, with all whose stubs came from there.
    pub(crate) fn pool(&self) -> &'static Pool {
        self.batch.pool
    }

    /// The address of the stub.
    pub(crate) fn entry(&self) -> CodePointer {
        self.batch.entry(self)
    }

    fn jump_to(&self, function: CodePointer) {
        self.function.store((function as *const c_void).cast_mut(), Relaxed);
    }

    /// Makes the cell a callback.
    ///
    /// # Safety
    /// The cell was taken from its pool and is nobody else's. The handler fits the signature and may run on the threads
    /// that `terms` allow.
    pub(crate) unsafe fn open(&self, handler: Erased, terms: Arc<Terms>, thread: u64) -> Generation {
        let body = Body { handler, terms: Arc::into_raw(terms) };
        // SAFETY: a cell from the pool is retired, so nobody is let in and nobody else writes.
        unsafe { (*self.body.get()).write(body) };
        self.gate.open(thread)
    }

    /// The same for a stub of the `direct` entry.
    ///
    /// # Safety
    /// As [`Cell::open`]; and the stub may jump to `function`.
    pub(crate) unsafe fn open_direct(
        &self,
        function: CodePointer,
        handler: Erased,
        terms: Arc<Terms>,
        thread: u64,
    ) -> Generation {
        self.jump_to(function);
        // SAFETY: the contract of `Cell::open` is the caller's.
        unsafe { self.open(handler, terms, thread) }
    }

    /// # Safety
    /// The caller was let in and has not left, or is told to retire the cell.
    #[inline(always)]
    unsafe fn body(&self) -> &Body {
        // SAFETY: `open` wrote the body before the gate opened, and nobody writes again until it is retired, which the
        // caller is inside of or does.
        unsafe { (*self.body.get()).assume_init_ref() }
    }

    /// What the callback's type says.
    ///
    /// # Safety
    /// The caller was let in and has not left.
    pub(crate) unsafe fn terms(&self) -> &Terms {
        // SAFETY: the caller is inside; the body keeps a count of the terms until the cell is retired.
        unsafe { &*self.body().terms }
    }

    /// Runs the handler. A panic may leave it.
    ///
    /// # Safety
    /// The caller was let in and has not left; the slots are those of a call, and the terms let the handler run on this
    /// thread.
    #[inline(always)]
    pub(crate) unsafe fn run(&self, slots: *mut u64) {
        // SAFETY: the caller is inside, so data and functions are alive; `open` was given a handler that fits the
        // slots of any call.
        unsafe {
            let handler = self.body().handler;
            ((*handler.functions).run)(handler.data, slots);
        }
    }

    /// Runs the handler. No panic leaves it: the caller gets zero, and the error is pending or reported.
    ///
    /// # Safety
    /// As [`Cell::run`].
    #[inline(always)]
    pub(crate) unsafe fn run_and_stop_panics(&self, slots: *mut u64) {
        // SAFETY: the contract is this function's own.
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { self.run(slots) }));
        if let Err(payload) = result {
            // SAFETY: the slots are a call's of this cell's pool.
            unsafe { self.panicked(slots, payload) };
        }
    }

    /// Ends a call whose handler panicked.
    ///
    /// # Safety
    /// The slots are those of a call of this cell's pool.
    #[cold]
    #[inline(never)]
    unsafe fn panicked(&self, slots: *mut u64, payload: Box<dyn Any + Send>) {
        // SAFETY: the contract is this function's own.
        unsafe { self.pool().zero.write(slots) };
        report::fail(CallbackError::panic(payload));
    }

    /// The handler.
    ///
    /// # Safety
    /// The caller was let in and has not left; the handler is an `H`.
    #[inline(always)]
    pub(crate) unsafe fn handler<H: 'static>(&self) -> &H {
        // SAFETY: the caller is inside, so the handler is alive, and knows its type.
        unsafe { &*self.body().handler.data.cast() }
    }

    /// The gate's home thread enters. `None` where it is refused, and has left.
    pub(crate) fn enter_home(&'static self) -> Option<Inside> {
        match self.gate.enter_home() {
            Ok(inside) => Some(inside),
            Err(left) => {
                self.left(left);
                None
            }
        }
    }

    /// The gate's home thread leaves, whose only call this was.
    #[inline(always)]
    pub(crate) fn leave_alone(&'static self) {
        if let Err(inside) = self.gate.leave_alone() {
            self.leave_closed(inside);
        }
    }

    /// The gate's home thread leaves, and finds it closed.
    #[cold]
    #[inline(never)]
    pub(crate) fn leave_closed(&'static self, inside: Inside) {
        self.left(self.gate.leave_home(inside));
    }

    /// Closes that generation; frees what it held, if nobody is inside.
    pub(crate) fn close(&'static self, generation: Generation, after: AfterClose) {
        if let Some(left) = self.gate.close(generation, thread::key() & !thread::PENDING, after) {
            self.left(left);
        }
    }

    /// To be told of every leaving.
    #[inline(always)]
    pub(crate) fn left(&'static self, left: Left) {
        if left == Left::Last {
            self.retire();
        }
    }

    /// Frees what the cell holds, on the thread that may, and gives the cell back.
    #[cold]
    fn retire(&'static self) {
        // SAFETY: the gate has told this caller, and no other of this generation, that nobody is or comes inside; so
        // the body is read for the last time, and its count of the terms is given up once.
        let (handler, terms) = unsafe {
            let Body { handler, terms } = *self.body();
            (handler, Arc::from_raw(terms))
        };
        // SAFETY: nobody is inside any more. It goes to the owner, who may free it; or is released here, where this is the
        // owner or any thread may.
        let garbage = unsafe { Garbage::new(handler) };
        if let Some(refusing) = self.pool().refusing() {
            // The code of the handler may be unloaded from now on.
            self.jump_to(refusing);
        }
        match terms.owner() {
            Some(owner) if !owner.is_current() => owner.discard(garbage),
            _ => garbage.release(),
        }
        drop(terms);
        self.pool().give_back(self);
    }
}

/// What callbacks of one type share.
pub(crate) struct Terms {
    pub(crate) signature: Signature,
    /// `None` where the handler runs on whatever thread calls.
    pub(crate) policy: Option<Box<dyn Policy>>,
    /// What a record owns instead of its caller.
    pub(crate) captures: Arc<[Capture]>,
    pub(crate) counters: Counters,
    pub(crate) unwinding: Unwinding,
}

impl Terms {
    /// The thread on which alone handlers run and are freed. `None` where it may be any.
    pub(crate) fn owner(&self) -> Option<&Arc<Owner>> {
        self.policy.as_ref().map(|policy| policy.owner())
    }

    /// The policy that answers a call on the thread with this key. `None` where the handler runs there.
    pub(crate) fn elsewhere(&self, thread: u64) -> Option<&dyn Policy> {
        let answers = |policy: &&dyn Policy| policy.owner().key != thread || policy.own() == Own::Queue;
        self.policy.as_deref().filter(answers)
    }

    /// The key of the thread that is to be the gate's home: the running one, unless its calls are as any other's.
    pub(crate) fn home(&self) -> u64 {
        match &self.policy {
            Some(policy) if policy.own() == Own::Queue => NOBODY,
            _ => thread::host_key(),
        }
    }
}

/// What a callback does with calls from other threads than its owner.
pub(crate) trait Policy: fmt::Debug + Send + Sync {
    fn owner(&self) -> &Arc<Owner>;

    fn own(&self) -> Own {
        Own::Run
    }

    /// Answers a call on another thread than the owner, or one of the owner's own that queues. The result's slot holds zero
    /// already.
    ///
    /// # Safety
    /// The call was let in to the cell, whose policy this is, and stays inside until this returns; `slots` are the
    /// call's.
    unsafe fn elsewhere(&self, cell: &'static Cell, slots: *mut u64) -> Count;
}

/// Who takes a call off the gate's count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Count {
    Kept,
    GivenAway,
}
