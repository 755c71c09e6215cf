//! What `fork` means for code memory and mailboxes.
//!
//! Parent and child share the pages of every segment that was there before, and each believes that it owns them. So
//! a fork freezes them for both: what is published stays callable, and nobody writes there again. Each goes on in
//! segments of its own.
//!
//! A thread that compiles or writes code at that moment does not exist in the child, but the locks that it holds
//! would. So whoever forks waits until nobody does ([`hold`]).

use std::{
    cell::{Cell, UnsafeCell},
    marker::PhantomData,
    sync::{
        Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::callback::{self, PoolsLocked};

/// Read: code is being made or freed. Written: the process is forking.
static GATE: RwLock<()> = RwLock::new(());

/// Forks that this process was the parent of or was made by, itself and its ancestors.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Forks by which this process came to be: what a child counts up, and its parent does not.
static GENERATION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How many [`Hold`]s this thread has. It has no destructor, so it is there even while a thread ends.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// While this lives, `fork` waits.
pub(crate) struct Hold {
    _gate: Option<RwLockReadGuard<'static, ()>>,
    /// It counts on its own thread.
    _thread: PhantomData<*mut ()>,
}

/// Keeps the process from forking. May be nested. The holder must not wait for another thread that wants the same:
/// a fork between the two would make that one wait.
pub(crate) fn hold() -> Hold {
    let held = HELD.get();
    HELD.set(held + 1);
    let gate = (held == 0).then(|| GATE.read().unwrap_or_else(PoisonError::into_inner));
    Hold { _gate: gate, _thread: PhantomData }
}

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.set(HELD.get() - 1);
    }
}

/// How often this process has forked or been forked. It does not change while a [`Hold`] lives.
///
/// A fork that bypasses the C library's `fork` goes unnoticed.
pub(crate) fn count() -> u64 {
    watch();
    FORKS.load(Ordering::Relaxed)
}

/// Which of the processes that came of one another by forks this is. One load, for paths that are hot: it is right for
/// what was made after [`watch`].
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has forks wait for holders, and lock what they must find unlocked afterwards, from now on.
pub(crate) fn watch() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handlers may run at any fork from now on: they touch statics alone. The C library forgets them
        // when the object that they are in is unloaded.
        let refused = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
        // Out of memory at the first use: the process number, which is compared too, still tells a child.
        debug_assert_eq!(refused, 0);
    });
}

/// What is locked between the handlers: first the gate, then the pools of callbacks, which are locked without the gate
/// where nothing else is needed. Unlocked in the opposite order.
struct Locked {
    _pools: PoolsLocked,
    _gate: RwLockWriteGuard<'static, ()>,
}

struct Forking(UnsafeCell<Option<Locked>>);

// SAFETY: only who has the gate for writing accesses the value. A guard is dropped by the thread that took it: the
// handlers of one `fork` run on one thread, which is the only one that the child has.
unsafe impl Sync for Forking {}

static FORKING: Forking = Forking(UnsafeCell::new(None));

extern "C" fn before() {
    // A holder that forks would wait for itself.
    if HELD.get() == 0 {
        let gate = GATE.write().unwrap_or_else(PoisonError::into_inner);
        let locked = Locked { _pools: callback::lock_pools(), _gate: gate };
        // SAFETY: this thread has the gate.
        unsafe { *FORKING.0.get() = Some(locked) };
    }
}

extern "C" fn after() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    if HELD.get() == 0 {
        // SAFETY: this thread has had the gate since `before`.
        drop(unsafe { (*FORKING.0.get()).take() });
    }
}

extern "C" fn after_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    after();
}
