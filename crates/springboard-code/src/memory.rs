//! The allocator of code memory.
//!
//! ```text
//! file in memory   ┌ stub ┬ stub ┬ trap ┬ … ┐    written by pwrite
//!                  │      │      │      │   │
//! segment          r-x    r-x    r-x    r-x      mapped once, never writable
//! ```
//!
//! What is taken is known from private memory alone ([`Space`]). A freed stub is overwritten with traps and waits
//! ([`Quarantine`]) before its place is taken again. A fork freezes every segment there is ([`fork`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed};

use crate::{
    announce::{self, Announce},
    class::BLOCK,
    error::NoRoom,
    mapping::retry_unmapping,
    quarantine::Quarantine,
    segment::Segment,
    site::Site,
    space::{BlockId, Left, SegmentId, Slot, Space},
    stamp::Stamp,
    strategy::Strategy,
    system::{
        extent::Extent,
        fork::{self, Process},
        instructions,
        pages::page_size,
    },
};

mod clock;
mod publish;
mod stub;
mod usage;

use self::{clock::Clock, publish::Place, usage::Meter};
pub use self::{
    stub::{CodePointer, Stub},
    usage::Usage,
};

/// Size of the first segment, in bytes. Each following one is twice as large.
const FIRST_SEGMENT: usize = 16 << 10;

/// Size beyond which segments do not grow, in bytes.
const LAST_SEGMENT: usize = 1 << 20;

/// How many stubs freed later keep the place of a freed one from being used again, at least.
const QUARANTINE: usize = 64;

/// Empty blocks that keep their pages. Those beyond are given back to the system.
const EMPTY_BLOCKS: usize = 16;

/// Memory for code. A handle; any number of threads may share it and publish at once.
#[derive(Clone)]
pub struct CodeMemory {
    shared: Arc<Shared>,
}

struct Shared {
    strategy: Strategy,
    /// Most bytes to map.
    limit: usize,
    site: Site,
    announce: Vec<Announce>,
    state: Mutex<State>,
    /// Shared with memory at other sites, which the limit is for as well.
    meter: Arc<Meter>,
}

struct State {
    /// The process that may write the segments.
    process: Process,
    segments: Vec<Option<Segment>>,
    space: Space<Extent>,
    quarantine: Quarantine,
    clock: Clock,
    /// Size of the next segment, in bytes.
    next_segment: usize,
}

impl CodeMemory {
    /// Empty memory, of which at most `limit` bytes will be mapped. Maps nothing yet.
    pub fn new(strategy: Strategy, limit: usize) -> CodeMemory {
        CodeMemory::announcing(strategy, limit, Vec::new())
    }

    /// The same, which tells of each stub.
    pub fn announcing(strategy: Strategy, limit: usize, announce: Vec<Announce>) -> CodeMemory {
        CodeMemory::at(Site::Program, strategy, limit, announce, Arc::default())
    }

    /// More of this memory, at another site.
    pub fn elsewhere(&self, site: Site) -> CodeMemory {
        let Shared { strategy, limit, announce, meter, .. } = &*self.shared;
        CodeMemory::at(site, *strategy, *limit, announce.clone(), Arc::clone(meter))
    }

    fn at(
        site: Site,
        strategy: Strategy,
        limit: usize,
        announce: Vec<Announce>,
        meter: Arc<Meter>,
    ) -> CodeMemory {
        let _hold = fork::hold();
        let state = State {
            process: fork::process(),
            segments: Vec::new(),
            space: Space::default(),
            quarantine: Quarantine::new(QUARANTINE),
            clock: Clock::default(),
            next_segment: FIRST_SEGMENT,
        };
        let shared = Shared { strategy, limit, site, announce, state: Mutex::new(state), meter };
        CodeMemory { shared: Arc::new(shared) }
    }

    /// How much there is, at all sites. Takes no lock.
    pub fn usage(&self) -> Usage {
        self.shared.meter.read()
    }

    /// Makes a stub of each stamp, in order, all or none. Every CPU may run them when this returns.
    ///
    /// # Errors
    /// Fails if the system refuses a step, by every way that there is, or if another segment would exceed the limit.
    pub fn publish(&self, stamps: &[Stamp<'_>]) -> Result<Vec<Stub>, NoRoom> {
        let mut stubs = match self.publish_by(self.shared.strategy, stamps) {
            // What keeps a file from being written now may be gone the next time.
            Err(NoRoom::System(error)) if self.shared.strategy == Strategy::File => {
                self.publish_by(Strategy::Sealed, stamps).map_err(|_| error)?
            }
            result => result?,
        };
        for (stub, stamp) in stubs.iter_mut().zip(stamps) {
            let announced = announce::tell(&self.shared.announce, stamp.name, stub.code());
            stub.keep(announced);
        }
        Ok(stubs)
    }

    /// The same by one strategy, telling nobody.
    pub(crate) fn publish_by(&self, strategy: Strategy, stamps: &[Stamp<'_>]) -> Result<Vec<Stub>, NoRoom> {
        let _hold = fork::hold();
        let published = match strategy {
            Strategy::File => self.publish_in_file(stamps),
            Strategy::Sealed => self.publish_sealed(stamps),
        }?;
        let meter = &self.shared.meter;
        meter.live.fetch_add(stamps.len(), Relaxed);
        meter.stamps.fetch_add(stamps.len() as u64, Relaxed);
        meter.code.fetch_add(stamps.iter().map(Stamp::bytes).sum(), Relaxed);
        let stub = |(place, stamp): (Place, &Stamp<'_>)| {
            // SAFETY: a mapping is never at address 0, and a function pointer has the size and form of a data
            // pointer on every target. Whoever calls it answers for its type.
            let entry = unsafe { std::mem::transmute::<*const u8, CodePointer>(place.start) };
            Stub::new(self.clone(), entry, place.slot, stamp.bytes())
        };
        Ok(published.into_iter().zip(stamps).map(stub).collect())
    }

    /// Frees what [`CodeMemory::publish`] made. For the stub's own use.
    fn free(&self, slot: Slot, bytes: usize) {
        let _hold = fork::hold();
        let mut state = self.lock();
        if let Some(extent) = state.space.writer(slot.segment).cloned() {
            let start = slot.offset as usize;
            let code = state.segment(slot.segment).at(start).cast_const();
            drop(state);
            // Where it fails, the stub stays as it is. Its place is still the stub's until the next line with the lock.
            if extent.trap(start..start + bytes).is_ok() {
                instructions::synchronise([(code, bytes)].into_iter());
            }
            state = self.lock();
        }
        self.shared.meter.live.fetch_sub(1, Relaxed);
        self.shared.meter.code.fetch_sub(bytes, Relaxed);
        let now = state.clock.now();
        state.quarantine.enter(slot, now);
        // More than came, so that they grow fewer; not all, so that no free takes long.
        for _ in 0..4 {
            let Some(slot) = state.quarantine.leave(now) else { break };
            state.give(&self.shared, slot);
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn let_pass(&self, time: std::time::Duration) {
        self.lock().clock.pass(time);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only a defect makes a step panic half-way, and then the book-keeping is still whole.
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.notice_fork(&self.shared);
        state
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _hold = fork::hold();
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).segments.clear();
        retry_unmapping();
    }
}

impl State {
    fn segment(&self, segment: SegmentId) -> &Segment {
        self.segments[segment as usize].as_ref().expect("a segment lives as long as its slots")
    }

    /// Freezes what was there before a fork.
    fn notice_fork(&mut self, shared: &Shared) {
        let process = fork::process();
        if self.process != process {
            self.process = process;
            self.freeze(shared, |_| true);
        }
    }

    /// Writes no more to the extents that are as `which` says, so that new segments are mapped.
    fn freeze(&mut self, shared: &Shared, which: impl Fn(&Extent) -> bool) {
        self.next_segment = FIRST_SEGMENT;
        for segment in self.space.freeze(which) {
            self.unmap(shared, segment);
        }
    }

    fn insert(&mut self, shared: &Shared, id: SegmentId, segment: Segment) {
        shared.meter.mapped.fetch_add(segment.bytes(), Relaxed);
        let id = id as usize;
        if id == self.segments.len() {
            self.segments.push(None);
        }
        self.segments[id] = Some(segment);
    }

    fn unmap(&mut self, shared: &Shared, id: SegmentId) {
        let extent = self.space.remove(id);
        if let Some(segment) = self.segments[id as usize].take() {
            shared.meter.mapped.fetch_sub(segment.bytes(), Relaxed);
        }
        if let Some(extent) = extent {
            extent.give_back();
        }
    }

    /// Lets a slot be taken again, and pages go that hold nothing any more.
    fn give(&mut self, shared: &Shared, slot: Slot) {
        match self.space.give(slot) {
            Left::InUse => {}
            Left::EmptyBlock(block) => self.release_block(block),
            Left::EmptySegment(None) => self.unmap(shared, slot.segment),
            Left::EmptySegment(Some(block)) => {
                let elsewhere = self.space.empty_blocks() - self.space.empty_blocks_of(slot.segment);
                if elsewhere >= EMPTY_BLOCKS / 4 {
                    self.unmap(shared, slot.segment);
                } else {
                    self.release_block(block);
                }
            }
        }
    }

    /// Gives a block's page back, where enough others are empty.
    fn release_block(&mut self, block: BlockId) {
        if self.space.empty_blocks() <= EMPTY_BLOCKS || page_size() != BLOCK {
            return;
        }
        let Some(extent) = self.space.writer(block.segment) else { return };
        if extent.release(block.offset()..block.offset() + BLOCK).is_ok() {
            self.space.release(block);
        }
    }

    /// Lets the slot that has waited longest be taken again, where there is no other memory. `None` where none waits.
    fn end_a_wait(&mut self, shared: &Shared) -> Option<()> {
        let slot = self.quarantine.leave_early()?;
        self.give(shared, slot);
        Some(())
    }

    /// Takes a page again. Says whether there was one.
    fn restore_block(&mut self) -> bool {
        let Some(block) = self.space.released() else { return false };
        let Some(extent) = self.space.writer(block.segment) else { return false };
        let restored = extent.trap(block.offset()..block.offset() + BLOCK).is_ok();
        if restored {
            self.space.restore();
        }
        restored
    }
}
