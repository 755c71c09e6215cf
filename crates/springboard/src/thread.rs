//! What is known of the running thread: its key, its pending error, and whether it is in native code.
//!
//! The key and what lies beside it are plain words of thread-local memory: reading them on a thread that springboard
//! has never seen allocates nothing, registers nothing, and works in the destructors of thread-locals.

use std::{
    cell::{Cell, RefCell},
    fmt,
    marker::PhantomData,
    ptr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

mod error;

use crate::system::threads;

pub use self::error::CallbackError;

/// A bit of [`key`]: an error is pending on the thread. No key has it, so one comparison checks both.
pub(crate) const PENDING: u64 = 1 << 63;

struct Thread {
    /// 0 for a foreign thread, else a number that is never used again; and [`PENDING`].
    key: Cell<u64>,
    /// Null where no other thread looks; [`UNSEEN`] where it is not known that the thread has a key.
    stays: Cell<*const Stays>,
    /// How many native calls deep the thread is, as far as `stays` has counted them.
    depth: Cell<u32>,
}

/// No address of any [`Stays`].
const UNSEEN: *const Stays = ptr::without_provenance(1);

thread_local! {
    static THREAD: Thread =
        const { Thread { key: Cell::new(0), stays: Cell::new(UNSEEN), depth: Cell::new(0) } };
    /// The error itself, touched only where there is one.
    static ERROR: RefCell<Option<CallbackError>> = const { RefCell::new(None) };
}

/// The thread's key and [`PENDING`]. 0 for a foreign thread without an error.
#[inline(always)]
pub(crate) fn key() -> u64 {
    THREAD.with(|thread| thread.key.get())
}

/// Whether a [`NativeScope`] would do nothing on the running thread.
#[inline(always)]
pub(crate) fn enters_unnoticed() -> bool {
    THREAD.with(|thread| thread.stays.get().is_null())
}

/// The thread's key, without [`PENDING`]. Makes the thread one of the host's.
pub(crate) fn host_key() -> u64 {
    THREAD.with(Thread::host_key)
}

impl Thread {
    #[inline(always)]
    fn host_key(&self) -> u64 {
        match self.key.get() & !PENDING {
            0 => self.begin(),
            key => key,
        }
    }

    #[cold]
    fn begin(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let key = NEXT.fetch_add(1, Relaxed);
        self.key.set(self.key.get() | key);
        key
    }
}

/// The system's number of the running thread.
pub(crate) fn system_id() -> i32 {
    threads::number()
}

/// Makes `error` the pending one, unless there is one: the first is what the host asks for. `false` where the thread's
/// thread-locals are gone and there is nowhere to keep it.
pub(crate) fn set_pending(error: CallbackError) -> bool {
    ERROR
        .try_with(|slot| {
            slot.borrow_mut().get_or_insert(error);
            THREAD.with(|thread| thread.key.set(thread.key.get() | PENDING));
        })
        .is_ok()
}

/// Takes the error of a callback that is pending on this thread.
///
/// A panic or error of a handler never crosses into native code: the native caller gets zero, and so does every
/// later call of a callback on this thread, without its handler running, until the error is taken.
/// [`Function::call`](crate::Function::call) takes it when the native function returns. Hosts that call by
/// [`Slots`](crate::Slots) or [`Typed`](crate::function::Typed) take it here, once their outermost call has returned.
#[inline]
pub fn take_pending() -> Option<CallbackError> {
    if key() & PENDING == 0 { None } else { take_error() }
}

/// The address of a word of the running thread, valid until the thread ends. Its highest bit is set while an error of a
/// callback is pending on the thread. For code that calls native code in a loop and stops then.
pub fn pending_address() -> *const u64 {
    THREAD.with(|thread| thread.key.as_ptr().cast_const())
}

/// Whether an error of a callback is pending on the running thread: see [`take_pending`].
#[inline]
pub fn is_pending() -> bool {
    key() & PENDING != 0
}

#[cold]
fn take_error() -> Option<CallbackError> {
    THREAD.with(|thread| thread.key.set(thread.key.get() & !PENDING));
    ERROR.try_with(|slot| slot.borrow_mut().take()).ok().flatten()
}

/// Runs something while the pending error is set aside, and returns the error that `run` left.
pub(crate) fn without_pending<T>(run: impl FnOnce() -> T) -> (T, Option<CallbackError>) {
    let before = take_pending();
    let result = run();
    let error = take_pending();
    before.into_iter().for_each(|error| _ = set_pending(error));
    (result, error)
}

/// A thread's stays in native code, for other threads to read: odd during a stay, and changed by each coming and going.
#[derive(Default)]
pub(crate) struct Stays(AtomicU64);

impl Stays {
    /// During a stay, its number.
    pub(crate) fn current(&self) -> Option<u64> {
        let now = self.0.load(Relaxed);
        (now & 1 != 0).then_some(now)
    }

    /// Only the thread itself writes, so this needs no read-modify-write.
    fn set(&self, inside: bool) {
        let number = self.0.load(Relaxed) >> 1;
        self.0.store((number + 1) << 1 | u64::from(inside), Relaxed);
    }

    /// Counts the running thread's stays here from now on.
    ///
    /// # Safety
    /// They live until the thread calls [`Stays::forget`] or ends.
    pub(crate) unsafe fn count_here(&self) {
        THREAD.with(|thread| {
            thread.stays.set(self);
            thread.depth.set(0);
        });
    }

    /// Counts the running thread's stays nowhere.
    pub(crate) fn forget() {
        THREAD.with(|thread| thread.stays.set(UNSEEN));
    }
}

impl fmt::Debug for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}

/// Marks the time that a thread spends in native code, where it serves no mailbox unless a callback does.
///
/// [`Function::call`](crate::Function::call) makes one. A host that calls by [`Slots`](crate::Slots) or
/// [`Typed`](crate::function::Typed) makes one around a call that may wait for other threads, so that their blocking callbacks
/// are refused where the two would wait for each other ([`Busy`](crate::callback::Busy)). Costs a few nanoseconds on a thread
/// that has a mailbox, and less on others.
#[derive(Debug)]
pub struct NativeScope {
    stays: *const Stays,
    /// Belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl NativeScope {
    /// The thread is about to enter native code.
    #[inline]
    #[must_use = "the scope ends when this is dropped"]
    pub fn enter() -> NativeScope {
        THREAD.with(|thread| {
            let mut stays = thread.stays.get();
            if !stays.is_null() {
                stays = thread.enter();
            }
            NativeScope { stays, thread: PhantomData }
        })
    }
}

impl Drop for NativeScope {
    #[inline]
    fn drop(&mut self) {
        if !self.stays.is_null() {
            leave(self.stays);
        }
    }
}

impl Thread {
    /// Counts a stay that begins, where somebody looks at the thread, and says where.
    #[inline(never)]
    fn enter(&self) -> *const Stays {
        self.host_key();
        let stays = self.stays.get();
        if stays == UNSEEN {
            self.stays.set(ptr::null());
            return ptr::null();
        }
        self.depth.set(self.depth.get() + 1);
        // SAFETY: alive by the contract of `Stays::count_here` on this thread.
        unsafe { &*stays }.set(true);
        stays
    }
}

/// Counts a stay that ends, of those that were counted by `stays` when it began.
#[inline(never)]
fn leave(stays: *const Stays) {
    THREAD.with(|thread| {
        // Somebody else may have begun to look at the thread inside, or nobody does any more.
        if thread.stays.get() != stays {
            return;
        }
        let depth = thread.depth.get() - 1;
        thread.depth.set(depth);
        // SAFETY: not null, so alive by the contract of `Stays::count_here` on this thread.
        unsafe { &*stays }.set(depth != 0);
    });
}
