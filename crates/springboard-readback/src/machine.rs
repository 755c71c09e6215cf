//! A machine whose registers and memory hold symbols. It runs a stub from its entry, and stops wherever control leaves the
//! stub's code.

mod convention;
mod memory;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use foldhash::fast::FixedState;
use springboard_abi::{Hole, HoleKind};

use crate::{
    refusal::Refusal,
    terms::{
        Byte, Node, Op, Register, Relations, Term, Terms, Word, ZERO, number, sign_extended, whole,
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
