//! Neighbouring slots are loaded at once; so are words on their way to the stack, and stored at once.

use super::super::assembly::{Item, To, plain};

/// A load of eight bytes: `ldr x`, `ldr d` with an offset in words.
#[derive(Clone, Copy)]
struct Load {
    is_vector: bool,
    base: u64,
    offset: u64,
    to: u64,
}

impl Load {
    fn of(item: &Item) -> Option<Load> {
        let is_vector = match item.word & 0xffc0_0000 {
            0xf940_0000 => false,
            0xfd40_0000 => true,
            _ => return None,
        };
        let Item { word, .. } = *item;
        Some(Load { is_vector, base: word >> 5 & 0x1f, offset: word >> 10 & 0xfff, to: word & 0x1f })
    }

    fn changes_base(self) -> bool {
        !self.is_vector && self.to == self.base
    }

    fn item(self) -> Item {
        let opcode = if self.is_vector { 0xfd40_0000 } else { 0xf940_0000 };
        plain(opcode | self.offset << 10 | self.base << 5 | self.to)
    }

    /// Both at once, where the offset is not too large for it.
    fn with(self, next: Load) -> Option<Item> {
        let fits = self.is_vector == next.is_vector && self.offset + 1 == next.offset && self.offset < 64;
        let opcode = if self.is_vector { 0x6d40_0000 } else { 0xa940_0000 };
        let word = opcode | self.offset << 15 | next.to << 10 | self.base << 5 | self.to;
        (fits && self.to != next.to).then_some(plain(word))
    }
}

/// The same instructions, with neighbouring words loaded at once. Runs of loads from one base are put in order; what
/// changes the base stays last. Code with branches into it is left as it is.
pub(super) fn pairs(items: &[Item]) -> Vec<Item> {
    if items.iter().any(|item| matches!(item.to, To::Item(_))) {
        return items.to_vec();
    }
    let mut paired = Vec::with_capacity(items.len());
    let mut rest = items;
    while let Some(first) = rest.first() {
        if let Some((both, after)) = words(rest) {
            paired.extend(both);
            rest = after;
            continue;
        }
        let mut run: Vec<Load> = Vec::new();
        for item in rest {
            match Load::of(item) {
                Some(load)
                    if run.first().is_none_or(|first| first.base == load.base)
                        && run.last().is_none_or(|last| !last.changes_base()) =>
                {
                    run.push(load);
                }
                _ => break,
            }
        }
        if run.is_empty() {
            paired.push(*first);
            rest = &rest[1..];
            continue;
        }
        rest = &rest[run.len()..];
        paired.extend(in_pairs(run));
    }
    paired
}

/// Two words that are loaded and stored one after the other, from neighbours to neighbours on the stack: both at once, and
/// what comes after them.
fn words(items: &[Item]) -> Option<([Item; 2], &[Item])> {
    let [load, store, next_load, next_store, after @ ..] = items else { return None };
    let moves = |load: &Item, store: &Item| {
        let (load, store) = (Load::of(load)?, Store::of(store)?);
        let is_word = load.to == store.from && load.is_vector == store.is_vector && !load.changes_base();
        is_word.then_some((load, store))
    };
    let mut words = [moves(load, store)?, moves(next_load, next_store)?];
    words.sort_by_key(|(load, _)| load.offset);
    let [(load, store), (mut next_load, mut next_store)] = words;
    if load.base != next_load.base {
        return None;
    }
    if next_load.to == load.to {
        // No argument is ever in x17 or v31.
        next_load.to = if load.is_vector { 31 } else { 17 };
        next_store.from = next_load.to;
    }
    Some(([load.with(next_load)?, store.with(next_store)?], after))
}

/// A store of eight bytes to the stack: `stur x`, `stur d`.
#[derive(Clone, Copy)]
struct Store {
    is_vector: bool,
    /// In words.
    offset: u64,
    from: u64,
}

impl Store {
    fn of(item: &Item) -> Option<Store> {
        const SP: u64 = 31;
        let is_vector = match item.word & 0xffe0_0c00 {
            0xf800_0000 => false,
            0xfc00_0000 => true,
            _ => return None,
        };
        let (offset, base) = (item.word >> 12 & 0x1ff, item.word >> 5 & 0x1f);
        // What is at a negative offset is not on the stub's own stack.
        (base == SP && offset < 0x100 && offset % 8 == 0).then_some(Store {
            is_vector,
            offset: offset / 8,
            from: item.word & 0x1f,
        })
    }

    /// Both at once.
    fn with(self, next: Store) -> Option<Item> {
        let fits = self.is_vector == next.is_vector && self.offset + 1 == next.offset;
        let opcode = if self.is_vector { 0x6d00_0000 } else { 0xa900_0000 };
        let word = opcode | self.offset << 15 | next.from << 10 | 31 << 5 | self.from;
        fits.then_some(plain(word))
    }
}

/// A run of loads from one base, two at once where they are neighbours.
fn in_pairs(mut run: Vec<Load>) -> Vec<Item> {
    run.sort_by_key(|load| (load.is_vector, load.offset));
    let mut items = Vec::with_capacity(run.len());
    let mut last = None;
    let mut rest = &run[..];
    while let [first, after @ ..] = rest {
        let (item, changes) = match after.first().and_then(|next| Some((first.with(*next)?, *next))) {
            Some((both, next)) => {
                rest = &after[1..];
                (both, first.changes_base() || next.changes_base())
            }
            None => {
                rest = after;
                (first.item(), first.changes_base())
            }
        };
        if changes { last = Some(item) } else { items.push(item) }
    }
    items.extend(last);
    items
}
