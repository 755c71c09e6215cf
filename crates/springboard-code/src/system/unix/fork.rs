//! What `fork` means for code memory and for whatever else keeps locks across it.
//!
//! After a fork, parent and child share the pages of every segment that existed, and each believes that it owns them.
//! So a fork freezes them for both: published code stays callable, and nobody writes there again. Each process goes on
//! in segments of its own.
//!
//! A thread that is compiling or writing code at that moment does not exist in the child, but the locks that it holds
//! would stay locked there. So a fork waits until no thread has a [`Hold`], and takes what is registered with
//! [`lock_at_fork`].

use std::{
    any::Any,
    cell::{Cell, UnsafeCell},
    fmt,
    marker::PhantomData,
    sync::{
        Mutex, Once, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use super::number::number;

/// Locked for reading while code is being made or freed, for writing while the process forks.
static GATE: RwLock<()> = RwLock::new(());

/// How many forks this process and its ancestors have been part of, as parent or as child.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// How many forks lie between this process and the one that the program started as. Only a child counts up.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Takes locks, and returns their guards.
type Lock = fn() -> Box<dyn Any>;

/// What is locked at each fork.
static LOCKS: Mutex<Vec<Lock>> = Mutex::new(Vec::new());

thread_local! {
    /// How many [`Hold`]s this thread has. It has no destructor, so it can be used even while a thread ends.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// Keeps the process from forking for as long as it lives. From [`hold`].
#[must_use = "the process may fork as soon as it is dropped"]
pub struct Hold {
    _gate: Option<RwLockReadGuard<'static, ()>>,
    /// It is counted on the thread that made it.
    _thread: PhantomData<*mut ()>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// Keeps the process from forking until the result is dropped. Calls may be nested.
///
/// The holder must not wait for another thread that needs a hold: once a fork waits, new holds wait for the fork.
pub fn hold() -> Hold {
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

/// How many forks this process and its ancestors have been part of. It does not change while a [`Hold`] lives.
///
/// A process made without the C library's `fork` is not counted.
pub fn count() -> u64 {
    watch();
    FORKS.load(Ordering::Relaxed)
}

/// How many forks lie between this process and the one that the program started as: what differs was made by an
/// ancestor. Forks count from the first call of [`watch`] on. One load, for hot paths.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has every fork call `lock` first, and keep what it returns until the fork is over: it is dropped in the parent and
/// in the child. For locks that a child must not find locked by a thread that it does not have.
///
/// `lock` runs on the thread that forks, while no thread has a [`Hold`]: code that waits for a hold must not keep these
/// locks.
pub fn lock_at_fork(lock: fn() -> Box<dyn Any>) {
    watch();
    let _hold = hold();
    LOCKS.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
}

/// A process, as far as code memory is concerned: neither its children nor what it is after a fork are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process {
    number: u32,
    forks: u64,
}

/// This process. Wanted under a [`Hold`].
pub(crate) fn process() -> Process {
    Process { number: number(), forks: count() }
}

/// Starts to count forks and to make them wait for holds. Whatever else in this module needs it calls it.
pub fn watch() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handlers may run at any later fork; they use statics only. The C library drops them when it
        // unloads the object that they are in.
        let refused = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
        // It fails only for want of memory. A child can still be told by its process number, which is compared too.
        debug_assert_eq!(refused, 0);
    });
}

/// What is locked from one handler to the next: first the gate, then the rest, some of which is locked elsewhere
/// without the gate. Fields are dropped in order, so the gate is unlocked last.
struct Locked {
    _rest: Vec<Box<dyn Any>>,
    _gate: RwLockWriteGuard<'static, ()>,
}

struct Forking(UnsafeCell<Option<Locked>>);

// SAFETY: only the thread that has the gate for writing uses the value. The handlers of one `fork` run on one thread,
// the only one that the child has, so each guard is dropped by the thread that took it.
unsafe impl Sync for Forking {}

static FORKING: Forking = Forking(UnsafeCell::new(None));

extern "C" fn before() {
    // A thread with a hold that forks would wait for itself.
    if HELD.get() == 0 {
        let gate = GATE.write().unwrap_or_else(PoisonError::into_inner);
        let locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let locked = Locked { _rest: locks.into_iter().map(|lock| lock()).collect(), _gate: gate };
        // SAFETY: this thread has the gate for writing, so no other uses the cell.
        unsafe { *FORKING.0.get() = Some(locked) };
    }
}

extern "C" fn after() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    if HELD.get() == 0 {
        // SAFETY: this thread has had the gate for writing since `before`, so no other uses the cell.
        drop(unsafe { (*FORKING.0.get()).take() });
    }
}

extern "C" fn after_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    after();
}
