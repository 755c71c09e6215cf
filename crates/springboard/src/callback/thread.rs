//! What is known of the running thread: its key, its pending error, and whether it is inside native code.
//!
//! The key and what stands beside it are plain words of thread-local memory: reading them on a thread that springboard
//! has never seen allocates nothing, registers nothing and works in the destructors of thread-locals.

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{error::CallbackError, owner::Owner};

/// A bit of [`key`]: an error is pending on the thread. No key has it, so one comparison looks at both.
pub(super) const PENDING: u64 = 1 << 63;

struct Thread {
    /// 0 for a thread that is not the host's, else its number, never used again; and [`PENDING`].
    key: Cell<u64>,
    /// What other threads know of this one. Null where it owns no mailbox.
    owner: Cell<*const Owner>,
}

thread_local! {
    static THREAD: Thread = const { Thread { key: Cell::new(0), owner: Cell::new(std::ptr::null()) } };
    /// The error itself, touched only where there is one.
    static ERROR: RefCell<Option<CallbackError>> = const { RefCell::new(None) };
}

/// The thread's key and [`PENDING`]. 0 for a foreign thread.
#[inline(always)]
pub(super) fn key() -> u64 {
    THREAD.with(|thread| thread.key.get())
}

/// The thread's key, which makes it a thread of the host from now on.
pub(super) fn host_key() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    THREAD.with(|thread| {
        if thread.key.get() & !PENDING == 0 {
            thread.key.set(thread.key.get() | NEXT.fetch_add(1, Relaxed));
        }
        thread.key.get() & !PENDING
    })
}

/// The system's number of the running thread (gettid(2)).
pub(super) fn system_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// Tells the thread what others know of it. Null once it is gone.
pub(super) fn set_owner(owner: *const Owner) {
    THREAD.with(|thread| thread.owner.set(owner));
}

/// Makes `error` the pending one, unless one is pending already: the first is what the host asks for. `false` where
/// the thread's thread-locals are gone and there is nowhere to keep it.
pub(super) fn set_pending(error: CallbackError) -> bool {
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
/// [`Slots`](crate::Slots) or [`Typed`](crate::Typed) do so here, once their outermost call has returned.
#[inline]
pub fn take_pending() -> Option<CallbackError> {
    if key() & PENDING == 0 { None } else { take_error() }
}

/// The address of a word of the running thread, valid for as long as the thread runs: its highest bit is set while an
/// error of a callback is pending there. For stubs that call native code in a loop, and end it then.
pub fn pending_address() -> *const u64 {
    THREAD.with(|thread| thread.key.as_ptr().cast_const())
}

/// Whether an error of a callback is pending on the running thread: see [`take_pending`].
pub fn is_pending() -> bool {
    key() & PENDING != 0
}

#[cold]
fn take_error() -> Option<CallbackError> {
    THREAD.with(|thread| thread.key.set(thread.key.get() & !PENDING));
    ERROR.try_with(|slot| slot.borrow_mut().take()).ok().flatten()
}

/// Puts back what [`take_pending`] took.
pub(super) fn restore_pending(error: Option<CallbackError>) {
    error.into_iter().for_each(|error| _ = set_pending(error));
}

/// Marks the time that a thread spends in native code, in which it serves no mailbox unless a callback does so.
///
/// [`Function::call`](crate::Function::call) makes one. A host that calls by [`Slots`](crate::Slots) or
/// [`Typed`](crate::Typed) makes one around a call that may wait for other threads, so that their blocking callbacks
/// can be refused where the two would wait for each other (`Busy`). Costs a few nanoseconds on
/// a thread that has a mailbox, and less on others.
#[derive(Debug)]
pub struct NativeScope {
    owner: *const Owner,
    /// Belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl NativeScope {
    /// The thread is about to enter native code.
    #[inline]
    #[must_use = "the scope ends when this is dropped"]
    pub fn enter() -> NativeScope {
        host_key();
        let owner = THREAD.with(|thread| thread.owner.get());
        // SAFETY: the pointer is that of the thread's own, which sets it to null before it is gone.
        if let Some(owner) = unsafe { owner.as_ref() } {
            owner.enter_native();
        }
        NativeScope { owner, thread: PhantomData }
    }
}

impl Drop for NativeScope {
    #[inline]
    fn drop(&mut self) {
        // Not the pointer from the beginning: a thread may end inside (pthread_exit), or begin to own a mailbox.
        let owner = THREAD.with(|thread| thread.owner.get());
        if !self.owner.is_null() && owner == self.owner {
            // SAFETY: as in `enter`.
            unsafe { &*owner }.leave_native();
        }
    }
}
