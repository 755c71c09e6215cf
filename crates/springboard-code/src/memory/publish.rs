//! Writing stubs: places are taken and given back under the lock of the memory; the system calls that write happen
//! without it, because a place that is taken is nobody else's.

use std::sync::atomic::Ordering::Relaxed;

use super::{CodeMemory, LAST_SEGMENT, Shared, State};
use crate::{
    class::{BLOCK, CACHE_LINE, Class},
    error::{CodeError, NoRoom},
    segment::Segment,
    space::Slot,
    stamp::Stamp,
    system::{
        extent::Extent,
        instructions,
        pages::{Unsealed, page_size},
    },
    trap,
};

/// How often a batch is begun anew because its file was lost.
const ATTEMPTS: usize = 3;

/// The most that one system call writes, in bytes, unless a single piece of code is larger.
const RUN: usize = 64 << 10;

/// A place that was taken for a stub.
pub(super) struct Place {
    pub(super) slot: Slot,
    /// Where it executes.
    pub(super) start: *const u8,
}

/// A place in the file, and what it is written by.
struct Taken {
    place: Place,
    /// All of it, in bytes: the stub takes some, traps the rest.
    bytes: usize,
    extent: Extent,
}

impl CodeMemory {
    /// Writes a stub of each stamp to the file for code.
    pub(super) fn publish_in_file(&self, stamps: &[Stamp<'_>]) -> Result<Vec<Place>, NoRoom> {
        let mut attempts = 0..ATTEMPTS;
        loop {
            let taken = self.lock().take(&self.shared, stamps)?;
            let Err(error) = write(stamps, &taken) else {
                return Ok(taken.into_iter().map(|taken| taken.place).collect());
            };
            let lost = taken.iter().any(|taken| taken.extent.is_lost());
            self.give_all(taken);
            if !lost || attempts.next().is_none() {
                return Err(error.into());
            }
        }
    }

    /// Gives back what was taken for stubs that nobody knows yet.
    fn give_all(&self, taken: Vec<Taken>) {
        for Taken { place, bytes, extent } in &taken {
            let start = place.slot.offset as usize;
            // Where it cannot be written now, it will be before it is published.
            let _ = extent.trap(start..start + bytes);
        }
        let mut state = self.lock();
        state.freeze(&self.shared, Extent::is_lost);
        taken.into_iter().for_each(|taken| state.give(&self.shared, taken.place.slot));
    }

    /// Writes a stub of each stamp to private pages of their own.
    pub(super) fn publish_sealed(&self, stamps: &[Stamp<'_>]) -> Result<Vec<Place>, NoRoom> {
        let shared = &self.shared;
        let mut end: usize = 0;
        let offset = |stamp: &Stamp<'_>| {
            let start = end.next_multiple_of(Class::of(stamp.bytes()).map_or(CACHE_LINE, Class::align));
            end = start + stamp.bytes();
            start
        };
        let offsets: Vec<usize> = stamps.iter().map(offset).collect();
        let mut state = self.lock();
        let bytes = loop {
            match state.room_for(shared, end, end) {
                Ok(bytes) => break bytes,
                Err(error) => state.end_a_wait(shared).ok_or(error)?,
            }
        };
        let mut pages = Unsealed::new(bytes, shared.site)?;
        trap::fill(pages.contents());
        for (stamp, &start) in stamps.iter().zip(&offsets) {
            let place = start..start + stamp.bytes();
            stamp.write(&mut pages.contents()[place.clone()]);
            pages.describe(place, stamp.template.row);
        }
        let segment = Segment::sealed(pages)?;
        let starts: Vec<_> = offsets.iter().map(|&offset| segment.at(offset).cast_const()).collect();
        instructions::synchronise(starts.iter().copied().zip(stamps.iter().map(Stamp::bytes)));
        let id = state.space.add_frozen(stamps.len() as u32);
        state.insert(shared, id, segment);
        let place = |(offset, start)| Place { slot: Slot { segment: id, offset: offset as u32 }, start };
        Ok(offsets.into_iter().zip(starts).map(place).collect())
    }
}

impl State {
    /// Takes a place for each stamp, in order, all or none.
    fn take(&mut self, shared: &Shared, stamps: &[Stamp<'_>]) -> Result<Vec<Taken>, NoRoom> {
        let mut all = Vec::with_capacity(stamps.len());
        for stamp in stamps {
            match self.take_one(shared, stamp.bytes()) {
                Ok(taken) => all.push(taken),
                Err(error) => {
                    all.into_iter().for_each(|taken: Taken| self.give(shared, taken.place.slot));
                    return Err(error);
                }
            }
        }
        Ok(all)
    }

    /// Takes a place for `bytes`.
    fn take_one(&mut self, shared: &Shared, bytes: usize) -> Result<Taken, NoRoom> {
        let Some(class) = Class::of(bytes) else {
            let (segment, extent) = self.map(shared, bytes, bytes)?;
            let start = segment.at(0);
            let id = self.space.add_whole(extent.clone());
            self.insert(shared, id, segment);
            return Ok(Taken {
                place: Place { slot: Slot { segment: id, offset: 0 }, start },
                bytes,
                extent,
            });
        };
        loop {
            if let Some((slot, extent)) = self.space.take(class) {
                let extent = extent.clone();
                let start = self.segment(slot.segment).at(slot.offset as usize);
                return Ok(Taken { place: Place { slot, start }, bytes: class.size(), extent });
            }
            if self.restore_block() {
                continue;
            }
            match self.map(shared, self.next_segment, BLOCK) {
                Ok((segment, extent)) => {
                    self.next_segment = (self.next_segment * 2).min(LAST_SEGMENT);
                    let id = self.space.add(segment.bytes() / BLOCK, extent);
                    self.insert(shared, id, segment);
                }
                Err(error) => self.end_a_wait(shared).ok_or(error)?,
            }
        }
    }

    /// How many bytes, in whole pages, the limit leaves of `wanted`.
    fn room_for(&self, shared: &Shared, wanted: usize, needed: usize) -> Result<usize, NoRoom> {
        let unit = BLOCK.max(page_size());
        let left = shared.limit.saturating_sub(shared.meter.mapped.load(Relaxed)) / unit * unit;
        let bytes = wanted.next_multiple_of(unit).min(left);
        if bytes < needed.max(1) { Err(NoRoom::Limit(shared.limit)) } else { Ok(bytes) }
    }

    /// Maps a segment of `wanted` bytes; of fewer, but of no fewer than `needed`, if the limit leaves no more.
    fn map(&self, shared: &Shared, wanted: usize, needed: usize) -> Result<(Segment, Extent), NoRoom> {
        let bytes = self.room_for(shared, wanted, needed)?;
        Ok(Segment::in_file(bytes, shared.site)?)
    }
}

/// Writes each stamp to the place that was taken for it, and lets every CPU see it.
fn write(stamps: &[Stamp<'_>], taken: &[Taken]) -> Result<(), CodeError> {
    // Places of one size follow each other.
    let mut order: Vec<usize> = (0..taken.len()).collect();
    order.sort_by_key(|&index| taken[index].bytes);
    let mut contents = Vec::new();
    for run in order.chunk_by(|&a, &b| taken[a].is_before(&taken[b])) {
        for part in run.chunks((RUN / taken[run[0]].bytes).max(1)) {
            contents.clear();
            for &index in part {
                let (start, stamp) = (contents.len(), &stamps[index]);
                contents.resize(start + taken[index].bytes, 0);
                let (stub, rest) = contents[start..].split_at_mut(stamp.bytes());
                stamp.write(stub);
                trap::fill(rest);
            }
            let Taken { place, extent, .. } = &taken[part[0]];
            let stubs = part.iter().map(|&index| (taken[index].bytes, stamps[index].template.row));
            extent.write(place.slot.offset as usize, &contents, stubs)?;
            // SAFETY: the places are taken and adjacent, so the bytes are mapped, readable and nobody else's; the last
            // that wrote them was the line above, on this thread.
            let executing = unsafe { std::slice::from_raw_parts(place.start, contents.len()) };
            if executing != contents {
                return Err(extent.lose());
            }
        }
    }
    instructions::synchronise(
        taken.iter().zip(stamps).map(|(taken, stamp)| (taken.place.start, stamp.bytes())),
    );
    Ok(())
}

impl Taken {
    /// Whether `next` begins where this ends, and is as large.
    fn is_before(&self, next: &Taken) -> bool {
        let (slot, other) = (self.place.slot, next.place.slot);
        slot.segment == other.segment
            && slot.offset as usize + self.bytes == other.offset as usize
            && self.bytes == next.bytes
    }
}
