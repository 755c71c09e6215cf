//! Calls, jumps and returns: what holds whenever control leaves a stub.

use std::collections::BTreeMap;

use springboard_abi::{Convention, Fill, HoleKind, Move, Operand, Place, ReturnAddresses};

use super::{Reading, Registers, Source, When};
use crate::{
    machine::{Abi, Saved},
    refusal::{Leaving, Refusal, Spot},
    terms::{Byte, Node, Register, Term, Terms, Word, ZERO, sign_extended, whole},
};

/// How control leaves a stub.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It comes back.
    Call,
    /// It does not: what it went to returns to the stub's caller.
    Jump,
    /// To the stub's caller.
    Return,
}

/// What a stub is to write outside of its stack.
pub(super) type Stores = BTreeMap<(Term, i64), Byte>;

/// Ranges of a stub's stack that a call may write, from the stack pointer at the entry.
pub(super) type Ranges = Vec<(i64, i64)>;

impl Reading<'_> {
    /// Runs until control leaves the stub, and checks what holds for it wherever it goes.
    pub(super) fn leave(&mut self) -> Result<(usize, Word, How), Refusal> {
        let left = self.machine.run()?;
        let at = left.at;
        if let Some(depth) = self.machine.depth() {
            self.machine.touch(depth)?;
        }
        let back = self.machine.entry_return();
        if self.machine.terms.same_word(&left.to, &back) {
            let pushed = if self.caller.cpu.link.is_none() { 8 } else { 0 };
            self.all_given_back(at, pushed)?;
            return Ok((at, left.to, How::Return));
        }
        if self.machine.comes_back() {
            self.unwinds(at)?;
            return Ok((at, left.to, How::Call));
        }
        if self.machine.return_address() != back {
            return Err(Refusal::Leaves { at, wanted: Leaving::CallOrJump });
        }
        self.all_given_back(at, 0)?;
        Ok((at, left.to, How::Jump))
    }

    /// The stub returns.
    pub(super) fn returns(&mut self) -> Result<usize, Refusal> {
        match self.leave()? {
            (at, _, How::Return) => Ok(at),
            (at, ..) => Err(Refusal::Leaves { at, wanted: Leaving::Return }),
        }
    }

    /// The stub calls, or jumps to, `target`.
    pub(super) fn reaches(&mut self, target: &Word) -> Result<(usize, How), Refusal> {
        let (at, to, how) = self.leave()?;
        if how == How::Return {
            return Err(Refusal::Leaves { at, wanted: Leaving::CallOrJump });
        }
        if !self.machine.terms.same_word(&to, target) {
            return Err(Refusal::Place { at, place: Spot::Target });
        }
        Ok((at, how))
    }

    /// The stub calls a function of the host with these words, and goes on after it. What it is to have stored by then is
    /// looked at later where none is given.
    pub(super) fn asks(
        &mut self,
        target: &Word,
        arguments: &[Argument],
        stores: Option<&Stores>,
    ) -> Result<(), Refusal> {
        let (at, how) = self.reaches(target)?;
        if how != How::Call {
            return Err(Refusal::Leaves { at, wanted: Leaving::Call });
        }
        self.passes(at, arguments)?;
        if let Some(stores) = stores {
            self.stored(at, stores)?;
        }
        self.comes_back(at, self.caller, 0, &Vec::new())
    }

    /// Words are in the registers of a function of the host.
    pub(super) fn passes(&mut self, at: usize, arguments: &[Argument]) -> Result<(), Refusal> {
        for (index, argument) in arguments.iter().enumerate() {
            let number = *self.caller.gpr_args.get(index).ok_or(Refusal::Plan)?;
            let found = self.machine.gprs[usize::from(number)];
            // What has been checked is known, and need not be what it was.
            let same = found.iter().zip(&argument.word).take(argument.bytes).all(|(found, wanted)| {
                self.machine.terms.same(*found, *wanted) || self.machine.terms.known_same(*found, *wanted)
            });
            if !same {
                return Err(Refusal::Place { at, place: Spot::Gpr(index as u8) });
            }
        }
        Ok(())
    }

    /// Goes on after a call of a function of `abi`, which had `stack_bytes` of arguments on the stack, aligned.
    pub(super) fn comes_back(
        &mut self,
        at: usize,
        abi: &Abi,
        stack_bytes: u32,
        written: &Ranges,
    ) -> Result<(), Refusal> {
        let depth = self.machine.depth().ok_or(Refusal::Alignment { at })?;
        if self.address_residue(depth + abi.above, abi.cpu.stack_align) != 0 {
            return Err(Refusal::Alignment { at });
        }
        self.machine.come_back(&abi.saved, abi.above + i64::from(stack_bytes), written)
    }

    /// By how much an address on the stack, from the stack pointer at the entry, is not aligned.
    pub(super) fn address_residue(&self, offset: i64, align: u64) -> u64 {
        self.residue.wrapping_add(offset as u64) % align
    }

    /// Whatever belongs to the caller is as it was, and the stack pointer `pushed` bytes above where it was.
    fn all_given_back(&mut self, at: usize, pushed: i64) -> Result<(), Refusal> {
        let saved = &self.entered.saved;
        let sp = self.entered.cpu.stack_pointer;
        let above = self.machine.terms.plus(&whole(Terms::STACK), pushed);
        if saved.gprs.contains(&sp) && self.machine.gprs[usize::from(sp)] != above {
            return Err(Refusal::Saved { at, register: sp });
        }
        match self.changed(saved, &[Some(sp)], saved.halves) {
            Some(register) => Err(Refusal::Saved { at, register }),
            None => Ok(()),
        }
    }

    /// A register of `saved`, `except` for some, that holds something else than when the stub was entered: of vector
    /// registers, in the first of their words.
    fn changed(&mut self, saved: &Saved, except: &[Option<u8>], halves: u8) -> Option<u8> {
        let Saved { gprs, vecs, .. } = *saved;
        let machine = &mut self.machine;
        let gpr = gprs
            .iter()
            .copied()
            .filter(|gpr| !except.contains(&Some(*gpr)))
            .find(|gpr| machine.entry(Register::Gpr(*gpr)) != machine.gprs[usize::from(*gpr)]);
        gpr.or_else(|| {
            vecs.iter().copied().find(|vec| {
                (0..halves).any(|half| {
                    let now = machine.vecs[usize::from(*vec)][usize::from(half)];
                    now != machine.entry(Register::Vec(*vec, half))
                })
            })
        })
    }

    /// While a call is under way, an unwinder finds the stub's caller by the frame pointer.
    fn unwinds(&mut self, at: usize) -> Result<(), Refusal> {
        let cpu = self.caller.cpu;
        let Some(frame_pointer) = cpu.frame_pointer else { return Ok(()) };
        let machine = &mut self.machine;
        let mut frame = machine.gprs[usize::from(frame_pointer)];
        let mut kept_at = |frame: &Word| {
            let back_at = machine.terms.plus(frame, 8);
            let back = machine.load_word(&back_at, 8);
            (machine.load_word(frame, 8), back, matches!(machine.terms.split(&back), (Terms::CODE, _)))
        };
        let (mut found, mut found_back, is_of_a_part) = kept_at(&frame);
        // A frame that a part of the stub has made leads to the stub's.
        if is_of_a_part {
            frame = found;
            (found, found_back, _) = kept_at(&frame);
        }
        let beyond = if cpu.link.is_none() { 8 } else { 0 };
        if self.machine.on_stack(&frame) != Some(beyond - 16) {
            return Err(Refusal::Unwind { at });
        }
        let kept = self.machine.entry(Register::Gpr(frame_pointer));
        let mut back = self.machine.entry_return();
        if self.code.protection.return_addresses == ReturnAddresses::Signed && cpu.signs {
            let sp = whole(Terms::STACK);
            back = self.machine.terms.word(Node::Signed(back, sp));
        }
        if found != kept || found_back != back {
            return Err(Refusal::Unwind { at });
        }
        self.nothing_is_kept(at)
    }

    /// The row of all stubs says of no other register where it is: whatever the system's functions give back is as it was.
    /// On Windows stubs have rows of their own.
    fn nothing_is_kept(&mut self, at: usize) -> Result<(), Refusal> {
        let Abi { cpu, saved, .. } = self.caller;
        if self.plan.caller == Convention::Win64 {
            return Ok(());
        }
        let frame = [Some(cpu.stack_pointer), cpu.frame_pointer];
        if self.changed(saved, &frame, 1).is_some() { Err(Refusal::Unwind { at }) } else { Ok(()) }
    }

    /// What was stored outside of the stack is what was to be stored.
    pub(super) fn stored(&mut self, at: usize, wanted: &Stores) -> Result<(), Refusal> {
        let found = self.machine.take_stores();
        for (place, byte) in &found {
            let same = wanted.get(place).is_some_and(|wanted| self.machine.terms.same(*wanted, *byte));
            if !same {
                return Err(Refusal::Store { at });
            }
        }
        if found.len() == wanted.len() { Ok(()) } else { Err(Refusal::NoStore { at }) }
    }

    /// Notes that a byte is to be stored.
    pub(super) fn is_to_store(&mut self, stores: &mut Stores, address: &Word, by: i64, byte: Byte) {
        let (base, offset) = self.machine.terms.split(address);
        stores.insert((base, offset.wrapping_add(by)), byte);
    }

    /// Every argument of the native function is in its place. Gives the ranges of the stack that the function owns.
    pub(super) fn arguments(&mut self, at: usize, source: &Source) -> Result<Ranges, Refusal> {
        let plan = self.plan;
        let depth = self.machine.depth().ok_or(Refusal::Alignment { at })?;
        let stack = depth + self.callee.above;
        let align = u64::from(plan.stack_align.unwrap_or(1)).max(self.callee.cpu.stack_align);
        if self.address_residue(stack, align) != 0 {
            return Err(Refusal::Alignment { at });
        }
        let mut copies: Ranges = Vec::new();
        for word in plan.moves.chunk_by(|a, b| word_of(a.place) == word_of(b.place)) {
            for step in word {
                self.argument_in_place(at, *step, source, stack, &mut copies)?;
            }
            if let [step] = word {
                self.rest_is_filled(at, *step, stack)?;
            }
        }
        if let Some(count) = plan.vector_count
            && self.machine.gprs[0][0] != Byte::Const(count)
        {
            return Err(Refusal::Place { at, place: Spot::VectorCount });
        }
        Ok(copies)
    }

    fn argument_in_place(
        &mut self,
        at: usize,
        step: Move,
        source: &Source,
        stack: i64,
        copies: &mut Ranges,
    ) -> Result<(), Refusal> {
        let registers = Registers::arguments(self.callee, When::Now);
        let wrong = Refusal::Place { at, place: spot(step.place) };
        if let Operand::Temporary { index } = step.operand {
            let mut address = ZERO;
            for byte in 0..8 {
                address[self.significance(byte)] = self.place_byte(step.place, byte, registers, stack)?;
            }
            return self.copied(at, index, &address, source, stack, copies);
        }
        for byte in 0..usize::from(step.bytes) {
            let found = self.place_byte(step.place, byte, registers, stack)?;
            if !self.is_operand_byte(found, source, step.operand, byte)? {
                return Err(wrong);
            }
        }
        Ok(())
    }

    /// An address is that of a copy of an argument, on the stub's own stack and apart from all else.
    fn copied(
        &mut self,
        at: usize,
        index: u16,
        address: &Word,
        source: &Source,
        stack: i64,
        copies: &mut Ranges,
    ) -> Result<(), Refusal> {
        let wrong = Refusal::Place { at, place: Spot::Copy(index) };
        let copy = *self.plan.temporaries.get(usize::from(index)).ok_or(Refusal::Plan)?;
        let Some(from) = self.machine.on_stack(address) else { return Err(wrong) };
        let to = from + i64::from(copy.bytes);
        let apart = copies.iter().all(|&(begin, end)| to <= begin || end <= from);
        let own = stack + i64::from(self.plan.stack_bytes) <= from && to <= 0;
        if !apart || !own || self.address_residue(from, copy.align.max(1).into()) != 0 {
            return Err(wrong);
        }
        let original = self.slot(source, copy.slot)?;
        for byte in 0..i64::from(copy.bytes) {
            let found = self.machine.memory(address, byte);
            let wanted = self.machine.memory(&original, byte);
            if !self.machine.terms.same(found, wanted) {
                return Err(wrong);
            }
        }
        copies.push((from, to));
        Ok(())
    }

    /// The rest of a word into which nothing else is moved.
    fn rest_is_filled(&mut self, at: usize, step: Move, stack: i64) -> Result<(), Refusal> {
        let registers = Registers::arguments(self.callee, When::Now);
        if !self.is_filled(step, registers, stack)? {
            return Err(Refusal::Place { at, place: spot(step.place) });
        }
        Ok(())
    }

    /// Whether what lies in a word beside what one move moves is what the move says.
    pub(super) fn is_filled(
        &mut self,
        step: Move,
        registers: Registers,
        stack: i64,
    ) -> Result<bool, Refusal> {
        let (whole, first) = match step.place {
            Place::Gpr { reg, at } => (Place::Gpr { reg, at: 0 }, usize::from(at)),
            Place::Stack { offset } => (Place::Stack { offset: offset & !7 }, offset as usize % 8),
            // A float in a wider register (RISC-V calling convention, "NaN boxing").
            Place::Vec { .. } if self.plan.convention == Convention::Lp64d && step.bytes == 4 => {
                for byte in 4..8 {
                    let below = self.place_byte(step.place, byte - 4, registers, stack)?;
                    let found = self.place_byte(step.place, byte, registers, stack)?;
                    // One that came in a register has them already.
                    let came = match (below, found) {
                        (Byte::Of(a, 0..4), Byte::Of(b, 4..8)) if a == b => {
                            matches!(self.machine.terms.node(a), Node::Entry(Register::Vec(..)))
                        }
                        _ => false,
                    };
                    if !came && found != Byte::Const(0xff) {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            Place::Vec { .. } => return Ok(true),
        };
        let last = first + usize::from(step.bytes);
        let top = self.significance(first).max(self.significance(last - 1));
        let mut word = ZERO;
        for byte in 0..8 {
            word[self.significance(byte)] = self.place_byte(whole, byte, registers, stack)?;
        }
        let sign = sign_extended(&word, top + 1)[7];
        for byte in (0..8).filter(|byte| !(first..last).contains(byte)) {
            let significance = self.significance(byte);
            let wanted = match step.fill {
                Fill::Sign if significance > top => {
                    if top == 7 {
                        Byte::Const(0)
                    } else {
                        sign
                    }
                }
                _ => Byte::Const(0),
            };
            if !self.machine.terms.same(word[significance], wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn hole(&mut self, kind: HoleKind) -> Word {
        self.machine.hole_word(kind)
    }
}

/// A word that is passed to a function of the host.
pub(super) struct Argument {
    pub(super) word: Word,
    /// How many of its bytes the function looks at.
    pub(super) bytes: usize,
}

impl Argument {
    pub(super) fn word(word: Word) -> Argument {
        Argument { word, bytes: 8 }
    }
}

/// The kind of a word, and which of that kind.
fn word_of(place: Place) -> (u8, u32) {
    match place {
        Place::Gpr { reg, .. } => (0, reg.into()),
        Place::Vec { reg, .. } => (1, reg.into()),
        Place::Stack { offset } => (2, offset / 8),
    }
}

pub(super) fn spot(place: Place) -> Spot {
    match place {
        Place::Gpr { reg, .. } => Spot::Gpr(reg),
        Place::Vec { reg, .. } => Spot::Vec(reg),
        Place::Stack { offset } => Spot::Stack(offset),
    }
}
