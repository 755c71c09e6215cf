//! Owner threads: what other threads know of a thread whose host objects handlers touch.

use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use springboard_code::fork;

use super::{
    cell::Garbage,
    mailbox::{Known, Local},
    parker::Parker,
    thread,
};

/// A thread of the host that owns callbacks or mailboxes.
pub(super) struct Owner {
    pub(super) key: u64,
    /// The system's number of the thread.
    pub(super) id: i32,
    pub(super) parker: Parker,
    /// Odd while the thread is in native code; every coming and going counts it up.
    native: AtomicU64,
    gone: AtomicBool,
    garbage: Mutex<Vec<Garbage>>,
}

thread_local! {
    static CURRENT: Life =
        const { Life { owner: OnceCell::new(), depth: Cell::new(0), mailboxes: RefCell::new(Vec::new()) } };
}

/// An owner's life is its thread's.
struct Life {
    owner: OnceCell<Arc<Owner>>,
    /// How many native calls the thread is inside of.
    depth: Cell<u32>,
    mailboxes: RefCell<Vec<Known>>,
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.get() {
            thread::set_owner(std::ptr::null());
            owner.gone.store(true, Relaxed);
            for (_, shared) in self.mailboxes.take() {
                // One that was leaked. What it has taken up already is leaked too; its callers see the owner gone.
                drop(shared.upgrade().filter(|shared| !shared.is_inherited()).map(|shared| shared.close()));
            }
            owner.sweep();
        }
    }
}

impl Owner {
    /// The running thread, an owner from now on. `None` where its thread-locals are gone.
    pub(super) fn current() -> Option<Arc<Owner>> {
        let current = |life: &Life| {
            Arc::clone(life.owner.get_or_init(|| {
                let owner = Arc::new(Owner {
                    key: thread::host_key(),
                    id: thread::system_id(),
                    parker: Parker::new(),
                    native: AtomicU64::new(0),
                    gone: AtomicBool::new(false),
                    garbage: Mutex::default(),
                });
                thread::set_owner(Arc::as_ptr(&owner));
                owner
            }))
        };
        CURRENT.try_with(current).ok()
    }

    /// Keeps a new mailbox of the running thread in mind.
    pub(super) fn adopt(local: std::rc::Weak<Local>, shared: std::sync::Weak<super::mailbox::Shared>) {
        let _ = CURRENT.try_with(|life| {
            let mut mailboxes = life.mailboxes.borrow_mut();
            mailboxes.retain(|(local, _)| local.strong_count() != 0);
            mailboxes.push((local, shared));
        });
    }

    /// The mailboxes of the running thread.
    pub(super) fn mailboxes() -> Vec<Rc<Local>> {
        let known = |life: &Life| {
            life.mailboxes.borrow().iter().filter_map(|(local, _)| local.upgrade()).collect::<Vec<_>>()
        };
        CURRENT.try_with(known).unwrap_or_default()
    }

    /// The running thread, if it is an owner.
    pub(super) fn known() -> Option<Arc<Owner>> {
        CURRENT.try_with(|life| life.owner.get().cloned()).ok().flatten()
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

    /// Keeps a handler, which this thread must not touch, until the owner frees it. The handlers of a thread that is
    /// gone are never freed: what they refer to was that thread's.
    pub(super) fn discard(&self, garbage: Garbage) {
        // A child that is forked meanwhile would find it locked for ever.
        let _hold = fork::hold();
        self.garbage.lock().unwrap_or_else(PoisonError::into_inner).push(garbage);
    }

    /// Frees what others left behind. For the owner thread alone.
    pub(super) fn sweep(&self) {
        // Not under the lock: a handler's destructor may close other callbacks.
        let garbage = std::mem::take(&mut *self.garbage.lock().unwrap_or_else(PoisonError::into_inner));
        garbage.into_iter().for_each(Garbage::release);
    }

    /// Whether the thread has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// The thread enters native code. Called by itself alone.
    pub(super) fn enter_native(&self) {
        let _ = CURRENT.try_with(|life| {
            life.depth.set(life.depth.get() + 1);
            self.moved(true);
        });
    }

    /// The thread is back.
    pub(super) fn leave_native(&self) {
        let _ = CURRENT.try_with(|life| {
            let depth = life.depth.get() - 1;
            life.depth.set(depth);
            self.moved(depth != 0);
        });
    }

    fn moved(&self, inside: bool) {
        let now = self.native.load(Relaxed) >> 1;
        self.native.store((now + 1) << 1 | u64::from(inside), Relaxed);
    }

    /// While the thread is in native code: which of its stays there this is.
    pub(super) fn native_stay(&self) -> Option<u64> {
        let native = self.native.load(Relaxed);
        (native & 1 != 0).then_some(native)
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

/// Waiters are equal where they are of the same wait.
impl PartialEq for Waiter {
    fn eq(&self, other: &Waiter) -> bool {
        std::ptr::eq(self.parker(), other.parker())
    }
}
