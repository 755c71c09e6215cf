//! Machine code as a list of instructions whose distances are worked out last.

use super::super::Code;
use crate::template::{Hole, HoleKind};

/// An instruction, and what it refers to by distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub(super) word: u32,
    pub(super) to: To,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum To {
    Nothing,
    Literal(HoleKind),
    /// The item of this index.
    Item(usize),
}

impl Item {
    pub(super) const fn plain(word: u32) -> Item {
        Item { word, to: To::Nothing }
    }
}

/// `bti c`
pub(super) const LANDING_PAD: u32 = 0xd503_245f;
pub(super) const PACIASP: u32 = 0xd503_233f;
pub(super) const AUTIASP: u32 = 0xd503_23bf;
/// `stp x29, x30, [sp, #-16]!`; `mov x29, sp`
pub(super) const PROLOGUE: [Item; 2] = [Item::plain(0xa9bf_7bfd), Item::plain(0x9100_03fd)];
/// `ldp x29, x30, [sp], #16`
pub(super) const EPILOGUE: Item = Item::plain(0xa8c1_7bfd);
pub(super) const RET: u32 = 0xd65f_03c0;
const B_OVER_LITERAL: u32 = 0x1400_0003;

/// Where an instruction has a distance in words: first bit and width.
fn distance_field(word: u32) -> Option<(u32, u32)> {
    match word {
        _ if word & 0x7c00_0000 == 0x1400_0000 => Some((0, 26)), // b, bl
        _ if word & 0xff00_0010 == 0x5400_0000 => Some((5, 19)), // b.cond
        _ if word & 0x7e00_0000 == 0x3400_0000 => Some((5, 19)), // cbz, cbnz
        _ if word & 0x7e00_0000 == 0x3600_0000 => Some((5, 14)), // tbz, tbnz
        _ if word & 0x3b00_0000 == 0x1800_0000 => Some((5, 19)), // ldr of a literal
        _ => None,
    }
}

/// The instructions of code that Cranelift emitted, without branches over literals. `None` where one refers to anything
/// but instructions and holes.
pub(super) fn items(code: &Code) -> Option<Vec<Item>> {
    let hole_at = |at: usize| code.holes.iter().find(|hole| hole.offset as usize == at);
    // The index of the item at each word of the code, or after it where none begins there.
    let mut index_at = Vec::with_capacity(code.bytes.len() / 4 + 1);
    let mut words = Vec::with_capacity(code.bytes.len() / 4);
    let mut at = 0;
    while at < code.bytes.len() {
        index_at.push(words.len());
        let word = u32::from_le_bytes(code.bytes.get(at..at + 4)?.try_into().ok()?);
        if hole_at(at).is_some() {
            index_at.push(words.len());
            at += 8;
            continue;
        }
        if !(word == B_OVER_LITERAL && hole_at(at + 4).is_some()) {
            words.push((at, word));
        }
        at += 4;
    }
    let item = |(at, word): (usize, u32)| {
        let Some((first, width)) = distance_field(word) else {
            // adr, adrp
            return (word & 0x1f00_0000 != 0x1000_0000).then_some(Item::plain(word));
        };
        let distance = (word << (32 - first - width)) as i32 >> (32 - width);
        let target = usize::try_from(at as i64 + i64::from(distance) * 4).ok()?;
        let to = match hole_at(target) {
            Some(hole) if word & 0x3b00_0000 == 0x1800_0000 => To::Literal(hole.kind),
            None if word & 0x3b00_0000 != 0x1800_0000 => To::Item(*index_at.get(target / 4)?),
            _ => return None,
        };
        let field = ((1 << width) - 1) << first;
        Some(Item { word: word & !field, to })
    };
    words.into_iter().map(item).collect()
}

/// The code of instructions, with their literals after them.
pub(super) fn assemble(items: &[Item]) -> Code {
    let mut kinds: Vec<HoleKind> = Vec::new();
    for item in items {
        if let To::Literal(kind) = item.to
            && !kinds.contains(&kind)
        {
            kinds.push(kind);
        }
    }
    let literals = if kinds.is_empty() { items.len() } else { items.len().next_multiple_of(2) };
    let mut bytes = Vec::with_capacity(literals * 4 + kinds.len() * 8);
    for (index, item) in items.iter().enumerate() {
        let target = match item.to {
            To::Nothing => None,
            To::Item(target) => Some(target),
            To::Literal(kind) => {
                kinds.iter().position(|known| *known == kind).map(|number| literals + number * 2)
            }
        };
        let distance = match (target, distance_field(item.word)) {
            (Some(target), Some((first, width))) => {
                ((target as i64 - index as i64) as u32 & ((1 << width) - 1)) << first
            }
            _ => 0,
        };
        bytes.extend((item.word | distance).to_le_bytes());
    }
    bytes.resize(literals * 4 + kinds.len() * 8, 0);
    let hole =
        |(number, kind): (usize, &HoleKind)| Hole { offset: (literals * 4 + number * 8) as u32, kind: *kind };
    let holes = kinds.iter().enumerate().map(hole).collect();
    Code { bytes, holes }
}
