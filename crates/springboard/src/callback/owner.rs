//! Owner threads: what other threads know of a thread whose host objects handlers touch.

use std::{
    cell::OnceCell,
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
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
    pub(super) parker: Arc<Parker>,
    pub(super) stays: Stays,
    gone: AtomicBool,
    left: Mutex<Left>,
}

/// What a thread leaves to be freed, and to whom.
#[derive(Default)]
struct Left {
    garbage: Vec<Garbage>,
    heir: Option<Arc<Owner>>,
}

/// Handlers that nobody frees, because their thread has ended and has no heir that lives.
static LEAKED: AtomicU64 = AtomicU64::new(0);

/// Heirs of heirs that are looked at: they may go in a circle.
const GENERATIONS: usize = 64;

thread_local! {
    static CURRENT: Life = const { Life(OnceCell::new()) };
}

/// An owner lives as long as its thread.
struct Life(OnceCell<Arc<Owner>>);

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(owner) = self.0.get() {
            Stays::forget();
            // Under the lock: whatever comes after finds the thread gone, whatever came before is swept.
            let left = owner.left();
            owner.gone.store(true, Relaxed);
            drop(left);
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
                parker: Arc::new(Parker::new()),
                stays: Stays::default(),
                gone: AtomicBool::new(false),
                left: Mutex::default(),
            });
            // SAFETY: `Life` keeps the owner until it has called `Stays::forget`.
            unsafe { owner.stays.count_here() };
            owner
        };
        CURRENT.try_with(|life| Arc::clone(life.0.get_or_init(new))).ok()
    }

    /// Where the running thread waits: an owner where it can be woken for its mailboxes too.
    pub(super) fn current_parker() -> Arc<Parker> {
        let known = |life: &Life| life.0.get().map(|owner| Arc::clone(&owner.parker));
        CURRENT.try_with(known).ok().flatten().unwrap_or_else(|| Arc::new(Parker::new()))
    }

    pub(super) fn is_current(&self) -> bool {
        thread::key() & !thread::PENDING == self.key
    }

    /// Keeps a handler until the owner frees it; or, where the thread has ended, its heir. Without an heir it is never
    /// freed: what it refers to was that thread's.
    pub(super) fn discard(&self, garbage: Garbage) {
        // A child that is forked meanwhile would find it locked for ever.
        let _hold = fork::hold();
        let Err(garbage) = self.keep(garbage) else { return };
        let mut kept = Err(garbage);
        let mut heir = self.left().heir.clone();
        for _ in 0..GENERATIONS {
            let (Err(garbage), Some(next)) = (kept, heir) else { break };
            kept = next.keep(garbage);
            heir = next.left().heir.clone();
            if kept.is_ok() {
                return;
            }
        }
        LEAKED.fetch_add(1, Relaxed);
    }

    /// Keeps a handler, or gives it back where the thread has ended.
    fn keep(&self, garbage: Garbage) -> Result<(), Garbage> {
        let mut left = self.left();
        if self.is_gone() {
            return Err(garbage);
        }
        left.garbage.push(garbage);
        Ok(())
    }

    /// Has another thread free what comes after this one's end.
    pub(super) fn leave_to(&self, heir: Arc<Owner>) {
        self.left().heir = Some(heir);
    }

    /// Frees what others left. For the owner thread alone.
    pub(super) fn sweep(&self) {
        // Not under the lock: a handler's destructor may close other callbacks.
        let garbage = mem::take(&mut self.left().garbage);
        garbage.into_iter().for_each(Garbage::release);
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
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

/// How many handlers of this process are not freed any more: their callbacks were closed after their owner thread had
/// ended, and nobody was named who frees them ([`Heir`](super::Heir)).
pub fn leaked_handlers() -> u64 {
    LEAKED.load(Relaxed)
}
