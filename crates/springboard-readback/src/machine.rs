//! A machine whose registers and memory hold symbols. It runs a stub from its entry, and stops wherever control leaves the
//! stub's code.

mod convention;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use foldhash::fast::FixedState;
use springboard_abi::{Hole, HoleKind};

use crate::{
    refusal::Refusal,
    terms::{
        Byte, Node, Op, PAGE, Register, Relations, Term, Terms, Word, ZERO, number, sign_extended, whole,
        zero_extended,
    },
};

pub(crate) use convention::{Abi, Closure, Cpu, Saved};

/// Instructions of one run at most. The longest copy loop takes some thousands.
const STEPS: usize = 200_000;

/// Bytes of stack that a stub writes at most: two of arguments, copies and what the allocator spills.
const STACK: i64 = 1 << 16;

/// A stub that runs.
pub(crate) struct Machine<'a> {
    pub(crate) terms: Terms,
    pub(crate) cpu: &'static Cpu,
    pub(crate) code: &'a [u8],
    holes: &'a [Hole],
    pub(crate) gprs: [Word; 32],
    /// Two words each, the low one first.
    pub(crate) vecs: [[Word; 2]; 32],
    /// What the last comparison compared.
    pub(crate) flags: Flags,
    /// Offset of the instruction that runs, or is next.
    pub(crate) pc: usize,
    stack: HashMap<i64, Byte, FixedState>,
    /// What the stub has stored outside of its stack since it was last asked, in order of place.
    stores: BTreeMap<(Term, i64), Byte>,
    /// The host's memory changes by each call.
    epoch: u32,
    /// Memory that no call changes.
    stable: Vec<Term>,
    /// Memory whose bytes are known.
    fixed: BTreeMap<(Term, i64), u8>,
    /// What the stub's caller lends it of its own stack, from the stack pointer at the entry.
    lent: Range<i64>,
    steps: usize,
    /// The code that has run, and its literals.
    pub(crate) read: Vec<bool>,
    /// What of the host's memory has been loaded, and by which instruction.
    loaded: Vec<(Term, i64, usize)>,
    /// What of it the plan asks for.
    asked: HashSet<(Term, i64), FixedState>,
    /// Bytes below the stack pointer that signals leave alone.
    red_zone: i64,
    /// Where the stack pointer was after the last instruction.
    released: i64,
    /// How far down the stack has been touched, from the stack pointer at the entry.
    touched: i64,
    /// Branches on something that is not a number, and which ways they went.
    pub(crate) branches: BTreeMap<usize, Ways>,
}

/// Which ways a branch went.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ways {
    pub(crate) taken: bool,
    pub(crate) passed: bool,
}

/// What a conditional instruction looks at.
#[derive(Clone, Copy)]
pub(crate) enum Flags {
    /// Nothing that is known.
    Unknown,
    /// Two words, compared as unsigned and as signed numbers: extended by zeros, and by their signs.
    Compared { unsigned: [Word; 2], signed: [Word; 2] },
    /// Two doubles.
    Doubles([Word; 2]),
    /// A word that was computed: whether it is zero, and its sign. Nothing is known of carry and overflow.
    Result { word: Word },
}

/// What an instruction does to the flow of control.
pub(crate) enum Flow {
    /// The next instruction, so many bytes on.
    Next(usize),
    /// To an address, by an instruction of so many bytes.
    Jump { to: Word, length: usize },
    /// To an offset in the code, if a word is not zero; otherwise so many bytes on.
    Branch { condition: Word, to: usize, length: usize },
}

/// Control has left the code.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    /// Offset of the instruction by which it did.
    pub(crate) at: usize,
    /// Where it went.
    pub(crate) to: Word,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(caller: &Abi, code: &'a [u8], holes: &'a [Hole], stack_residue: u64) -> Machine<'a> {
        let cpu = caller.cpu;
        let mut terms = Terms::new(stack_residue);
        let mut gprs: [Word; 32] = std::array::from_fn(|at| terms.word(Node::Entry(Register::Gpr(at as u8))));
        let vecs = std::array::from_fn(|at| {
            [0, 1].map(|half| terms.word(Node::Entry(Register::Vec(at as u8, half))))
        });
        gprs[usize::from(cpu.stack_pointer)] = whole(Terms::STACK);
        let mut machine = Machine {
            terms,
            cpu,
            code,
            holes,
            gprs,
            vecs,
            flags: Flags::Unknown,
            pc: 0,
            stack: HashMap::with_hasher(FixedState::default()),
            stores: BTreeMap::new(),
            epoch: 0,
            stable: Vec::new(),
            fixed: BTreeMap::new(),
            lent: caller.lent.clone(),
            steps: 0,
            read: vec![false; code.len()],
            loaded: Vec::new(),
            asked: HashSet::with_hasher(FixedState::default()),
            red_zone: caller.red_zone,
            released: 0,
            touched: 0,
            branches: BTreeMap::new(),
        };
        if let Some(zero) = cpu.zero {
            machine.gprs[usize::from(zero)] = ZERO;
        }
        if cpu.link.is_none() {
            let back = machine.terms.word(Node::Return);
            machine.put_stack(0, &back);
        }
        machine
    }

    /// Runs until control leaves the code.
    pub(crate) fn run(&mut self) -> Result<Left, Refusal> {
        loop {
            self.steps += 1;
            if self.steps > STEPS {
                return Err(Refusal::Endless);
            }
            let at = self.pc;
            let flow = (self.cpu.step)(self)?;
            let (Flow::Next(length) | Flow::Branch { length, .. } | Flow::Jump { length, .. }) = flow;
            self.is_read(at, length);
            self.release()?;
            let to = match flow {
                Flow::Next(_) => {
                    self.pc = at + length;
                    continue;
                }
                Flow::Branch { condition, to, .. } => {
                    self.pc = if self.decide(&condition)? { to } else { at + length };
                    continue;
                }
                Flow::Jump { to, .. } => to,
            };
            match self.terms.split(&to) {
                (Terms::CODE, offset) => {
                    self.pc = usize::try_from(offset).map_err(|_| Refusal::Instruction { at })?;
                }
                _ => return Ok(Left { at, to }),
            }
        }
    }

    fn is_read(&mut self, at: usize, bytes: usize) {
        let end = self.read.len().min(at + bytes);
        self.read[at.min(end)..end].fill(true);
    }

    /// A signal may write to what lies below the stack pointer, whenever it comes.
    fn release(&mut self) -> Result<(), Refusal> {
        let depth = self.depth().filter(|depth| *depth <= 8).ok_or(Refusal::Stack { at: self.pc })?;
        if depth > self.released {
            let kept = depth - self.red_zone;
            self.stack.retain(|place, _| *place >= kept);
        }
        self.released = depth;
        Ok(())
    }

    /// Where the jump at an offset leads in the code, and how long it is.
    pub(crate) fn jump_at(&mut self, at: usize) -> Option<(usize, usize)> {
        self.pc = at;
        let Ok(Flow::Jump { to, length }) = (self.cpu.step)(self) else { return None };
        match self.terms.split(&to) {
            (Terms::CODE, to) => Some((usize::try_from(to).ok()?, length)),
            _ => None,
        }
    }

    /// Whether a word is not zero. It has to follow from what is assumed.
    fn decide(&mut self, condition: &Word) -> Result<bool, Refusal> {
        if let Some(value) = number(condition) {
            return Ok(value != 0);
        }
        if !self.terms.is_decided(condition) {
            return Err(Refusal::Branch { at: self.pc });
        }
        let holds = self.terms.value(condition, 1) != 0;
        let ways = self.branches.entry(self.pc).or_default();
        if holds {
            ways.taken = true;
        } else {
            ways.passed = true;
        }
        Ok(holds)
    }

    /// What a call of the stub's own to its own code would push, or the register that holds it.
    pub(crate) fn return_address(&mut self) -> Word {
        match self.cpu.link {
            Some(link) => self.gprs[usize::from(link)],
            None => {
                let sp = self.gprs[usize::from(self.cpu.stack_pointer)];
                self.load_word(&sp, 8)
            }
        }
    }

    /// Whether control comes back into the code once what it went to returns.
    pub(crate) fn comes_back(&mut self) -> bool {
        let back = self.return_address();
        matches!(self.terms.split(&back), (Terms::CODE, _))
    }

    /// The return address with which the stub was entered.
    pub(crate) fn entry_return(&mut self) -> Word {
        match self.cpu.link {
            Some(link) => self.terms.word(Node::Entry(Register::Gpr(link))),
            None => self.terms.word(Node::Return),
        }
    }

    pub(crate) fn entry(&mut self, register: Register) -> Word {
        self.terms.word(Node::Entry(register))
    }

    /// The stack pointer relative to that at the entry. `None` where it is nothing of the kind.
    pub(crate) fn depth(&mut self) -> Option<i64> {
        let sp = self.gprs[usize::from(self.cpu.stack_pointer)];
        self.on_stack(&sp)
    }

    /// Where on the stack an address is, from the stack pointer at the entry.
    pub(crate) fn on_stack(&mut self, address: &Word) -> Option<i64> {
        match self.terms.split(address) {
            (Terms::STACK, offset) => Some(offset),
            _ => None,
        }
    }

    /// Goes on after what was called, which changed what `saved` does not have, its own stack, and the `written` ranges
    /// of the stub's. `argument_bytes` are above the stack pointer when it was called.
    pub(crate) fn come_back(
        &mut self,
        saved: &Saved,
        argument_bytes: i64,
        written: &[(i64, i64)],
    ) -> Result<(), Refusal> {
        let at = self.pc;
        let back = self.return_address();
        let (Terms::CODE, offset) = self.terms.split(&back) else { return Err(Refusal::Instruction { at }) };
        let depth = self.depth().ok_or(Refusal::Stack { at })?;
        self.epoch += 1;
        let call = self.epoch;
        self.stack.retain(|place, _| *place >= depth + argument_bytes);
        for &(from, to) in written {
            for offset in from..to {
                let byte = self.terms.byte(Node::Written { call, offset });
                self.stack.insert(offset, byte);
            }
        }
        for number in 0..32 {
            if !saved.gprs.contains(&number) && Some(number) != self.cpu.zero {
                self.gprs[usize::from(number)] = self.returned(Register::Gpr(number));
            }
            let halves = if !saved.vecs.contains(&number) { 0..2 } else { saved.halves..2 };
            for half in halves {
                self.vecs[usize::from(number)][usize::from(half)] =
                    self.returned(Register::Vec(number, half));
            }
        }
        self.flags = Flags::Unknown;
        self.pc = usize::try_from(offset).map_err(|_| Refusal::Instruction { at })?;
        if self.cpu.link.is_none() {
            let sp = usize::from(self.cpu.stack_pointer);
            self.gprs[sp] = self.terms.plus(&self.gprs[sp], 8);
        }
        Ok(())
    }

    /// What the last call left in a register.
    pub(crate) fn returned(&mut self, register: Register) -> Word {
        let call = self.epoch;
        self.terms.word(Node::Returned { call, register })
    }

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
        self.asked.extend((offset..offset + 8).map(|offset| (base, offset)));
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
        self.asked.extend((offset..offset + bytes as i64).map(|offset| (base, offset)));
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
                    let others = (offset..offset + bytes as i64)
                        .filter(|offset| !self.stores.contains_key(&(base, *offset)));
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

    fn put_stack(&mut self, offset: i64, word: &Word) {
        for (at, byte) in (0..).zip(word) {
            self.stack.insert(offset + at, *byte);
        }
    }

    /// What has been stored outside of the stack since this was last asked.
    pub(crate) fn take_stores(&mut self) -> BTreeMap<(Term, i64), Byte> {
        std::mem::take(&mut self.stores)
    }

    pub(crate) fn hole_word(&mut self, kind: HoleKind) -> Word {
        self.terms.word(Node::Hole(kind))
    }

    pub(crate) fn code_address(&mut self, offset: usize) -> Word {
        self.terms.plus(&whole(Terms::CODE), offset as i64)
    }

    /// Notes what a comparison of two words compared, of which the lowest `bytes` bytes count.
    pub(crate) fn compare(&mut self, a: &Word, b: &Word, bytes: usize) {
        self.flags = Flags::Compared {
            unsigned: [a, b].map(|word| zero_extended(word, bytes)),
            signed: [a, b].map(|word| sign_extended(word, bytes)),
        };
    }

    /// Notes what an instruction computed.
    pub(crate) fn computed(&mut self, word: &Word, bytes: usize) {
        self.flags = Flags::Result { word: sign_extended(word, bytes) };
    }

    /// Whether the flags fulfil a condition, as a word.
    pub(crate) fn condition(&mut self, condition: Condition) -> Result<Word, Refusal> {
        let (unsigned, signed) = match self.flags {
            Flags::Compared { unsigned, signed } => (unsigned, signed),
            Flags::Result { word } if condition.needs_no_carry() => ([word, ZERO], [word, ZERO]),
            _ => return Err(Refusal::Branch { at: self.pc }),
        };
        let (op, [a, b], negated) = match condition {
            Condition::Equal => (Op::Equal, unsigned, false),
            Condition::NotEqual => (Op::Equal, unsigned, true),
            Condition::Below => (Op::Below, unsigned, false),
            Condition::NotBelow => (Op::Below, unsigned, true),
            Condition::Above => (Op::Below, [unsigned[1], unsigned[0]], false),
            Condition::NotAbove => (Op::Below, [unsigned[1], unsigned[0]], true),
            Condition::Negative | Condition::NotNegative if signed[1] != ZERO => {
                return Err(Refusal::Branch { at: self.pc });
            }
            Condition::Less | Condition::Negative => (Op::Less, signed, false),
            Condition::NotLess | Condition::NotNegative => (Op::Less, signed, true),
            Condition::Greater => (Op::Less, [signed[1], signed[0]], false),
            Condition::NotGreater => (Op::Less, [signed[1], signed[0]], true),
        };
        let holds = self.terms.op(op, &a, &b);
        Ok(if negated { self.terms.op(Op::Equal, &holds, &ZERO) } else { holds })
    }

    /// Whether the two doubles that were compared last stand to each other in one of these ways, as a word.
    pub(crate) fn related(&mut self, relations: Option<Relations>) -> Result<Word, Refusal> {
        match (self.flags, relations) {
            (Flags::Doubles([a, b]), Some(relations)) => Ok(self.terms.op(Op::Related(relations), &a, &b)),
            _ => Err(Refusal::Branch { at: self.pc }),
        }
    }

    /// `a` if a word is not zero, otherwise `b`: the word has to follow from what is assumed.
    pub(crate) fn select(&mut self, condition: &Word, a: &Word, b: &Word) -> Result<Word, Refusal> {
        Ok(if self.decide(condition)? { *a } else { *b })
    }

    pub(crate) fn unknown_instruction<T>(&self) -> Result<T, Refusal> {
        Err(Refusal::Instruction { at: self.pc })
    }
}

/// What a comparison's outcome is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Equal,
    NotEqual,
    Below,
    NotBelow,
    Above,
    NotAbove,
    Less,
    NotLess,
    Greater,
    NotGreater,
    Negative,
    NotNegative,
}

impl Condition {
    /// Whether it can be told from a result alone.
    fn needs_no_carry(self) -> bool {
        matches!(self, Condition::Equal | Condition::NotEqual | Condition::Negative | Condition::NotNegative)
    }
}
