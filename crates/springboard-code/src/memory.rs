//! The allocator of code memory.
//!
//! ```text
//! file in memory   ┌ stub ┬ stub ┬ stub ┬ … ┐
//!                  │      │      │      │   │
//! segment          r-x    r-x    r-x    r-x      mapped once, never writable
//! view             ---    rw-    ---    ---      writable pages: those that hold the stubs being written
//! ```
//!
//! What is taken is known from private memory alone ([`Space`]). A freed stub is overwritten with traps and waits
//! ([`Quarantine`]) before its place is taken again. A fork freezes every segment there is ([`fork`]).

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use rustix::process::{Pid, getpid};

use crate::{
    announce::{self, Announce},
    class::{BLOCK, CACHE_LINE, Class},
    error::NoRoom,
    fork,
    mapping::{Mapping, Site, retry_unmapping},
    quarantine::Quarantine,
    segment::Segment,
    space::{BlockId, Contents, Left, SegmentId, Slot, Space},
    stamp::Stamp,
    strategy::Strategy,
    sync, trap,
};

mod stub;

pub use self::stub::{CodePointer, Stub};

/// Size of the first segment, in bytes. Each following one is twice as large.
pub(crate) const FIRST_SEGMENT: usize = 16 << 10;

/// Size beyond which segments do not grow, in bytes.
const LAST_SEGMENT: usize = 1 << 20;

/// How many stubs freed later keep the place of a freed one from being used again, at least.
const QUARANTINE: usize = 64;

/// Empty blocks that keep their pages. Those beyond are given back to the system.
const EMPTY_BLOCKS: usize = 16;

/// Memory for code. A handle; shared by any number of threads, of which one writes at a time.
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
    /// The process that may write the segments, and how often it had forked then.
    process: Pid,
    forks: u64,
    segments: Vec<Option<Segment>>,
    space: Space,
    quarantine: Quarantine,
    /// When the clock of the quarantine began.
    start: Instant,
    /// Size of the next segment, in bytes.
    next_segment: usize,
}

/// The numbers of [`Usage`], written under the lock and read without.
#[derive(Default)]
struct Meter {
    live: AtomicUsize,
    code: AtomicUsize,
    mapped: AtomicUsize,
    stamps: AtomicU64,
}

/// How much code memory there is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Stubs that were published and not freed.
    pub live: usize,
    /// Their bytes, without padding.
    pub code: usize,
    /// Bytes of pages mapped for code, once each.
    pub mapped: usize,
    /// Stubs published so far.
    pub stamps: u64,
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
        let state = State {
            process: getpid(),
            forks: fork::count(),
            segments: Vec::new(),
            space: Space::default(),
            quarantine: Quarantine::new(QUARANTINE),
            start: Instant::now(),
            next_segment: FIRST_SEGMENT,
        };
        let shared = Shared { strategy, limit, site, announce, state: Mutex::new(state), meter };
        CodeMemory { shared: Arc::new(shared) }
    }

    /// How much there is, at all sites. Takes no lock.
    pub fn usage(&self) -> Usage {
        let Meter { live, code, mapped, stamps } = &*self.shared.meter;
        Usage {
            live: live.load(Relaxed),
            code: code.load(Relaxed),
            mapped: mapped.load(Relaxed),
            stamps: stamps.load(Relaxed),
        }
    }

    /// Makes a stub of each stamp, in order, all or none. Every CPU may run them when this returns.
    pub fn publish(&self, stamps: &[Stamp<'_>]) -> Result<Vec<Stub>, NoRoom> {
        let _hold = fork::hold();
        let meter = &self.shared.meter;
        let mut state = self.lock();
        let slots = match self.shared.strategy {
            Strategy::Shared(_) => state.publish_shared(&self.shared, stamps),
            Strategy::Sealed => state.publish_sealed(&self.shared, stamps),
        }?;
        sync::instructions(stamps.iter().zip(&slots).map(|(stamp, slot)| {
            let start = slot.offset as usize;
            state.segment(slot.segment).code(start..start + stamp.bytes())
        }));
        meter.live.fetch_add(slots.len(), Relaxed);
        meter.stamps.fetch_add(slots.len() as u64, Relaxed);
        meter.code.fetch_add(stamps.iter().map(Stamp::bytes).sum(), Relaxed);
        let stub = |(slot, stamp): (Slot, &Stamp<'_>)| {
            let start = state.segment(slot.segment).at(slot.offset as usize);
            // SAFETY: a mapping is never at address 0, and a function pointer has the size and form of a data
            // pointer on every target. Whoever calls it answers for the type.
            let entry = unsafe { std::mem::transmute::<*mut u8, CodePointer>(start) };
            Stub::new(self.clone(), entry, slot, stamp.bytes())
        };
        let mut stubs: Vec<_> = slots.into_iter().zip(stamps).map(stub).collect();
        drop(state);
        for (stub, stamp) in stubs.iter_mut().zip(stamps) {
            let announced = announce::tell(&self.shared.announce, stamp.name, stub.code());
            stub.keep(announced);
        }
        Ok(stubs)
    }

    /// Frees what [`CodeMemory::publish`] made. For the stub's own use.
    pub(crate) fn free(&self, slot: Slot, bytes: usize) {
        let _hold = fork::hold();
        let mut state = self.lock();
        self.shared.meter.live.fetch_sub(1, Relaxed);
        self.shared.meter.code.fetch_sub(bytes, Relaxed);
        state.trap(slot, bytes);
        let now = state.start.elapsed();
        state.quarantine.enter(slot, now);
        // More than came, so that they grow fewer; not all, so that no free takes long.
        for _ in 0..4 {
            let Some(slot) = state.quarantine.leave(now) else { break };
            state.give(&self.shared, slot);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No step of ours panics half-way but by a defect of ours, and then the book-keeping is still whole.
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

    fn segment_mut(&mut self, segment: SegmentId) -> &mut Segment {
        self.segments[segment as usize].as_mut().expect("a segment lives as long as its slots")
    }

    /// Freezes what was there before a fork.
    fn notice_fork(&mut self, shared: &Shared) {
        let (process, forks) = (getpid(), fork::count());
        if (self.process, self.forks) == (process, forks) {
            return;
        }
        (self.process, self.forks) = (process, forks);
        self.next_segment = FIRST_SEGMENT;
        self.segments.iter_mut().flatten().for_each(Segment::freeze);
        for segment in self.space.freeze_all() {
            self.unmap(shared, segment);
        }
    }

    fn publish_shared(&mut self, shared: &Shared, stamps: &[Stamp<'_>]) -> Result<Vec<Slot>, NoRoom> {
        let mut slots = Vec::with_capacity(stamps.len());
        for stamp in stamps {
            match self.reserve(shared, stamp.bytes()) {
                Ok(slot) => slots.push(slot),
                Err(error) => {
                    slots.into_iter().for_each(|slot| self.give(shared, slot));
                    return Err(error);
                }
            }
        }
        let ranges = ranges(stamps, &slots);
        for (opened, (segment, range)) in ranges.iter().enumerate() {
            if let Err(error) = self.segment_mut(*segment).open(range.clone()) {
                // Of a range that was not opened, part may have been.
                self.close(&ranges[..=opened]);
                slots.into_iter().for_each(|slot| self.give(shared, slot));
                return Err(error.into());
            }
        }
        for (stamp, slot) in stamps.iter().zip(&slots) {
            if let Some(block) = self.space.fresh(*slot) {
                let range = block.offset()..block.offset() + BLOCK;
                trap::fill(self.segment_mut(slot.segment).writable(range));
                self.space.set_contents(block, Contents::Traps);
            }
            let start = slot.offset as usize;
            stamp.write(self.segment_mut(slot.segment).writable(start..start + stamp.bytes()));
        }
        self.close(&ranges);
        Ok(slots)
    }

    fn publish_sealed(&mut self, shared: &Shared, stamps: &[Stamp<'_>]) -> Result<Vec<Slot>, NoRoom> {
        let mut end: usize = 0;
        let offset = |stamp: &Stamp<'_>| {
            let start = end.next_multiple_of(Class::of(stamp.bytes()).map_or(CACHE_LINE, Class::align));
            end = start + stamp.bytes();
            start
        };
        let offsets: Vec<usize> = stamps.iter().map(offset).collect();
        let bytes = loop {
            match self.room_for(shared, end, end) {
                Ok(bytes) => break bytes,
                Err(error) => self.end_a_wait(shared).ok_or(error)?,
            }
        };
        let pages = Mapping::private(bytes, shared.site)?;
        // SAFETY: the pages were mapped just now, zeroed and writable, and nobody else knows them.
        let contents = unsafe { std::slice::from_raw_parts_mut(pages.at(0), bytes) };
        trap::fill(contents);
        for (stamp, &start) in stamps.iter().zip(&offsets) {
            stamp.write(&mut contents[start..start + stamp.bytes()]);
        }
        let segment = Segment::sealed(pages, bytes)?;
        let id = self.space.add_frozen(stamps.len() as u32);
        self.insert(shared, id, segment);
        Ok(offsets.into_iter().map(|offset| Slot { segment: id, offset: offset as u32 }).collect())
    }

    /// Takes a slot for `bytes`.
    fn reserve(&mut self, shared: &Shared, bytes: usize) -> Result<Slot, NoRoom> {
        let Some(class) = Class::of(bytes) else {
            let segment = self.map(shared, bytes, bytes)?;
            let id = self.space.add_frozen(1);
            self.insert(shared, id, segment);
            return Ok(Slot { segment: id, offset: 0 });
        };
        loop {
            if let Some(slot) = self.space.take(class) {
                return Ok(slot);
            }
            if self.restore_block() {
                continue;
            }
            match self.map(shared, self.next_segment, BLOCK) {
                Ok(segment) => {
                    self.next_segment = (self.next_segment * 2).min(LAST_SEGMENT);
                    let id = self.space.add(segment.bytes() / BLOCK);
                    self.insert(shared, id, segment);
                }
                Err(error) => self.end_a_wait(shared).ok_or(error)?,
            }
        }
    }

    /// Maps a segment of `wanted` bytes; of fewer, but of no fewer than `needed`, if the limit leaves no more.
    fn map(&mut self, shared: &Shared, wanted: usize, needed: usize) -> Result<Segment, NoRoom> {
        let Strategy::Shared(writes) = shared.strategy else { unreachable!("sealed pages are mapped full") };
        let bytes = self.room_for(shared, wanted, needed)?;
        Ok(Segment::shared(bytes, writes, shared.site)?)
    }

    /// How many bytes, in whole pages, the limit leaves of `wanted`.
    fn room_for(&self, shared: &Shared, wanted: usize, needed: usize) -> Result<usize, NoRoom> {
        let unit = BLOCK.max(rustix::param::page_size());
        let left = shared.limit.saturating_sub(shared.meter.mapped.load(Relaxed)) / unit * unit;
        let bytes = wanted.next_multiple_of(unit).min(left);
        if bytes < needed.max(1) { Err(NoRoom::Limit(shared.limit)) } else { Ok(bytes) }
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
        self.space.remove(id);
        let segment = self.segments[id as usize].take().expect("a segment is unmapped once");
        shared.meter.mapped.fetch_sub(segment.bytes(), Relaxed);
    }

    /// Ends the writing of `ranges`.
    fn close(&mut self, ranges: &[(SegmentId, Range<usize>)]) {
        for (segment, range) in ranges {
            self.segment_mut(*segment).close(range.clone());
            if !self.segment(*segment).is_writable() {
                self.space.freeze(*segment);
            }
        }
    }

    /// Overwrites a stub, where its segment is still written at all and the system lets us.
    fn trap(&mut self, slot: Slot, bytes: usize) {
        let start = slot.offset as usize;
        let range = start..start + bytes;
        let segment = self.segment_mut(slot.segment);
        if !segment.is_writable() {
            return;
        }
        let opened = segment.open(range.clone());
        if opened.is_ok() {
            trap::fill(segment.writable(range.clone()));
        }
        self.close(&[(slot.segment, range.clone())]);
        sync::instructions([self.segment(slot.segment).code(range)].into_iter());
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
        if self.space.empty_blocks() <= EMPTY_BLOCKS || rustix::param::page_size() != BLOCK {
            return;
        }
        let released = self.segment_mut(block.segment).release(block.offset()..block.offset() + BLOCK);
        if released.is_ok() {
            self.space.release(block);
        }
        self.freeze_if_closed(block.segment);
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
        let restored =
            self.segment_mut(block.segment).restore(block.offset()..block.offset() + BLOCK).is_ok();
        if restored {
            self.space.restore();
        }
        self.freeze_if_closed(block.segment);
        restored
    }

    fn freeze_if_closed(&mut self, segment: SegmentId) {
        if !self.segment(segment).is_writable() {
            self.space.freeze(segment);
        }
    }
}

/// What to open for writing stubs into `slots`: whole blocks, because one that is new is filled.
fn ranges(stamps: &[Stamp<'_>], slots: &[Slot]) -> Vec<(SegmentId, Range<usize>)> {
    let mut ranges: Vec<(SegmentId, Range<usize>)> = Vec::new();
    for (stamp, slot) in stamps.iter().zip(slots) {
        let start = slot.offset as usize / BLOCK * BLOCK;
        let end = (slot.offset as usize + stamp.bytes()).next_multiple_of(BLOCK);
        match ranges.iter_mut().rev().find(|(segment, _)| *segment == slot.segment) {
            Some((_, range)) => *range = range.start.min(start)..range.end.max(end),
            None => ranges.push((slot.segment, start..end)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests;
