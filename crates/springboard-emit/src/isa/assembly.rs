//! Machine code as a list of instructions whose distances are worked out last, for CPUs whose literals stand beside their
//! code.

use super::Code;
use crate::template::{Hole, HoleKind};

/// An instruction, or a few that are one, and what it refers to by distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    /// As a number in the CPU's byte order. The distance is zero.
    pub(super) word: u64,
    pub(super) bytes: u8,
    pub(super) to: To,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum To {
    Nothing,
    Literal(HoleKind),
    /// The item of this index; while code is read, the offset.
    Item(usize),
}

impl Item {
    pub(super) const fn plain(word: u64, bytes: u8) -> Item {
        Item { word, bytes, to: To::Nothing }
    }
}

/// How code of a CPU is taken apart and put together.
pub(super) struct Encoding {
    /// The instruction at an offset, and where the next one is, from there; a literal after it, and what leads over that,
    /// belong to it. `None` where it refers to anything but instructions and holes.
    pub(super) item: fn(&Code, usize) -> Option<(Item, usize)>,
    /// The word with a distance in bytes, from its first byte.
    pub(super) with_distance: fn(Item, i64) -> u64,
    pub(super) big_endian: bool,
}

impl Encoding {
    /// The instructions of code that Cranelift emitted.
    pub(super) fn items(&self, code: &Code) -> Option<Vec<Item>> {
        let (mut items, mut starts, mut at) = (Vec::new(), Vec::new(), 0);
        while at < code.bytes.len() {
            let (item, bytes) = (self.item)(code, at)?;
            items.push(item);
            starts.push(at);
            at += bytes;
        }
        for item in &mut items {
            if let To::Item(target) = &mut item.to {
                *target = starts.binary_search(target).ok()?;
            }
        }
        Some(items)
    }

    /// The code of instructions, with their literals after them. Distances that are too large come out wrong.
    pub(super) fn assemble(&self, items: &[Item]) -> Code {
        let mut kinds: Vec<HoleKind> = Vec::new();
        let mut starts = Vec::with_capacity(items.len() + 1);
        let mut end = 0;
        for item in items {
            starts.push(end);
            end += usize::from(item.bytes);
            if let To::Literal(kind) = item.to
                && !kinds.contains(&kind)
            {
                kinds.push(kind);
            }
        }
        starts.push(end);
        let literals = if kinds.is_empty() { end } else { end.next_multiple_of(8) };
        let mut bytes = Vec::with_capacity(literals + kinds.len() * 8);
        for (item, start) in items.iter().zip(&starts) {
            let literal =
                |kind| kinds.iter().position(|known| *known == kind).map(|number| literals + number * 8);
            let target = match item.to {
                To::Nothing => None,
                To::Item(target) => starts.get(target).copied(),
                To::Literal(kind) => literal(kind),
            };
            let word = match target {
                Some(target) => (self.with_distance)(*item, target as i64 - *start as i64),
                None => item.word,
            };
            let size = usize::from(item.bytes);
            if self.big_endian {
                bytes.extend(&word.to_be_bytes()[8 - size..]);
            } else {
                bytes.extend(&word.to_le_bytes()[..size]);
            }
        }
        bytes.resize(literals + kinds.len() * 8, 0);
        let hole =
            |(number, kind): (usize, &HoleKind)| Hole { offset: (literals + number * 8) as u32, kind: *kind };
        let holes = kinds.iter().enumerate().map(hole).collect();
        Code { bytes, holes }
    }
}

/// An instruction of four bytes.
pub(super) const fn plain(word: u64) -> Item {
    Item::plain(word, 4)
}

/// The instructions of code in which each has four bytes, the less significant first.
pub(super) fn words(code: &[u8]) -> impl Iterator<Item = u32> {
    code.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")))
}

/// The one of those at an offset.
pub(super) fn word_at(code: &[u8], at: usize) -> Option<u32> {
    words(code.get(at..at + 4)?).next()
}

/// The bits of a word from `first` on, as a signed number of so many bits.
pub(super) const fn signed(word: u64, first: u32, bits: u32) -> i64 {
    (word << (64 - first - bits)) as i64 >> (64 - bits)
}
