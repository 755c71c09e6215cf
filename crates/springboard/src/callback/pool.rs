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
    ffi::c_void,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::Duration,
};

use springboard_abi::{Entry, Plan};
use springboard_code::{CodeMemory, CodePointer, Holes, Name, NoRoom, Stamp, Stub, fork};
use springboard_emit::Template;

mod cell;

pub(super) use self::cell::{Cell, Count, Policy, Terms, Unwinding};
use super::error::CreateError;
use crate::{engine::Engine, fallback::Closures, reason::Reason, word::Word};

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

/// Cells with their stubs, for one plan and form of result.
pub(super) struct Pool {
    pub(super) zero: Zero,
    /// In a pool of `direct` stubs, which leave arguments in their registers and jump to what their cell says: what that
    /// is once the callback is closed and left.
    pub(super) refusing: Option<CodePointer>,
    /// Calls that came after their callback was closed.
    pub(super) late: AtomicU64,
    source: Source,
    free: Mutex<Free>,
}

/// How cells get an address that can be called.
pub(super) enum Source {
    Stubs(Stubs),
    /// Made by libffi.
    Closures(Closures),
}

/// What a stub calls with its context and the slots.
pub(super) type Helper = unsafe extern "C-unwind" fn(*const c_void, *mut u64);

/// What stubs are stamped from, and where they go.
pub(super) struct Stubs {
    template: Template,
    memory: CodeMemory,
    /// What stubs of the `callback` entry call.
    helper: Helper,
    entry: Entry,
    /// What debuggers and profilers are told of their parameters.
    parameters: String,
}

#[derive(Default)]
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
pub(super) struct Batch {
    pub(super) pool: &'static Pool,
    cells: Vec<Cell>,
    entries: Entries,
}

enum Entries {
    Stubs(Vec<Stub>),
    Closures(Vec<CodePointer>),
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
    pub(super) fn new(source: Source, zero: Zero, refusing: Option<CodePointer>) -> &'static Pool {
        let free = Mutex::new(Free { next_batch: FIRST_BATCH, ..Free::default() });
        Box::leak(Box::new(Pool { zero, refusing, late: AtomicU64::new(0), source, free }))
    }

    /// Bytes of code and of cell that one callback takes. Code that libffi makes does not count.
    pub(super) fn bytes_each(&self) -> usize {
        size_of::<Cell>()
            + match &self.source {
                Source::Stubs(stubs) => stubs.template.code.len(),
                Source::Closures(_) => 0,
            }
    }

    /// Calls that came too late.
    pub(super) fn late(&self) -> u64 {
        self.late.load(Relaxed)
    }

    /// A cell that nobody uses.
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
        let batch = self.batch(count)?;
        free.next_batch = (count * 2).min(LAST_BATCH);
        free.fresh.extend(batch.cells.iter().rev());
        Ok(free.fresh.pop().expect("a batch has cells"))
    }

    /// Takes back a cell whose callback is closed and left.
    pub(super) fn give_back(&self, cell: &'static Cell) {
        let since = now();
        self.lock().closed.push_back(Quarantined { cell, since });
    }

    /// Nothing else may be waited for while it is locked, unless the process was kept from forking before.
    pub(super) fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&'static self, count: usize) -> Result<&'static Batch, CreateError> {
        let batch: &'static mut Batch = Box::leak(Box::new(Batch {
            pool: self,
            cells: Vec::with_capacity(count),
            entries: Entries::Closures(Vec::new()),
        }));
        let address: *const Batch = batch;
        batch.cells.extend((0..count).map(|_| Cell::new(address)));
        match &self.source {
            Source::Stubs(stubs) => {
                let stubs = stubs.stamp(&batch.cells)?;
                batch.entries = Entries::Stubs(stubs);
            }
            Source::Closures(closures) => {
                let closure = |cell: &Cell| closures.closure((&raw const *cell).cast());
                let entries = batch.cells.iter().map_while(closure).collect::<Vec<_>>();
                if entries.is_empty() {
                    return Err(CreateError::Closures);
                }
                batch.cells.truncate(entries.len());
                batch.entries = Entries::Closures(entries);
            }
        }
        Ok(batch)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("late", &self.late.load(Relaxed)).finish_non_exhaustive()
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

impl Batch {
    /// The address by which native code calls a cell of this batch.
    pub(super) fn entry(&self, cell: &Cell) -> CodePointer {
        let index = ((&raw const *cell).addr() - self.cells.as_ptr().addr()) / size_of::<Cell>();
        match &self.entries {
            Entries::Stubs(stubs) => stubs[index].entry(),
            Entries::Closures(entries) => entries[index],
        }
    }
}

impl Stubs {
    /// Stubs of `plan`, which is compiled here.
    pub(super) fn of(
        plan: &Plan,
        engine: &Engine,
        memory: CodeMemory,
        helper: Helper,
    ) -> Result<Stubs, Reason> {
        let template = engine.template(plan)?;
        Ok(Stubs { template, memory, helper, entry: plan.entry(), parameters: plan.symbol_parameters() })
    }

    /// One stub per cell, written and published at once.
    fn stamp(&self, cells: &[Cell]) -> Result<Vec<Stub>, CreateError> {
        let Stubs { template, memory, helper, entry, parameters } = self;
        let name = Name::Prototype { entry: *entry, parameters, result: None };
        let helper = (*helper as *const c_void).into_slot();
        let holes =
            |cell: &Cell| Holes { context: (&raw const *cell).into_slot(), helper, ..Holes::default() };
        let stamps: Vec<_> = cells.iter().map(|cell| Stamp { name, template, holes: holes(cell) }).collect();
        memory.publish(&stamps).map_err(|error| match error {
            NoRoom::System(error) => CreateError::Memory(error),
            NoRoom::Limit(bytes) => CreateError::CodeLimit { bytes },
        })
    }
}

/// Time since some moment, to within a few milliseconds, at the cost of a few nanoseconds.
fn now() -> Duration {
    crate::system::threads::coarse_time()
}
