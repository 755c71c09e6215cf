//! Published code and the pages it lies in.

use std::sync::Arc;

use super::{CodePointer, mapping::Mapping};

/// Pages that execute. What is published in them does not change.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) pages: Mapping,
}

/// Code that can be called, for as long as this value or a clone of it lives.
#[derive(Clone, Debug)]
pub(crate) struct Executable {
    segment: Arc<Segment>,
    offset: usize,
    bytes: usize,
}

impl Executable {
    /// `bytes` at `offset` of `segment`, written and synchronised.
    pub(super) fn new(segment: Arc<Segment>, offset: usize, bytes: usize) -> Executable {
        Executable { segment, offset, bytes }
    }

    /// The address of the first instruction.
    pub(crate) fn entry(&self) -> CodePointer {
        self.entry_at(0)
    }

    /// The address of the instruction `offset` bytes behind the first.
    pub(crate) fn entry_at(&self, offset: usize) -> CodePointer {
        debug_assert!(offset < self.bytes);
        let start: *mut u8 = self.segment.pages.at(self.offset + offset);
        // SAFETY: a mapping is never at address 0, and a function pointer has the size and form of a data pointer
        // on every target. Whoever calls it answers for the type.
        unsafe { std::mem::transmute::<*mut u8, CodePointer>(start) }
    }

    /// The code as it stands in memory.
    pub(crate) fn code(&self) -> &[u8] {
        // SAFETY: the range is readable and initialised, and published code does not change while `self` lives.
        unsafe { std::slice::from_raw_parts(self.segment.pages.at(self.offset), self.bytes) }
    }
}
