//! The close protocol: who may enter a callback, and who is the last to leave.
//!
//! ```text
//! word    63      62       61     60 … 32      31 … 0
//!         closed  retired  traps  generation   count: calls in flight, and 1 for the handle while it is open
//! ```
//!
//! A call enters by counting itself, and only then looks at the closed bit: what was counted while the gate was open
//! is let in, anything later is refused and takes itself off again. Closing sets the bit and takes the handle's one
//! off. Whoever takes the count of a closed gate to zero sets the retired bit, and of all who try, one succeeds: that
//! one frees what the gate guards.
//!
//! One thread may be the gate's *home*: the one that opened it. Its calls are counted beside the word, in `local`, which
//! that thread alone writes: two plain stores per call, where a locked instruction costs as much as the call. Whoever
//! decides that nobody is inside looks at `local` after a [`heavy_fence`], which pairs with the [`light_fence`] between that thread's store
//! and its look at the word. A gate keeps its home for good, however often it is reused, so that no other thread
//! ever writes `local`.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::sync::{AtomicU32, AtomicU64, heavy_fence, is_asymmetric, light_fence};

const CLOSED: u64 = 1 << 63;
const RETIRED: u64 = 1 << 62;
const TRAPS: u64 = 1 << 61;
const GENERATION: u64 = 1 << 32;
const GENERATIONS: u64 = TRAPS - GENERATION;
const COUNT: u64 = GENERATION - 1;

/// The home of a gate that was opened by two threads: no thread has this key.
pub(super) const NOBODY: u64 = u64::MAX >> 1;

/// The state of one callback's calls. A new one is closed and retired.
#[derive(Debug)]
pub(super) struct Gate {
    word: AtomicU64,
    home: AtomicU64,
    local: AtomicU32,
}

/// Whether a gate is free of calls for good.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// Somebody is or may come in: nothing to do.
    InUse,
    /// The gate is closed and empty, and whoever is told so frees what it guards. Told once per generation.
    Last,
}

/// The home thread's stay inside. Stays end in the reverse order, as calls on one thread do.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    /// Calls of the home thread that were inside before.
    before: u32,
}

/// The home thread's attempt to be the only one of its calls inside.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alone {
    /// It is, until [`Gate::leave_alone`].
    In,
    /// The gate is closed: to be taken back by [`Gate::leave_alone`].
    Refused,
    /// It is inside already. Nothing was done.
    No,
}

/// What a call ends with that comes after the callback was closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum AfterClose {
    /// It returns zero, and is counted ([`CallbackType::calls_after_close`](crate::CallbackType::calls_after_close)).
    #[default]
    Zero,
    /// It ends the process (abort(3)), after a line on standard error that gives the callback's address. Its type may
    /// be freed by then.
    Abort,
}

/// A gate's generation: what distinguishes a handle's own time from later ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Generation(u64);

impl Gate {
    pub(super) fn new() -> Gate {
        Gate { word: AtomicU64::new(CLOSED | RETIRED), home: AtomicU64::new(0), local: AtomicU32::new(0) }
    }

    /// Opens a retired gate for a new generation. What was written before is visible to all who are let in. Where it
    /// can, makes the thread with the key `thread` its home.
    pub(super) fn open(&self, thread: u64) -> Generation {
        match self.home.load(Relaxed) {
            0 if is_asymmetric() => self.home.store(thread, Relaxed),
            home if home == thread => {}
            _ => self.home.store(NOBODY, Relaxed),
        }
        let mut word = self.word.load(Relaxed);
        loop {
            debug_assert!(word & CLOSED != 0 && word & RETIRED != 0);
            let generation = (word & GENERATIONS).wrapping_add(GENERATION) & GENERATIONS;
            // Refused callers of old may be about to take themselves off the count: it goes on.
            let open = generation | ((word & COUNT) + 1);
            match self.word.compare_exchange_weak(word, open, Release, Relaxed) {
                Ok(_) => return Generation(generation),
                Err(now) => word = now,
            }
        }
    }

    /// Whether the thread with this key, which is not 0, is the home.
    #[inline(always)]
    pub(super) fn is_home(&self, thread: u64) -> bool {
        self.home.load(Relaxed) == thread
    }

    /// The home thread enters. Where it is refused it has left already.
    pub(super) fn enter_home(&self) -> Result<Inside, Left> {
        let before = self.local.load(Relaxed);
        self.local.store(before + 1, Relaxed);
        light_fence();
        let inside = Inside { before };
        if self.word.load(Acquire) & CLOSED == 0 { Ok(inside) } else { Err(self.leave_home(inside)) }
    }

    /// The home thread enters, if it is not inside already. What is stored does not depend on what is loaded, so that calls
    /// one after another need not wait for each other.
    #[inline(always)]
    pub(super) fn enter_alone(&self) -> Alone {
        if self.local.load(Relaxed) != 0 {
            return Alone::No;
        }
        self.local.store(1, Relaxed);
        light_fence();
        if self.word.load(Acquire) & CLOSED == 0 { Alone::In } else { Alone::Refused }
    }

    /// The home thread leaves, or takes back that it tried. Where the gate is closed it has to leave once more, by
    /// [`Gate::leave_home`], which says who frees what the gate guards.
    #[inline(always)]
    pub(super) fn leave_alone(&self) -> Result<(), Inside> {
        self.local.store(0, Release);
        light_fence();
        if self.word.load(Acquire) & CLOSED == 0 { Ok(()) } else { Err(Inside { before: 0 }) }
    }

    /// The home thread leaves.
    pub(super) fn leave_home(&self, Inside { before }: Inside) -> Left {
        self.local.store(before, Release);
        light_fence();
        let word = self.word.load(Acquire);
        if word & CLOSED == 0 || before != 0 { Left::InUse } else { self.retire(word) }
    }

    /// Any thread enters. Where it is refused it has left already.
    pub(super) fn enter(&self) -> Result<(), Left> {
        let word = self.word.fetch_add(1, Acquire);
        debug_assert!(word & COUNT != COUNT, "fewer calls than addresses");
        if word & CLOSED == 0 { Ok(()) } else { Err(self.leave()) }
    }

    /// Whoever is inside counts once more, for somebody who will leave later.
    pub(super) fn stay(&self) {
        self.word.fetch_add(1, Relaxed);
    }

    /// Any thread leaves, which need not be the one that entered.
    pub(super) fn leave(&self) -> Left {
        let word = self.word.fetch_sub(1, AcqRel) - 1;
        if word & CLOSED == 0 || word & RETIRED != 0 || word & COUNT != 0 {
            return Left::InUse;
        }
        if self.local.load(Acquire) != 0 {
            // Either the home thread's call is seen to be over now, or it will see the count that was just written.
            heavy_fence();
            if self.local.load(Acquire) != 0 {
                return Left::InUse;
            }
        }
        self.retire(word)
    }

    /// Lets nobody in any more. `None` where the generation was closed before.
    pub(super) fn close(&self, generation: Generation, thread: u64, after: AfterClose) -> Option<Left> {
        let bits = match after {
            AfterClose::Zero => CLOSED,
            AfterClose::Abort => CLOSED | TRAPS,
        };
        let mut word = self.word.load(Relaxed);
        loop {
            if word & CLOSED != 0 || word & GENERATIONS != generation.0 {
                return None;
            }
            match self.word.compare_exchange_weak(word, word | bits, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        let home = self.home.load(Relaxed);
        if home != thread && home != NOBODY && home != 0 {
            // From here on the home thread sees the bit, or its call is seen. Until then the handle's own count keeps
            // everybody from finding the gate empty.
            heavy_fence();
        }
        Some(self.leave())
    }

    /// Whether nobody is let in any more.
    pub(super) fn is_closed(&self, generation: Generation) -> bool {
        let word = self.word.load(Acquire);
        word & CLOSED != 0 || word & GENERATIONS != generation.0
    }

    /// What the refused call that asks is to end with.
    pub(super) fn after_close(&self) -> AfterClose {
        if self.word.load(Relaxed) & TRAPS == 0 { AfterClose::Zero } else { AfterClose::Abort }
    }

    /// The number of calls inside, at some moment now.
    pub(super) fn in_flight(&self) -> u64 {
        let word = self.word.load(Relaxed);
        let handle = u64::from(word & CLOSED == 0);
        ((word & COUNT) + u64::from(self.local.load(Relaxed))).saturating_sub(handle)
    }

    #[cold]
    fn retire(&self, word: u64) -> Left {
        if word & RETIRED != 0 || word & COUNT != 0 {
            return Left::InUse;
        }
        match self.word.compare_exchange(word, word | RETIRED, AcqRel, Relaxed) {
            Ok(_) => Left::Last,
            // A refused call is counted at the moment, and tries in its turn; or another was first.
            Err(_) => Left::InUse,
        }
    }
}
