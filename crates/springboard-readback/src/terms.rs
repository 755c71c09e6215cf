//! What a word holds, byte by byte: constants, bytes of symbols, and what is computed of them.
//!
//! Moves, extensions and shifts by whole bytes only rearrange bytes, so that what most of a stub does is compared exactly.
//! Sums are kept in one form, so that an address is found again. Whatever else is computed is a term of its own; two such
//! terms are compared by their values ([`Terms::value`]).

mod assumed;
mod values;

use std::collections::HashMap;

use foldhash::fast::FixedState;
use springboard_abi::HoleKind;

use values::applied;

/// One byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Byte {
    Const(u8),
    /// The byte of a term's word with this significance, from 0.
    Of(Term, u8),
    /// All ones if that byte is negative as a signed number, otherwise zero.
    Sign(Term, u8),
}

/// Eight bytes, the least significant first.
pub(crate) type Word = [Byte; 8];

/// A term by its number in [`Terms`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Term(u32);

/// A register of the machine, by the number that the CPU has for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Register {
    Gpr(u8),
    /// One of the two words of a vector register.
    Vec(u8, u8),
}

/// What a term is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Node {
    /// The address zero: the base of constants.
    Zero,
    /// What a register held when the stub was entered.
    Entry(Register),
    /// The return address with which the stub was entered, where that is on the stack.
    Return,
    /// The stack pointer with which the stub was entered.
    Stack,
    /// The address of the stub's first byte.
    Code,
    /// The thread pointer.
    Thread,
    /// What the stamp writes into a hole.
    Hole(HoleKind),
    /// One byte of the host's memory, as it was after so many calls.
    Memory {
        base: Term,
        offset: i64,
        epoch: u32,
    },
    /// What a call left in a register.
    Returned {
        call: u32,
        register: Register,
    },
    /// One byte of the stub's stack that a call could write.
    Written {
        call: u32,
        offset: i64,
    },
    /// Nobody knows.
    Unknown(u32),
    /// A word whose bytes come from several terms.
    Bytes(Word),
    /// A term and a number, which is not zero.
    Offset(Term, i64),
    /// A sum of terms, each with its factor.
    Sum(Vec<(Term, i64)>),
    /// A return address that is signed for this stack pointer.
    Signed(Word, Word),
    Op(Op, Word, Word),
}

/// An operation on two words that has no simpler form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Op {
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Sar,
    Mul,
    /// 1 if it holds, otherwise 0.
    Equal,
    /// Of unsigned numbers.
    Below,
    /// Of signed numbers.
    Less,
    /// The second operand is not looked at.
    FloatToDouble,
    DoubleToFloat,
    IntToDouble,
    /// Rounded so that rounding it again, to a float, gives what rounding once would.
    #[cfg_attr(
        not(any(feature = "all-targets", target_arch = "s390x")),
        expect(dead_code, reason = "s390x alone asks")
    )]
    IntToDoubleForFloat,
    IntToFloat,
    /// Towards zero, to 64 bits with a sign; what none of them is becomes the nearest or the least, as the CPU has it. The
    /// second operand is what becomes of a NaN.
    DoubleToInt(Beyond),
    /// 1 if two doubles stand to each other in one of the ways.
    Related(Relations),
}

/// What becomes of a double that is too large for an integer, or too small.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Beyond {
    Nearest,
    Least,
}

/// The ways in which two doubles may stand to each other: a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Relations(u8);

impl Relations {
    pub(crate) const LESS: Relations = Relations(1);
    pub(crate) const EQUAL: Relations = Relations(2);
    pub(crate) const GREATER: Relations = Relations(4);
    /// One of them is a NaN.
    pub(crate) const UNORDERED: Relations = Relations(8);

    pub(crate) const fn or(self, other: Relations) -> Relations {
        Relations(self.0 | other.0)
    }

    pub(crate) const fn not(self) -> Relations {
        Relations(15 & !self.0)
    }

    fn holds(self, a: f64, b: f64) -> bool {
        use std::cmp::Ordering;
        let relation = match a.partial_cmp(&b) {
            Some(Ordering::Less) => Relations::LESS,
            Some(Ordering::Equal) => Relations::EQUAL,
            Some(Ordering::Greater) => Relations::GREATER,
            None => Relations::UNORDERED,
        };
        self.0 & relation.0 != 0
    }
}

/// Operations that lie in one another at most. What is computed beyond is not known: no stub needs a tenth of them, and to
/// look into a term takes twice as long for each.
const DEEP: u8 = 20;

/// All terms of one run.
pub(crate) struct Terms {
    nodes: Vec<Node>,
    /// How many operations lie in one another in each.
    depths: Vec<u8>,
    known: HashMap<Node, Term, FixedState>,
    /// What is assumed of bytes of terms that nothing else is known of.
    assumed: HashMap<Term, [Option<u8>; 8], FixedState>,
    /// The stack pointer at the entry, as far as it is known: its lowest bits.
    stack_residue: u64,
}

pub(crate) const ZERO: Word = [Byte::Const(0); 8];

pub(crate) fn constant(value: u64) -> Word {
    value.to_le_bytes().map(Byte::Const)
}

/// The number that a word is, where it is one.
pub(crate) fn number(word: &Word) -> Option<u64> {
    let mut value = [0; 8];
    for (to, byte) in value.iter_mut().zip(word) {
        let Byte::Const(byte) = byte else { return None };
        *to = *byte;
    }
    Some(u64::from_le_bytes(value))
}

/// The lowest bytes of a word, extended by zeros.
pub(crate) fn zero_extended(word: &Word, bytes: usize) -> Word {
    std::array::from_fn(|at| if at < bytes { word[at] } else { Byte::Const(0) })
}

/// The lowest bytes of a word, extended by their sign.
pub(crate) fn sign_extended(word: &Word, bytes: usize) -> Word {
    let sign = sign_of(word[bytes - 1]);
    std::array::from_fn(|at| if at < bytes { word[at] } else { sign })
}

fn sign_of(byte: Byte) -> Byte {
    match byte {
        Byte::Const(value) => Byte::Const(if value >= 0x80 { 0xff } else { 0 }),
        Byte::Of(term, at) => Byte::Sign(term, at),
        sign @ Byte::Sign(..) => sign,
    }
}

/// Bytes of stack that one residue of the stack pointer stands for.
pub(crate) const PAGE: u64 = 4096;

impl Terms {
    pub(crate) fn new(stack_residue: u64) -> Terms {
        let hasher = FixedState::default();
        let mut terms = Terms {
            nodes: Vec::with_capacity(64),
            depths: Vec::with_capacity(64),
            known: HashMap::with_capacity_and_hasher(64, hasher.clone()),
            assumed: HashMap::with_hasher(hasher),
            stack_residue,
        };
        terms.term(Node::Zero);
        terms.term(Node::Stack);
        terms.term(Node::Code);
        terms
    }

    pub(crate) const STACK: Term = Term(1);
    pub(crate) const CODE: Term = Term(2);

    pub(crate) fn term(&mut self, node: Node) -> Term {
        if let Some(term) = self.known.get(&node) {
            return *term;
        }
        let mut depth = self.depth(&node);
        let term = Term(self.nodes.len() as u32);
        let node = if depth > DEEP { Node::Unknown(term.0) } else { node };
        depth %= DEEP + 1;
        self.nodes.push(node.clone());
        self.depths.push(depth);
        self.known.insert(node, term);
        term
    }

    fn depth(&self, node: &Node) -> u8 {
        let of = |term: Term| self.depths[term.0 as usize];
        let of_word = |word: &Word| {
            let terms = word.iter().filter_map(|byte| match *byte {
                Byte::Const(_) => None,
                Byte::Of(term, _) | Byte::Sign(term, _) => Some(of(term)),
            });
            terms.max().unwrap_or(0)
        };
        match node {
            Node::Op(_, a, b) => of_word(a).max(of_word(b)) + 1,
            Node::Bytes(word) => of_word(word),
            Node::Offset(base, _) => of(*base),
            Node::Sum(parts) => parts.iter().map(|(term, _)| of(*term)).max().unwrap_or(0),
            _ => 0,
        }
    }

    pub(crate) fn node(&self, term: Term) -> &Node {
        &self.nodes[term.0 as usize]
    }

    pub(crate) fn word(&mut self, node: Node) -> Word {
        whole(self.term(node))
    }

    pub(crate) fn byte(&mut self, node: Node) -> Byte {
        Byte::Of(self.term(node), 0)
    }

    /// A word that equals nothing else.
    pub(crate) fn unknown(&mut self) -> Word {
        let number = self.nodes.len() as u32;
        self.word(Node::Unknown(number))
    }

    /// The term whose word this is.
    fn term_of(&mut self, word: &Word) -> Term {
        if let Byte::Of(term, 0) = word[0]
            && *word == whole(term)
        {
            return term;
        }
        self.term(Node::Bytes(*word))
    }

    /// A word as a term and a number that are added.
    pub(crate) fn split(&mut self, word: &Word) -> (Term, i64) {
        if let Some(value) = number(word) {
            return (Term(0), value as i64);
        }
        let term = self.term_of(word);
        match *self.node(term) {
            Node::Offset(base, offset) => (base, offset),
            _ => (term, 0),
        }
    }

    fn joined(&mut self, base: Term, offset: i64) -> Word {
        match self.node(base) {
            Node::Zero => constant(offset as u64),
            Node::Bytes(word) if offset == 0 => *word,
            _ if offset == 0 => whole(base),
            _ => self.word(Node::Offset(base, offset)),
        }
    }

    pub(crate) fn plus(&mut self, word: &Word, by: i64) -> Word {
        let (base, offset) = self.split(word);
        self.joined(base, offset.wrapping_add(by))
    }

    pub(crate) fn add(&mut self, a: &Word, b: &Word) -> Word {
        self.combine(a, b, 1)
    }

    pub(crate) fn sub(&mut self, a: &Word, b: &Word) -> Word {
        self.combine(a, b, -1)
    }

    /// `a` and `factor` times `b`.
    fn combine(&mut self, a: &Word, b: &Word, factor: i64) -> Word {
        let (first, first_offset) = self.split(a);
        let (second, second_offset) = self.split(b);
        let offset = first_offset.wrapping_add(second_offset.wrapping_mul(factor));
        if second == Term(0) {
            return self.joined(first, offset);
        }
        let mut parts = self.parts(first);
        for (term, times) in self.parts(second) {
            let times = times.wrapping_mul(factor);
            match parts.iter_mut().find(|(known, _)| *known == term) {
                Some((_, sum)) => *sum = sum.wrapping_add(times),
                None => parts.push((term, times)),
            }
        }
        parts.retain(|(_, times)| *times != 0);
        parts.sort_unstable();
        let base = match *parts {
            [] => Term(0),
            [(term, 1)] => term,
            _ => self.term(Node::Sum(parts)),
        };
        self.joined(base, offset)
    }

    fn parts(&self, base: Term) -> Vec<(Term, i64)> {
        match self.node(base) {
            Node::Zero => Vec::new(),
            Node::Sum(parts) => parts.clone(),
            _ => vec![(base, 1)],
        }
    }

    pub(crate) fn mul(&mut self, a: &Word, b: &Word) -> Word {
        let (word, factor) = match (number(a), number(b)) {
            (_, Some(factor)) => (a, factor),
            (Some(factor), _) => (b, factor),
            _ => return self.word(Node::Op(Op::Mul, *a, *b)),
        };
        self.combine(&ZERO, word, factor as i64)
    }

    pub(crate) fn and(&mut self, a: &Word, b: &Word) -> Word {
        if let Some(mask) = number(b)
            && let (Terms::STACK, offset) = self.split(a)
            && (mask.wrapping_neg()).is_power_of_two()
            && mask.wrapping_neg() <= PAGE
        {
            let known = self.stack_residue.wrapping_add(offset as u64);
            return self.plus(a, -((known & !mask) as i64));
        }
        self.bytewise(Op::And, a, b, |a, b| match (a, b) {
            (Byte::Const(0), _) | (_, Byte::Const(0)) => Some(Byte::Const(0)),
            (Byte::Const(0xff), other) | (other, Byte::Const(0xff)) => Some(other),
            (Byte::Const(a), Byte::Const(b)) => Some(Byte::Const(a & b)),
            _ if a == b => Some(a),
            _ => None,
        })
    }

    pub(crate) fn or(&mut self, a: &Word, b: &Word) -> Word {
        self.bytewise(Op::Or, a, b, |a, b| match (a, b) {
            (Byte::Const(0), other) | (other, Byte::Const(0)) => Some(other),
            (Byte::Const(a), Byte::Const(b)) => Some(Byte::Const(a | b)),
            _ if a == b => Some(a),
            _ => None,
        })
    }

    pub(crate) fn xor(&mut self, a: &Word, b: &Word) -> Word {
        self.bytewise(Op::Xor, a, b, |a, b| match (a, b) {
            _ if a == b => Some(Byte::Const(0)),
            (Byte::Const(0), other) | (other, Byte::Const(0)) => Some(other),
            (Byte::Const(a), Byte::Const(b)) => Some(Byte::Const(a ^ b)),
            _ => None,
        })
    }

    /// An operation whose bytes do not depend on each other.
    fn bytewise(&mut self, op: Op, a: &Word, b: &Word, simple: fn(Byte, Byte) -> Option<Byte>) -> Word {
        let mut result: [Option<Byte>; 8] = std::array::from_fn(|at| simple(a[at], b[at]));
        if result.contains(&None) {
            let term = self.term(Node::Op(op, *a, *b));
            for (at, byte) in result.iter_mut().enumerate() {
                byte.get_or_insert(Byte::Of(term, at as u8));
            }
        }
        result.map(|byte| byte.unwrap_or(Byte::Const(0)))
    }

    /// A shift to the left, or one to the right that fills with zeros or by sign, by a known number of bits below 64.
    pub(crate) fn shift(&mut self, op: Op, word: &Word, bits: u32) -> Word {
        let bytes = (bits / 8) as usize;
        if let Some(value) = number(word) {
            return constant(applied(op, value, u64::from(bits)));
        }
        if !bits.is_multiple_of(8) {
            if op == Op::Shl {
                return self.mul(word, &constant(1 << bits));
            }
            return self.word(Node::Op(op, *word, constant(bits.into())));
        }
        let beyond = if op == Op::Sar { sign_of(word[7]) } else { Byte::Const(0) };
        std::array::from_fn(|at| match op {
            Op::Shl => at.checked_sub(bytes).map_or(Byte::Const(0), |at| word[at]),
            _ => word.get(at + bytes).copied().unwrap_or(beyond),
        })
    }

    pub(crate) fn op(&mut self, op: Op, a: &Word, b: &Word) -> Word {
        match (number(a), number(b)) {
            (Some(a), Some(b)) => constant(applied(op, a, b)),
            (_, Some(bits @ 0..64)) if matches!(op, Op::Shl | Op::Shr | Op::Sar) => {
                self.shift(op, a, bits as u32)
            }
            _ if op == Op::Equal && a == b => constant(1),
            _ if matches!(op, Op::Below | Op::Less) && a == b => ZERO,
            _ => self.word(Node::Op(op, *a, *b)),
        }
    }

    /// A double as a float.
    #[cfg_attr(
        not(any(feature = "all-targets", target_arch = "s390x")),
        expect(dead_code, reason = "s390x alone asks")
    )]
    pub(crate) fn rounded_to_float(&mut self, double: &Word) -> Word {
        let term = self.term_of(double);
        match *self.node(term) {
            Node::Op(Op::IntToDoubleForFloat, integer, _) => self.op(Op::IntToFloat, &integer, &ZERO),
            _ => self.op(Op::DoubleToFloat, double, &ZERO),
        }
    }
}

pub(crate) fn whole(term: Term) -> Word {
    std::array::from_fn(|at| Byte::Of(term, at as u8))
}
