//! What Cranelift's code for a stub has that the stub does not need.
//!
//! * A literal stands in the middle of the code, and a branch leads over it: literals go after the code.
//! * A stub that does nothing after its call keeps a frame for it: the call becomes a jump, and the frame goes. The jump
//!   goes through `x16`, which a function that begins with `bti c` lets in (Arm ARM, D8.4.2).
//! * A target is copied to another register right before its call.
//! * Neighbouring slots are loaded one by one: two are loaded at once. So are words on their way to the stack, and stored
//!   at once.
//!
//! Each is accepted only if [`reading`](super::reading) finds that the code does the same.

use springboard_abi::LandingPads;

use super::{
    super::Code,
    assembly::{AUTIASP, EPILOGUE, Item, LANDING_PAD, PACIASP, PROLOGUE, RET, To, assemble, items},
    reading::{self, Live},
};

/// The code, as short as it can be made.
pub(super) fn shorten(code: Code, live: Live, landing_pads: LandingPads) -> Code {
    let Some(items) = items(&code) else { return code };
    let accepted = |items: &[Item], accepts: &dyn Fn(&Code) -> bool| {
        let candidate = assemble(items);
        accepts(&candidate).then_some(candidate)
    };
    let same = |candidate: &Code| {
        (landing_pads == LandingPads::Omit || reading::begins_with_landing_pad(candidate))
            && reading::is_same(&code, candidate, live)
    };
    let jumping = jump(&items, landing_pads).unwrap_or_else(|| items.clone());
    let shorter = [pairs(&jumping), jumping, pairs(&items)];
    shorter
        .iter()
        .find_map(|items| accepted(items, &same))
        .or_else(|| accepted(&items, &|candidate| reading::moves_literals_only(&code, candidate)))
        .unwrap_or(code)
}

/// `br x16`
const JUMP: Item = Item::plain(0xd61f_0200);
const X16: u32 = 16;

/// Instructions that end in a jump where `items` end in a call and a return.
fn jump(items: &[Item], landing_pads: LandingPads) -> Option<Vec<Item>> {
    let word = |item: &Item| item.word;
    let (first, mut rest) = match items.first().map(word)? {
        first @ (LANDING_PAD | PACIASP) => (Some(first), &items[1..]),
        _ => (None, items),
    };
    let signs = first == Some(PACIASP);
    rest = rest.strip_prefix(&PROLOGUE)?;
    let (ret, before) = rest.split_last()?;
    let before = if signs { before.strip_suffix(&[Item::plain(AUTIASP)])? } else { before };
    let (call, body) = before.strip_suffix(&[EPILOGUE])?.split_last()?;
    // blr
    if ret.word != RET || call.word & 0xffff_fc1f != 0xd63f_0000 {
        return None;
    }
    let target = call.word >> 5 & 0x1f;
    let mut jumping = Vec::with_capacity(body.len() + 3);
    if landing_pads == LandingPads::Emit && first.is_some() {
        jumping.push(Item::plain(LANDING_PAD));
    }
    let start = jumping.len();
    jumping.extend(body);
    match jumping[start..].iter_mut().rev().find(|item| destination(item.word) == Some(target)) {
        Some(found) => found.word = found.word & !0x1f | X16,
        // mov x16, target
        None => jumping.push(Item::plain(0xaa00_03e0 | target << 16 | X16)),
    }
    jumping.push(JUMP);
    Some(jumping)
}

/// The register that an instruction makes from others, for those from which a target comes: `mov` between registers,
/// and loads of whole registers.
fn destination(word: u32) -> Option<u32> {
    let known = word & 0xffe0_ffe0 == 0xaa00_03e0
        || word & 0xffc0_0000 == 0xf940_0000
        || word & 0xffe0_0c00 == 0xf840_0000
        || word & 0xff00_0000 == 0x5800_0000;
    known.then_some(word & 0x1f)
}

/// A load of eight bytes: `ldr x`, `ldr d` with an offset in words.
#[derive(Clone, Copy)]
struct Load {
    is_vector: bool,
    base: u32,
    offset: u32,
    to: u32,
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
        Item::plain(opcode | self.offset << 10 | self.base << 5 | self.to)
    }

    /// Both at once, where the offset is not too large for it.
    fn with(self, next: Load) -> Option<Item> {
        let fits = self.is_vector == next.is_vector && self.offset + 1 == next.offset && self.offset < 64;
        let opcode = if self.is_vector { 0x6d40_0000 } else { 0xa940_0000 };
        let word = opcode | self.offset << 15 | next.to << 10 | self.base << 5 | self.to;
        (fits && self.to != next.to).then_some(Item::plain(word))
    }
}

/// The same instructions, with neighbouring words loaded at once. Runs of loads from one base are put in order; what
/// changes the base stays last. Code with branches into it is left as it is.
fn pairs(items: &[Item]) -> Vec<Item> {
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
    direct(paired)
}

/// The same instructions, with a call through the register that its target was copied from right before.
fn direct(mut items: Vec<Item>) -> Vec<Item> {
    let copied = |pair: &[Item]| {
        let (from, to) = (pair[0].word >> 16 & 0x1f, pair[0].word & 0x1f);
        let copies = pair[0].word & 0xffe0_ffe0 == 0xaa00_03e0 && pair[1].word == 0xd63f_0000 | to << 5;
        copies.then_some(from)
    };
    let found = items.windows(2).enumerate().find_map(|(at, pair)| Some((at, copied(pair)?)));
    if let Some((at, from)) = found {
        items[at + 1] = Item::plain(0xd63f_0000 | from << 5);
        items.remove(at);
    }
    items
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
    offset: u32,
    from: u32,
}

impl Store {
    fn of(item: &Item) -> Option<Store> {
        const SP: u32 = 31;
        let is_vector = match item.word & 0xffe0_0c00 {
            0xf800_0000 => false,
            0xfc00_0000 => true,
            _ => return None,
        };
        let (offset, base) = (item.word >> 12 & 0x1ff, item.word >> 5 & 0x1f);
        // A negative offset is none of the stub's own stack.
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
        fits.then_some(Item::plain(word))
    }
}

/// A run of loads from one base, two at once where they are neighbours.
fn in_pairs(mut run: Vec<Load>) -> Vec<Item> {
    run.sort_by_key(|load| (load.is_vector, load.offset));
    let mut plain = Vec::with_capacity(run.len());
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
        if changes { last = Some(item) } else { plain.push(item) }
    }
    plain.extend(last);
    plain
}
