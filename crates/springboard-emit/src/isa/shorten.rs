//! What Cranelift's code for a stub has that the stub does not need, on CPUs whose literals stand beside their code.
//!
//! * A literal stands in the middle of the code, and a branch leads over it: literals go after the code.
//! * A stub that does nothing after its call keeps a frame for it: the call becomes a jump, and the frame goes. Where the
//!   stub may end the call before that, the code for it makes the frame.
//! * A target is copied to another register on its way to the call.
//! * A register that belongs to the caller is saved and used where another one is free.
//!
//! Each is accepted only if a [reader](super::reading) finds that the code does the same.

use super::{
    Code,
    assembly::{Encoding, Item, To},
    reading::{self, Cpu, Known, Live, Register},
};

/// How code of a CPU can be shortened.
pub(super) struct Shapes {
    pub(super) encoding: Encoding,
    pub(super) cpu: &'static Cpu,
    /// How many instructions make the frame, at the beginning of these, and save registers; and the bytes of the frame.
    pub(super) prologue: fn(&[Item]) -> Option<(usize, u64)>,
    /// How many instructions take the frame away and return, likewise.
    pub(super) epilogue: fn(&[Item]) -> Option<usize>,
    /// The register through which an instruction calls.
    pub(super) called: fn(Item) -> Option<Register>,
    pub(super) call: fn(Register) -> Item,
    pub(super) jump: fn(Register) -> Item,
    /// The register through which a stub jumps: neither an argument's nor its caller's.
    pub(super) jump_register: Register,
    /// The bits of a register's number.
    pub(super) register: u64,
    /// From which bits on a copy names the registers to and from which it copies.
    pub(super) copied: fn(Item) -> Option<[u32; 2]>,
    pub(super) copy: fn(Register, Register) -> Item,
    /// From which bits on an instruction names the register that it makes, of those from which a target comes.
    pub(super) made: fn(Item) -> Option<&'static [u32]>,
    /// The instruction in a stub without its frame of so many bytes, if it finds an argument on the stack.
    pub(super) unframed: fn(Item, u64) -> Item,
    /// What is done to the shortened instructions by this CPU alone.
    pub(super) further: fn(&[Item]) -> Vec<Item>,
    /// What an instruction may save or restore of the caller's, other than the frame pointer.
    pub(super) saved: fn(Item) -> Option<Saved>,
    /// From which bits on an instruction names general registers, where it is a load, a store, a sum, a copy or a call.
    pub(super) named: fn(Item) -> &'static [u32],
    /// Registers that may take the place of those that are saved.
    pub(super) spare: &'static [Register],
}

impl Shapes {
    /// The code, as short as it can be made. `pad` is the first instruction of a stub without a frame, if it needs one.
    pub(super) fn shorten(&self, code: Code, live: Live, pad: Option<Item>) -> Code {
        let Some(mut items) = self.encoding.items(&code) else { return code };
        let mut known = Known::of(self.cpu, &code, live);
        let mut code = code;
        while let Some((sparing, assembled)) = self.sparing(&items, &code, &mut known) {
            known = Known::of(self.cpu, &assembled, live);
            (items, code) = (sparing, assembled);
        }
        let mut accepted = |items: &[Item]| {
            let candidate = self.encoding.assemble(items);
            known.is_done_by(&candidate).then_some(candidate)
        };
        let jumping = self.jumping(&items, pad);
        let direct = self.direct(items.clone());
        let shorter = jumping.iter().flatten().chain([&direct, &items]);
        let further = |items: &Vec<Item>| accepted(&(self.further)(items)).or_else(|| accepted(items));
        let moved = || {
            let candidate = self.encoding.assemble(&items);
            reading::moves_literals_only(self.cpu, &code, &candidate).then_some(candidate)
        };
        shorter.into_iter().find_map(further).or_else(moved).unwrap_or(code)
    }

    /// The register that an instruction names from this bit on.
    fn at(&self, item: Item, first: u32) -> Register {
        (item.word >> first & self.register) as Register
    }

    fn made(&self, item: Item) -> Option<Register> {
        (self.made)(item).map(|fields| self.at(item, fields[0]))
    }

    fn copied(&self, item: Item) -> Option<(Register, Register)> {
        (self.copied)(item).map(|[to, from]| (self.at(item, to), self.at(item, from)))
    }

    /// The instruction with `to` wherever it names a register that is to be `replaced`, of those that it names there.
    fn with(&self, item: Item, fields: &[u32], to: Register, replaced: impl Fn(Register) -> bool) -> Item {
        let replaced = fields.iter().filter(|first| replaced(self.at(item, **first)));
        let word =
            replaced.fold(item.word, |word, first| word & !(self.register << first) | u64::from(to) << first);
        Item { word, ..item }
    }

    /// The instruction with one general register in another's place.
    fn renamed(&self, item: Item, from: Register, to: Register) -> Item {
        self.with(item, (self.named)(item), to, |register| register == from)
    }

    /// The instructions with another register in place of one that is saved.
    fn sparing(&self, items: &[Item], code: &Code, known: &mut Known) -> Option<(Vec<Item>, Code)> {
        // It is saved before it is used.
        let Saved { register: saved, at, .. } = items.iter().find_map(|item| (self.saved)(*item))?;
        let freed = |item: Item| match (self.saved)(item) {
            Some(of) if (of.register, of.at) == (saved, at) => of.rest,
            _ => Some(item),
        };
        // It may be that nothing wants what is kept.
        let is_kept = |item: &Item| self.copied(*item).is_some_and(|(to, from)| to == saved || from == saved);
        let without = filtered(items, |item| freed(item).filter(|item| !is_kept(item)));
        let after = self.encoding.assemble(&without);
        if known.is_done_by(&after) {
            return Some((without, after));
        }
        let is_free = |spare: &Register| {
            let is_named = |item: &Item| self.renamed(*item, *spare, saved) != *item;
            !items.iter().any(is_named)
        };
        let (free, used): (Vec<Register>, Vec<Register>) = self.spare.iter().copied().partition(is_free);
        free.into_iter().chain(used).find_map(|spare| {
            let renamed = filtered(items, |item| {
                let item = self.renamed(freed(item)?, saved, spare);
                (self.copied(item) != Some((spare, spare))).then_some(item)
            });
            let after = self.encoding.assemble(&renamed);
            let accepted =
                known.is_done_by(&after) || reading::renames_only(self.cpu, code, &after, saved, spare);
            accepted.then_some((renamed, after))
        })
    }

    /// Instructions that end in a jump where `items` end in a call and a return: with the target's copies left out, and
    /// with all of them.
    fn jumping(&self, items: &[Item], pad: Option<Item>) -> Option<[Vec<Item>; 2]> {
        let (start, bytes) = (self.prologue)(items)?;
        let at = items.iter().position(|item| (self.called)(*item).is_some())?;
        let after = at + 1 + (self.epilogue)(&items[at + 1..])?;
        let hot = &items[start..at];
        let target = |item: &Item| match item.to {
            To::Item(target) => Some(target),
            _ => None,
        };
        let cold: Vec<usize> = hot.iter().filter_map(target).collect();
        let leads_back = items[after..].iter().filter_map(target).any(|target| target < after);
        if leads_back || cold.iter().any(|target| *target < after) {
            return None;
        }
        // Nothing lands where a stub makes its frame late.
        let frame = if items.first().copied() == pad { &items[1..start] } else { &items[..start] };
        let called = (self.called)(items[at])?;
        let moves: Vec<Item> = hot.iter().map(|item| (self.unframed)(*item, bytes)).collect();
        let all = [self.aimed(&moves, called, Copies::Omit), self.aimed(&moves, called, Copies::Keep)];
        Some(all.map(|moves| {
            let mut jumping: Vec<Item> = pad.into_iter().chain(moves).collect();
            jumping.push((self.jump)(self.jump_register));
            let hot_end = jumping.len();
            // Where each of the other instructions goes, and the frame that is made before it.
            let mut framed = vec![0; items.len()];
            let mut whole = vec![0; items.len()];
            for (index, item) in items.iter().enumerate().skip(after) {
                framed[index] = jumping.len();
                if cold.contains(&index) {
                    jumping.extend(frame);
                }
                whole[index] = jumping.len();
                jumping.push(*item);
            }
            for (index, item) in jumping.iter_mut().enumerate() {
                if let To::Item(target) = &mut item.to {
                    *target = if index < hot_end { framed[*target] } else { whole[*target] };
                }
            }
            jumping
        }))
    }

    /// `moves`, with the target in the register through which stubs jump.
    fn aimed(&self, moves: &[Item], called: Register, copies: Copies) -> Vec<Item> {
        let mut moves = moves.to_vec();
        let mut register = called;
        while let Some(at) = moves.iter().rposition(|item| self.made(*item) == Some(register)) {
            match self.copied(moves[at]) {
                // What it is a copy of is made before, and can be made where it is wanted.
                Some((_, from))
                    if copies == Copies::Omit
                        && moves[..at].iter().any(|item| self.made(*item) == Some(from)) =>
                {
                    moves.remove(at);
                    register = from;
                }
                _ => {
                    let fields = (self.made)(moves[at]).unwrap_or_default();
                    moves[at] = self.with(moves[at], fields, self.jump_register, |_| true);
                    return moves;
                }
            }
        }
        moves.push((self.copy)(self.jump_register, register));
        moves
    }

    /// The same instructions, with calls through the register that the target was copied from right before.
    fn direct(&self, mut items: Vec<Item>) -> Vec<Item> {
        for at in (1..items.len()).rev() {
            if let (Some((to, from)), Some(called)) = (self.copied(items[at - 1]), (self.called)(items[at]))
                && to == called
            {
                items[at] = (self.call)(from);
                items.remove(at - 1);
                for item in &mut items {
                    if let To::Item(target) = &mut item.to {
                        *target -= usize::from(*target >= at);
                    }
                }
            }
        }
        items
    }
}

/// A register that is stored on the stub's stack or loaded from there.
pub(super) struct Saved {
    pub(super) register: Register,
    /// Where.
    pub(super) at: u64,
    /// What is left of the instruction without that.
    pub(super) rest: Option<Item>,
}

/// What becomes of each instruction. Whatever leads to one that goes leads to the next.
fn filtered(items: &[Item], becomes: impl Fn(Item) -> Option<Item>) -> Vec<Item> {
    let mut starts = Vec::with_capacity(items.len());
    let mut fresh = Vec::with_capacity(items.len());
    for item in items {
        starts.push(fresh.len());
        fresh.extend(becomes(*item));
    }
    for item in &mut fresh {
        if let To::Item(target) = &mut item.to {
            *target = starts[*target];
        }
    }
    fresh
}

/// What happens to copies on a target's way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copies {
    Omit,
    Keep,
}
