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
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::Duration,
};

use springboard_code::{CodePointer, fork};

mod cell;
mod choices;
mod source;

pub(super) use self::{
    cell::{Cell, Count, Policy, Terms},
    choices::{Own, Unwinding},
    source::{Source, Stubs},
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

/// Cells for one plan and form of result. Their stubs are made from its source.
pub(super) struct Pool {
    pub(super) zero: Zero,
    /// Calls that came after their callback was closed.
    pub(super) late: AtomicU64,
    source: Source,
    free: Mutex<Free>,
}

pub(super) struct Free {
    /// Never used.
    fresh: Vec<&'static Cell>,
    /// Closed, in that order.
    closed: VecDeque<Quarantined>,
    next_batch: usize,
}

struct Quarantined {
    cell: &'static Cell,
    since: Duration,
}

/// Cells made together.
struct Batch {
    pool: &'static Pool,
    /// The address of the first.
    start: usize,
    /// The addresses by which native code calls them, in order.
    entries: Box<[CodePointer]>,
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

impl Pool {
    /// A pool, never freed. Makes nothing yet.
    pub(super) fn new(source: Source, zero: Zero) -> &'static Pool {
        let free = Mutex::new(Free { fresh: Vec::new(), closed: VecDeque::new(), next_batch: FIRST_BATCH });
        Box::leak(Box::new(Pool { zero, late: AtomicU64::new(0), source, free }))
    }

    /// Bytes of code and of cell that one callback takes. Code that libffi makes does not count.
    pub(super) fn bytes_each(&self) -> usize {
        size_of::<Cell>() + self.source.code_bytes()
    }

    /// A cell that nobody uses.
    ///
    /// # Errors
    /// There is no more memory for stubs, or libffi has none for closures.
    pub(super) fn take(&'static self) -> Result<&'static Cell, CreateError> {
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
    fn batch(&'static self, count: usize) -> Result<&'static [Cell], CreateError> {
        let mut cells = Vec::with_capacity(count);
        let start: *const Cell = cells.as_ptr();
        let addresses: Vec<_> = (0..count).map(|index| start.wrapping_add(index).cast()).collect();
        let entries = self.source.entries(&addresses)?.into_boxed_slice();
        let count = entries.len();
        let batch = Box::leak(Box::new(Batch { pool: self, start: start.addr(), entries }));
        cells.extend((0..count).map(|_| Cell::new(batch)));
        Ok(cells.leak())
    }

    /// What stubs that jump by themselves are to jump to once their callback is closed and left.
    fn refusing(&self) -> Option<CodePointer> {
        match self.source {
            Source::Direct(_, refusing) => Some(refusing),
            Source::Slots(..) | Source::Closures(_) => None,
        }
    }

    /// Calls that came too late.
    pub(super) fn late(&self) -> u64 {
        self.late.load(Relaxed)
    }

    /// Takes back a cell whose callback is closed and left.
    fn give_back(&self, cell: &'static Cell) {
        let since = now();
        self.lock().closed.push_back(Quarantined { cell, since });
    }

    /// Nothing else may be waited for while it is locked, unless the process was kept from forking before.
    pub(super) fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("late", &self.late()).finish_non_exhaustive()
    }
}

impl Batch {
    /// The address by which native code calls a cell of this batch.
    fn entry(&self, cell: &Cell) -> CodePointer {
        self.entries[((&raw const *cell).addr() - self.start) / size_of::<Cell>()]
    }
}

impl Free {
    fn spare(&mut self) -> Option<&'static Cell> {
        self.fresh.pop().or_else(|| self.out_of_quarantine())
    }

    fn out_of_quarantine(&mut self) -> Option<&'static Cell> {
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
