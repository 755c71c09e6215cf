//! Pools: stubs made in advance, each with its cell, for callbacks of one plan.
//!
//! Making a callback writes no code and asks the system for nothing: it takes a cell whose stub is there already. A
//! closed callback's cell waits in quarantine before it becomes another callback, so that native code which calls
//! late finds it closed.
//!
//! Pools are never freed: native code may keep the address of a stub for ever, and what it may call must stay there. One
//! pool serves all engines whose settings make the same stubs in the same memory (`pools`).

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::Duration,
};

use springboard_code::{CodePointer, fork};

mod cell;
mod source;

use self::source::Source;
pub(super) use self::{
    cell::{Cell, Count, DirectCell, Own, Policy, SlotsCell, Terms, Unwinding},
    source::{DirectSource, SlotsSource, Stubs},
};
use super::error::CreateError;
use crate::word::Word;

/// The number of stubs made at first. Each following batch is twice as large.
const FIRST_BATCH: usize = 16;

/// The number of stubs beyond which batches do not grow.
const LAST_BATCH: usize = 1024;

/// A cell is not used again before this many others of its pool have been closed after it …
const QUARANTINE: usize = 256;

/// … and this much time has passed, …
const QUARANTINE_AGE: Duration = Duration::from_millis(100);

/// … unless so many wait: what is closed faster than that would eat up the memory.
const QUARANTINE_FULL: usize = 16384;

/// Cells of one kind, for one plan and form of result. Their stubs are made from its source.
pub(super) struct Pool<S: Source> {
    pub(super) facts: Facts,
    source: S,
    free: Mutex<Free<S::Cell>>,
}

/// What a pool's cells have in common, of whatever kind.
pub(super) struct Facts {
    pub(super) zero: Zero,
    /// Calls that came after their callback was closed.
    pub(super) late: AtomicU64,
}

pub(super) struct Free<C: 'static> {
    /// Never used.
    fresh: Vec<&'static C>,
    /// Closed, in that order.
    closed: VecDeque<Quarantined<C>>,
    next_batch: usize,
}

struct Quarantined<C: 'static> {
    cell: &'static C,
    since: Duration,
}

/// Cells made together.
pub(super) enum Batch {
    Slots(Cells<SlotsSource>),
    Direct(Cells<DirectSource>),
}

/// The cells of a batch.
pub(super) struct Cells<S: Source> {
    pool: &'static Pool<S>,
    /// The address of the first.
    start: usize,
    /// The addresses by which native code calls them, in order.
    entries: Box<[CodePointer]>,
    /// Themselves, once they are made.
    made: &'static OnceLock<&'static [S::Cell]>,
}

/// What a caller gets whose call is not handled: zero bytes, in the form of the result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Zero {
    Nothing,
    Slot(u16),
    /// As many bytes at the address in the slot.
    Memory(u16, u32),
}

impl Zero {
    /// # Safety
    /// `slots` are those of a call whose result has this form.
    #[inline(always)]
    pub(super) unsafe fn write(self, slots: *mut u64) {
        match self {
            Zero::Nothing => {}
            // SAFETY: the caller's slots end with one for the result.
            Zero::Slot(index) => unsafe { *slots.add(index.into()) = 0 },
            Zero::Memory(index, bytes) => {
                // SAFETY: the slot of such a result holds the address of as many bytes.
                unsafe { <*mut u8>::from_slot(*slots.add(index.into())).write_bytes(0, bytes as usize) };
            }
        }
    }
}

impl<S: Source> Pool<S> {
    /// A pool, never freed. Makes nothing yet.
    pub(super) fn new(source: S, zero: Zero) -> &'static Pool<S> {
        let free = Mutex::new(Free { fresh: Vec::new(), closed: VecDeque::new(), next_batch: FIRST_BATCH });
        Box::leak(Box::new(Pool { facts: Facts { zero, late: AtomicU64::new(0) }, source, free }))
    }

    /// Bytes of code and of cell that one callback takes. Code that libffi makes does not count.
    pub(super) fn bytes_each(&self) -> usize {
        size_of::<S::Cell>() + self.source.code_bytes()
    }

    /// A cell that nobody uses.
    ///
    /// # Errors
    /// There is no more memory for stubs, or libffi has none for closures.
    pub(super) fn take(&'static self) -> Result<&'static S::Cell, CreateError> {
        if let Some(cell) = self.lock().spare() {
            return Ok(cell);
        }
        // Whoever forks keeps code from being made and then locks the pools: in this order here too.
        let _hold = fork::hold();
        let mut free = self.lock();
        if let Some(cell) = free.spare() {
            return Ok(cell);
        }
        let count = free.next_batch;
        free.fresh.extend(self.batch(count)?.iter().rev());
        free.next_batch = (count * 2).min(LAST_BATCH);
        free.fresh.pop().ok_or(CreateError::Closures)
    }

    /// Makes `count` cells, never freed; fewer where libffi has no memory for more.
    fn batch(&'static self, count: usize) -> Result<&'static [S::Cell], CreateError> {
        let mut cells = Vec::with_capacity(count);
        let start: *const S::Cell = cells.as_ptr();
        let addresses: Vec<_> = (0..count).map(|index| start.wrapping_add(index).cast()).collect();
        let entries = self.source.entries(&addresses)?.into_boxed_slice();
        let count = entries.len();
        let made = Box::leak(Box::default());
        let batch = S::batch(Cells { pool: self, start: start.addr(), entries, made });
        let batch: &'static Batch = Box::leak(Box::new(batch));
        cells.extend((0..count).map(|_| S::cell(Cell::new(batch))));
        Ok(made.get_or_init(|| cells.leak()))
    }

    /// Takes back a cell whose callback is closed and left.
    fn give_back(&self, cell: &'static S::Cell) {
        let since = now();
        self.lock().closed.push_back(Quarantined { cell, since });
    }

    /// Nothing else may be waited for while it is locked, unless the process was kept from forking before.
    pub(super) fn lock(&self) -> MutexGuard<'_, Free<S::Cell>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Source> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("late", &self.facts.late()).finish_non_exhaustive()
    }
}

impl Batch {
    /// What the pool's cells have in common.
    fn facts(&self) -> &'static Facts {
        match self {
            Batch::Slots(cells) => &cells.pool.facts,
            Batch::Direct(cells) => &cells.pool.facts,
        }
    }

    /// The address by which native code calls a cell of this batch.
    fn entry(&self, cell: &Cell) -> CodePointer {
        match self {
            Batch::Slots(cells) => cells.entries[cells.index(cell)],
            Batch::Direct(cells) => cells.entries[cells.index(cell)],
        }
    }

    /// Keeps the code of a cell of this batch from entering its handler, which may be unloaded from now on.
    fn shut(&self, cell: &Cell) {
        if let Batch::Direct(cells) = self
            && let Some(cell) = cells.whole(cell)
        {
            cell.jump_to(cells.pool.source.refusing);
        }
    }

    /// Takes back a cell of this batch whose callback is closed and left.
    fn give_back(&self, cell: &Cell) {
        match self {
            Batch::Slots(cells) => cells.whole(cell).into_iter().for_each(|cell| cells.pool.give_back(cell)),
            Batch::Direct(cells) => cells.whole(cell).into_iter().for_each(|cell| cells.pool.give_back(cell)),
        }
    }
}

impl<S: Source> Cells<S> {
    fn index(&self, cell: &Cell) -> usize {
        ((&raw const *cell).addr() - self.start) / size_of::<S::Cell>()
    }

    /// The cell of which this is the part that all kinds have.
    fn whole(&self, cell: &Cell) -> Option<&'static S::Cell> {
        self.made.get()?.get(self.index(cell))
    }
}

impl Facts {
    /// Calls that came too late.
    pub(super) fn late(&self) -> u64 {
        self.late.load(Relaxed)
    }
}

impl<C> Free<C> {
    fn spare(&mut self) -> Option<&'static C> {
        self.fresh.pop().or_else(|| self.out_of_quarantine())
    }

    fn out_of_quarantine(&mut self) -> Option<&'static C> {
        let waiting = self.closed.len();
        if waiting <= QUARANTINE {
            return None;
        }
        let first = self.closed.front()?;
        let free = waiting > QUARANTINE_FULL || now().saturating_sub(first.since) >= QUARANTINE_AGE;
        if free { self.closed.pop_front().map(|first| first.cell) } else { None }
    }
}

/// Time since some moment, to within a few milliseconds, at the cost of a few nanoseconds.
fn now() -> Duration {
    crate::system::threads::coarse_time()
}
