//! Memory: the host's, the stub's own stack, and the code.

use std::collections::BTreeMap;

use springboard_abi::Hole;

use super::{Machine, STACK};
use crate::{
    refusal::Refusal,
    terms::{Byte, Node, PAGE, Term, Terms, Word, ZERO},
};

impl Machine<'_> {
    /// Says that no call changes the memory at an address.
    pub(crate) fn is_stable(&mut self, address: &Word) {
        let (base, _) = self.terms.split(address);
        self.stable.push(base);
    }

    /// Says what word is at an address.
    pub(crate) fn fix(&mut self, address: &Word, value: u64) {
        let (base, offset) = self.terms.split(address);
        let bytes = if self.cpu.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.fixed.extend((offset..).zip(bytes).map(|(offset, byte)| ((base, offset), byte)));
        self.asked.extend((0..8).map(|by| (base, offset.wrapping_add(by))));
    }

    /// One byte of memory.
    pub(crate) fn memory(&mut self, address: &Word, by: i64) -> Byte {
        let (base, offset) = self.terms.split(address);
        self.asked.insert((base, offset.wrapping_add(by)));
        self.memory_at(base, offset.wrapping_add(by))
    }

    fn memory_at(&mut self, base: Term, offset: i64) -> Byte {
        if base == Terms::STACK {
            if let Some(byte) = self.stack.get(&offset) {
                return *byte;
            }
            if offset < 0 {
                return self.terms.unknown()[0];
            }
        } else if let Some(byte) = self.stores.get(&(base, offset)) {
            return *byte;
        }
        if let Some(byte) = self.fixed.get(&(base, offset)) {
            return Byte::Const(*byte);
        }
        let constant = base == Terms::STACK || self.stable.contains(&base);
        let epoch = if constant { 0 } else { self.epoch };
        self.terms.byte(Node::Memory { base, offset, epoch })
    }

    /// The word of the `bytes` bytes at an address, extended by zeros.
    pub(crate) fn load_word(&mut self, address: &Word, bytes: usize) -> Word {
        let (base, offset) = self.terms.split(address);
        self.asked.extend((0..bytes as i64).map(|by| (base, offset.wrapping_add(by))));
        self.word_at(base, offset, bytes)
    }

    fn word_at(&mut self, base: Term, offset: i64, bytes: usize) -> Word {
        let mut word = ZERO;
        for (at, byte) in word.iter_mut().enumerate().take(bytes) {
            let place = if self.cpu.big_endian { bytes - 1 - at } else { at };
            *byte = self.memory_at(base, offset.wrapping_add(place as i64));
        }
        word
    }

    /// The same for an instruction, which may read the code as well: a hole, or a number there.
    pub(crate) fn load(&mut self, address: &Word, bytes: usize) -> Result<Word, Refusal> {
        let at = self.pc;
        let offset = match self.terms.split(address) {
            (Terms::CODE, offset) => offset,
            (base, offset) => {
                if base != Terms::STACK {
                    // The stub may read what it has just written.
                    let places = (0..bytes as i64).map(|by| offset.wrapping_add(by));
                    let others = places.filter(|offset| !self.stores.contains_key(&(base, *offset)));
                    self.loaded.extend(others.map(|offset| (base, offset, at)));
                }
                return Ok(self.word_at(base, offset, bytes));
            }
        };
        let offset = usize::try_from(offset).map_err(|_| Refusal::Instruction { at })?;
        self.is_read(offset, bytes);
        if let Some(word) = self.hole(offset, bytes)? {
            return Ok(word);
        }
        let literal = self.code.get(offset..offset + bytes).ok_or(Refusal::Instruction { at })?;
        let mut word = ZERO;
        for (place, byte) in literal.iter().enumerate() {
            word[if self.cpu.big_endian { bytes - 1 - place } else { place }] = Byte::Const(*byte);
        }
        Ok(word)
    }

    /// The first instruction that has loaded what the plan does not ask for.
    pub(crate) fn stray_load(&self) -> Option<usize> {
        let stray = self.loaded.iter().find(|(base, offset, _)| !self.asked.contains(&(*base, *offset)));
        stray.map(|(.., at)| *at)
    }

    /// What the hole at an offset in the code is filled with. `None` where there is none.
    pub(crate) fn hole(&mut self, offset: usize, bytes: usize) -> Result<Option<Word>, Refusal> {
        let meets = |hole: &&Hole| {
            let hole = hole.offset as usize;
            offset < hole + 8 && hole < offset + bytes
        };
        match self.holes.iter().find(meets) {
            None => Ok(None),
            Some(hole) if hole.offset as usize == offset && bytes == 8 => {
                let kind = hole.kind;
                Ok(Some(self.terms.word(Node::Hole(kind))))
            }
            Some(_) => Err(Refusal::Hole { at: self.pc }),
        }
    }

    /// The offset of a hole that lies in the instruction that runs.
    pub(crate) fn hole_within(&self, length: usize) -> Option<usize> {
        let mut offsets = self.holes.iter().map(|hole| hole.offset as usize);
        offsets.find(|hole| *hole < self.pc + length && self.pc < hole + 8)
    }

    /// Stores the lowest `bytes` bytes of a word.
    pub(crate) fn store(&mut self, address: &Word, word: &Word, bytes: usize) -> Result<(), Refusal> {
        let (base, offset) = self.terms.split(address);
        for (at, byte) in word.iter().enumerate().take(bytes) {
            let place = if self.cpu.big_endian { bytes - 1 - at } else { at };
            self.store_at(base, offset.wrapping_add(place as i64), *byte)?;
        }
        Ok(())
    }

    fn store_at(&mut self, base: Term, offset: i64, byte: Byte) -> Result<(), Refusal> {
        let at = self.pc;
        match base {
            Terms::STACK => {
                let depth = self.depth().ok_or(Refusal::Stack { at })?;
                let own = depth.max(-STACK) <= offset && offset < 0 || self.lent.contains(&offset);
                if !own {
                    return Err(Refusal::Stack { at });
                }
                self.touch(offset)?;
                self.stack.insert(offset, byte);
            }
            Terms::CODE => return Err(Refusal::Store { at }),
            _ => {
                self.stores.insert((base, offset), byte);
            }
        }
        Ok(())
    }

    /// The stack is touched at an offset: not beyond a page that was not, because the stack's end may be there.
    pub(crate) fn touch(&mut self, offset: i64) -> Result<(), Refusal> {
        if offset < self.touched - PAGE as i64 {
            return Err(Refusal::Unprobed { at: self.pc });
        }
        self.touched = self.touched.min(offset);
        Ok(())
    }

    pub(super) fn put_stack(&mut self, offset: i64, word: &Word) {
        for (at, byte) in (0..).zip(word) {
            self.stack.insert(offset + at, *byte);
        }
    }

    /// What has been stored outside of the stack since this was last asked.
    pub(crate) fn take_stores(&mut self) -> BTreeMap<(Term, i64), Byte> {
        std::mem::take(&mut self.stores)
    }
}
