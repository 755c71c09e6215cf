//! Owner threads: what other threads know of a thread whose host objects handlers touch.

use std::{
    cell::OnceCell,
    fmt, mem, ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use springboard_code::fork;

use super::{erased::Garbage, parker::Parker};
use crate::thread::{self, Stays};

/// A thread of the host that owns callbacks or mailboxes.
pub(super) struct Owner {
    pub(super) key: u64,
    /// The system's number of the thread.
    pub(super) id: i32,
    pub(super) parker: Parker,
    pub(super) stays: Stays,
    gone: AtomicBool,
    garbage: Mutex<Vec<Garbage>>,
}

thread_local! {
    static CURRENT: Life = const { Life(OnceCell::new()) };
}

/// An owner lives as long as its thread.
struct Life(OnceCell<Arc<Owner>>);

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(owner) = self.0.get() {
            Stays::forget();
            owner.gone.store(true, Relaxed);
            owner.sweep();
        }
    }
}

impl Owner {
    /// The running thread, an owner from now on. `None` where its thread-locals are gone.
    pub(super) fn current() -> Option<Arc<Owner>> {
        let new = || {
            let owner = Arc::new(Owner {
                key: thread::host_key(),
                id: thread::system_id(),
                parker: Parker::new(),
                stays: Stays::default(),
                gone: AtomicBool::new(false),
                garbage: Mutex::default(),
            });
            // SAFETY: `Life` keeps the owner until it has called `Stays::forget`.
            unsafe { owner.stays.count_here() };
            owner
        };
        CURRENT.try_with(|life| Arc::clone(life.0.get_or_init(new))).ok()
    }

    /// The running thread, if it is an owner.
    pub(super) fn known() -> Option<Arc<Owner>> {
        CURRENT.try_with(|life| life.0.get().cloned()).ok().flatten()
    }

    pub(super) fn is_current(&self) -> bool {
        thread::key() & !thread::PENDING == self.key
    }

    /// Has the thread look again.
    pub(super) fn wake(&self) {
        // As in `discard`.
        let _hold = fork::hold();
        self.parker.wake();
    }

    /// Keeps a handler until the owner frees it. The handlers of a thread that has ended are never freed: what they
    /// refer to was that thread's.
    pub(super) fn discard(&self, garbage: Garbage) {
        // A child that is forked meanwhile would find it locked for ever.
        let _hold = fork::hold();
        self.garbage().push(garbage);
    }

    /// Frees what others left. For the owner thread alone.
    pub(super) fn sweep(&self) {
        // Not under the lock: a handler's destructor may close other callbacks.
        let garbage = mem::take(&mut *self.garbage());
        garbage.into_iter().for_each(Garbage::release);
    }

    fn garbage(&self) -> MutexGuard<'_, Vec<Garbage>> {
        self.garbage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the thread has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("thread", &self.id).finish_non_exhaustive()
    }
}

/// How a thread waits: an owner so that it can be woken for its mailboxes too.
#[derive(Clone, Debug)]
pub(super) enum Waiter {
    Owner(Arc<Owner>),
    Lone(Arc<Parker>),
}

impl Waiter {
    /// The running thread's.
    pub(super) fn current() -> Waiter {
        match Owner::known() {
            Some(owner) => Waiter::Owner(owner),
            None => Waiter::Lone(Arc::new(Parker::new())),
        }
    }

    pub(super) fn parker(&self) -> &Parker {
        match self {
            Waiter::Owner(owner) => &owner.parker,
            Waiter::Lone(parker) => parker,
        }
    }

    /// Has the thread look again.
    pub(super) fn wake(&self) {
        // As in `Owner::discard`.
        let _hold = fork::hold();
        self.parker().wake();
    }
}

/// Waiters are equal if they are of the same wait.
impl PartialEq for Waiter {
    fn eq(&self, other: &Waiter) -> bool {
        ptr::eq(self.parker(), other.parker())
    }
}
