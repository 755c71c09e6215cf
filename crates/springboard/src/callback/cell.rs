//! Cells: the data of one callback each, at an address that its stub holds for good.

use std::{
    cell::UnsafeCell,
    ffi::c_void,
    mem::{self, MaybeUninit},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering::Relaxed},
    },
};

use springboard_code::CodePointer;

use super::{
    gate::{AfterClose, Gate, Generation, Inside, Left},
    handler::{Erased, Functions, SlotFunctions},
    kind::Kind,
    pool::{Batch, Pool},
    thread,
};

/// One callback, or the place for one. A cache line; never freed and never moved, because native code may keep its
/// stub's address for as long as it likes.
#[repr(C, align(64))]
pub(super) struct Cell {
    /// What a stub of the `direct` entry jumps to: its place is that entry's rule. In a cell of any other pool, the
    /// handler's function that takes slots.
    entry: AtomicPtr<c_void>,
    pub(super) gate: Gate,
    /// Written while the gate is retired, and read by those whom it let in.
    body: UnsafeCell<MaybeUninit<Body>>,
    batch: *const Batch,
}

#[derive(Clone, Copy)]
struct Body {
    data: *const c_void,
    /// In a cell of a direct pool, a `&'static SlotFunctions`; in any other, the function that frees `data`.
    rest: *const c_void,
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
        Cell {
            entry: AtomicPtr::new(ptr::null_mut()),
            gate: Gate::new(),
            body: UnsafeCell::new(MaybeUninit::uninit()),
            batch,
        }
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
        let Erased { data, functions } = handler;
        let (entry, rest) = match functions {
            Functions::Slots(SlotFunctions { run, release }) => {
                (run as *const c_void, release as *const c_void)
            }
            Functions::Direct(entry, functions) => (entry as *const c_void, (&raw const *functions).cast()),
        };
        debug_assert_eq!(self.pool().is_direct(), matches!(functions, Functions::Direct(..)));
        self.entry.store(entry.cast_mut(), Relaxed);
        let body = Body { data, rest, kind: Arc::into_raw(kind) };
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
        let body = unsafe { (*self.body.get()).assume_init_ref() };
        // SAFETY: the caller's promise, and that of `open`.
        unsafe { (self.functions(body).run)(body.data, slots) }
    }

    /// As [`Cell::run`], in a pool of slots.
    ///
    /// # Safety
    /// As [`Cell::run`]; the pool is not direct.
    #[inline(always)]
    pub(super) unsafe fn run_slots(&self, slots: *mut u64) {
        // SAFETY: as in `kind`; `open` has put the function there.
        unsafe {
            let run =
                mem::transmute::<*mut c_void, unsafe fn(*const c_void, *mut u64)>(self.entry.load(Relaxed));
            run((*self.body.get()).assume_init_ref().data, slots);
        }
    }

    /// The handler's functions.
    #[inline(always)]
    fn functions(&self, body: &Body) -> SlotFunctions {
        // SAFETY: `open` has put these here, as the pool says.
        unsafe {
            if self.pool().is_direct() {
                *body.rest.cast::<SlotFunctions>()
            } else {
                SlotFunctions {
                    run: mem::transmute::<*mut c_void, unsafe fn(*const c_void, *mut u64)>(
                        self.entry.load(Relaxed),
                    ),
                    release: mem::transmute::<*const c_void, unsafe fn(*const c_void)>(body.rest),
                }
            }
        }
    }

    /// The handler.
    ///
    /// # Safety
    /// As [`Cell::kind`]; it is an `H`.
    #[inline(always)]
    pub(super) unsafe fn handler<H: 'static>(&self) -> &H {
        // SAFETY: the caller's promise: it lives until the cell is retired.
        unsafe { &*(*self.body.get()).assume_init_ref().data.cast() }
    }

    /// The gate's owner enters. `None` where it is refused, and has left.
    pub(super) fn enter_owner(&'static self) -> Option<Inside> {
        match self.gate.enter_owner() {
            Ok(inside) => Some(inside),
            Err(left) => {
                self.left(left);
                None
            }
        }
    }

    /// The gate's owner leaves that was alone.
    #[inline(always)]
    pub(super) fn leave_alone(&'static self) {
        if let Err(inside) = self.gate.leave_alone() {
            self.leave_closed(inside);
        }
    }

    #[cold]
    #[inline(never)]
    fn leave_closed(&'static self, inside: Inside) {
        self.left(self.gate.leave_owner(inside));
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
        let body = unsafe { (*self.body.get()).assume_init_read() };
        let Body { data, kind, .. } = body;
        // SAFETY: from `into_raw` in `open`.
        let kind = unsafe { Arc::from_raw(kind) };
        let garbage = Garbage { release: self.functions(&body).release, data };
        if let Some(refusing) = self.pool().refusing {
            self.entry.store((refusing as *const c_void).cast_mut(), Relaxed);
        }
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
