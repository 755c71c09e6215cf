//! The allocator of code memory.
//!
//! ```text
//! file in memory   ┌ stub ┬ stub ┬ stub ┬ … ┐
//!                  │      │      │      │   │
//! segment          r-x    r-x    r-x    r-x      mapped once, never writable
//! view             ---    rw-    ---    ---      writable pages: those that hold the stub being written
//! ```
//!
//! What is free is known from private memory alone, so a child after `fork` sees its parent's knowledge and not
//! its later moves; and a child never writes a page it shares with its parent: it begins a segment of its own.

use std::{
    ops::Range,
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, getpid};

use super::{
    Strategy,
    error::{CodeError, Step},
    mapping::{Access, CodeFile, Mapping},
    segment::{Executable, Segment},
    sync,
};

/// Size of the first segment, in bytes. Each following one is twice as large.
const FIRST_SEGMENT: usize = 64 << 10;

/// Size beyond which segments do not grow, in bytes.
const LAST_SEGMENT: usize = 1 << 20;

/// What CPUs fetch at a time, in bytes. A stub that fits into a cache line lies in one; a longer one begins with one.
const CACHE_LINE: usize = 64;

/// The least alignment of stubs, in bytes.
const STUB_ALIGN: usize = 16;

/// Memory for code. Shared by any number of threads; one writes at a time.
pub(crate) struct CodeMemory {
    strategy: Strategy,
    state: Mutex<State>,
}

struct State {
    /// The process that made `open`.
    process: Pid,
    /// The segment with room for more.
    open: Option<OpenSegment>,
    next_segment: usize,
    usage: Usage,
}

struct OpenSegment {
    segment: Arc<Segment>,
    /// The same file at another address, inaccessible but for the pages being written.
    view: Mapping,
    /// Bytes handed out so far.
    used: usize,
}

/// How much code memory there is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    /// Bytes of published code, without padding.
    pub(crate) code: usize,
    /// Bytes of pages mapped for code, once each.
    pub(crate) mapped: usize,
}

/// Bytes that can be written and not yet run. Dropping it takes the right to write away and discards them.
pub(crate) struct Writable<'a> {
    state: MutexGuard<'a, State>,
    /// `None` once published.
    place: Option<Place>,
    bytes: usize,
}

enum Place {
    /// An offset in the open segment, whose view is writable there.
    Shared { offset: usize },
    /// Pages of its own, private and writable.
    Sealed { pages: Mapping },
}

impl CodeMemory {
    /// Empty memory. Maps nothing yet.
    pub(crate) fn new(strategy: Strategy) -> CodeMemory {
        let state =
            State { process: getpid(), open: None, next_segment: FIRST_SEGMENT, usage: Usage::default() };
        CodeMemory { strategy, state: Mutex::new(state) }
    }

    /// How much there is.
    pub(crate) fn usage(&self) -> Usage {
        self.lock().usage
    }

    /// Room for `bytes` of code at a multiple of `align`, a power of two.
    pub(crate) fn writable(&self, bytes: usize, align: usize) -> Result<Writable<'_>, CodeError> {
        debug_assert!(align.is_power_of_two() && align <= rustix::param::page_size());
        let mut state = self.lock();
        let place = match self.strategy {
            Strategy::Shared => {
                let offset = state.room(bytes, align.max(stub_align(bytes)))?;
                let open = state.open.as_ref().expect("room leaves an open segment");
                // SAFETY: nobody holds a reference into the view; the lock is held until it is closed again.
                unsafe { open.view.protect(offset..offset + bytes, Access::Write, Step::OpenView) }?;
                Place::Shared { offset }
            }
            Strategy::Sealed => {
                let pages = Mapping::private(bytes.next_multiple_of(rustix::param::page_size()))?;
                Place::Sealed { pages }
            }
        };
        Ok(Writable { state, place: Some(place), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while writing has closed its view on the way out, and handed nothing out.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The alignment of a stub of `bytes`: the fewer cache lines it touches, the sooner it is fetched.
fn stub_align(bytes: usize) -> usize {
    bytes.next_power_of_two().clamp(STUB_ALIGN, CACHE_LINE)
}

impl State {
    /// Makes sure that the open segment has room, and says where.
    fn room(&mut self, bytes: usize, align: usize) -> Result<usize, CodeError> {
        let process = getpid();
        if self.process != process {
            self.process = process;
            self.open = None;
        }
        if let Some(open) = &self.open {
            let offset = open.used.next_multiple_of(align);
            if offset + bytes <= open.segment.pages.bytes() {
                return Ok(offset);
            }
        }
        let size = bytes.next_multiple_of(rustix::param::page_size()).max(self.next_segment);
        self.open = Some(OpenSegment::new(size)?);
        self.next_segment = (self.next_segment * 2).min(LAST_SEGMENT);
        self.usage.mapped += size;
        Ok(0)
    }

    /// Takes away the right to write `range`. Where the system refuses even that, the whole view goes.
    fn close_view(&mut self, range: Range<usize>) -> Result<(), CodeError> {
        let Some(open) = &self.open else { return Ok(()) };
        // SAFETY: the only reference into the view was borrowed from the `Writable` that is being taken apart.
        let closed = unsafe { open.view.protect(range, Access::None, Step::CloseView) };
        if closed.is_err() {
            self.open = None;
        }
        closed
    }
}

impl OpenSegment {
    fn new(bytes: usize) -> Result<OpenSegment, CodeError> {
        let file = CodeFile::new(bytes)?;
        let pages = Mapping::shared(&file, bytes, Access::Execute, Step::MapExecutable)?;
        let view = Mapping::shared(&file, bytes, Access::None, Step::MapView)?;
        Ok(OpenSegment { segment: Arc::new(Segment { pages }), view, used: 0 })
    }
}

impl Writable<'_> {
    /// The bytes, in no known state until they are written.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        let start = match self.place.as_ref().expect("publishing consumes the value") {
            Place::Shared { offset } => {
                self.state.open.as_ref().expect("the segment stays open while it is written").view.at(*offset)
            }
            Place::Sealed { pages } => pages.at(0),
        };
        // SAFETY: the range was made writable when `self` was made and stays so until `self` is gone; no other
        // reference into it exists, because `self` is borrowed exclusively and holds the lock.
        unsafe { slice::from_raw_parts_mut(start, self.bytes) }
    }

    /// Takes away the right to write, and makes the code callable on every CPU.
    pub(crate) fn publish(mut self) -> Result<Executable, CodeError> {
        let bytes = self.bytes;
        let (segment, offset) = match self.place.take().expect("publishing consumes the value") {
            Place::Shared { offset } => {
                self.state.close_view(offset..offset + bytes)?;
                let open = self.state.open.as_mut().expect("a view that could be closed is still there");
                open.used = offset + bytes;
                (Arc::clone(&open.segment), offset)
            }
            Place::Sealed { pages } => {
                // SAFETY: `self` is consumed, so no reference into the pages is left.
                unsafe { pages.protect(0..bytes, Access::Execute, Step::SealPages) }?;
                self.state.usage.mapped += pages.bytes();
                (Arc::new(Segment { pages }), 0)
            }
        };
        self.state.usage.code += bytes;
        let published = Executable::new(segment, offset, bytes);
        sync::instructions(published.code());
        Ok(published)
    }
}

impl Drop for Writable<'_> {
    fn drop(&mut self) {
        if let Some(Place::Shared { offset }) = self.place {
            // Where this fails the view is gone, which is all there is to do about it.
            let _ = self.state.close_view(offset..offset + self.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
