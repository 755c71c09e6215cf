//! Values of words: how computed terms are compared.

use super::{Beyond, Byte, Node, Op, PAGE, Term, Terms, Word};

/// How many values computed terms are compared by.
const SEEDS: u64 = 8;

impl Terms {
    /// The number that a word is, where what nothing is known of has a value that follows from `seed`.
    pub(crate) fn value(&self, word: &Word, seed: u64) -> u64 {
        // Neighbours are mostly of one term.
        let mut last = None;
        let mut of_term = |term| match last {
            Some((known, value)) if known == term => value,
            _ => last.insert((term, self.term_value(term, seed).to_le_bytes())).1,
        };
        u64::from_le_bytes(word.map(|byte| match byte {
            Byte::Const(value) => value,
            Byte::Of(term, at) => of_term(term)[usize::from(at)],
            Byte::Sign(term, at) if of_term(term)[usize::from(at)] >= 0x80 => 0xff,
            Byte::Sign(..) => 0,
        }))
    }

    fn term_value(&self, term: Term, seed: u64) -> u64 {
        let value = match self.node(term) {
            Node::Zero => 0,
            Node::Stack => (0x7ffd_1234_5000 ^ seed << 16) & !(PAGE - 1) | self.stack_residue,
            Node::Bytes(word) => self.value(word, seed),
            Node::Offset(base, offset) => self.term_value(*base, seed).wrapping_add(*offset as u64),
            Node::Sum(parts) => parts.iter().fold(0u64, |sum, (term, times)| {
                sum.wrapping_add(self.term_value(*term, seed).wrapping_mul(*times as u64))
            }),
            Node::Op(op, a, b) => applied(*op, self.value(a, seed), self.value(b, seed)),
            _ => mixed(seed.wrapping_add(u64::from(term.0) << 32)),
        };
        let Some(assumed) = self.assumed.get(&term) else { return value };
        let mut bytes = value.to_le_bytes();
        for (byte, assumed) in bytes.iter_mut().zip(assumed) {
            *byte = assumed.unwrap_or(*byte);
        }
        u64::from_le_bytes(bytes)
    }

    /// Whether two bytes are the same: they have one form, or where they are computed, one value whatever it is computed
    /// of.
    pub(crate) fn same(&self, a: Byte, b: Byte) -> bool {
        let word = |byte| std::array::from_fn(|at| if at == 0 { byte } else { Byte::Const(0) });
        a == b
            || ((self.is_computed(a) || self.is_computed(b))
                && (1..=SEEDS).all(|seed| self.value(&word(a), seed) == self.value(&word(b), seed)))
    }

    /// Whether two bytes have the same value by what is assumed.
    pub(crate) fn known_same(&self, a: Byte, b: Byte) -> bool {
        let word = |byte| std::array::from_fn(|at| if at == 0 { byte } else { Byte::Const(0) });
        let (a, b) = (word(a), word(b));
        self.is_decided(&a) && self.is_decided(&b) && self.value(&a, 1) == self.value(&b, 1)
    }

    fn is_computed(&self, byte: Byte) -> bool {
        match byte {
            Byte::Const(_) => false,
            Byte::Of(term, _) | Byte::Sign(term, _) => {
                matches!(self.node(term), Node::Op(..) | Node::Offset(..) | Node::Sum(_))
            }
        }
    }

    /// Whether two words are the same, likewise.
    pub(crate) fn same_word(&self, a: &Word, b: &Word) -> bool {
        a.iter().zip(b).all(|(a, b)| self.same(*a, *b))
    }
}

/// What an operation gives for numbers.
pub(super) fn applied(op: Op, a: u64, b: u64) -> u64 {
    match op {
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Shl => a << (b & 63),
        Op::Shr => a >> (b & 63),
        Op::Sar => ((a as i64) >> (b & 63)) as u64,
        Op::Mul => a.wrapping_mul(b),
        Op::Equal => u64::from(a == b),
        Op::Below => u64::from(a < b),
        Op::Less => u64::from((a as i64) < b as i64),
        Op::FloatToDouble => f64::from(f32::from_bits(a as u32)).to_bits(),
        Op::DoubleToFloat => u64::from((f64::from_bits(a) as f32).to_bits()),
        Op::IntToDouble | Op::IntToDoubleForFloat => (a as i64 as f64).to_bits(),
        Op::IntToFloat => u64::from((a as i64 as f32).to_bits()),
        Op::DoubleToInt(beyond) => match f64::from_bits(a) {
            double if double.is_nan() => b,
            double if beyond == Beyond::Least && !(-TWO_63..TWO_63).contains(&double) => 1 << 63,
            // Saturates.
            double => double as i64 as u64,
        },
        Op::Related(relations) => u64::from(relations.holds(f64::from_bits(a), f64::from_bits(b))),
    }
}

const TWO_63: f64 = (1u64 << 63) as f64;

/// A number that looks like chance (the finaliser of MurmurHash3).
fn mixed(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ value >> 33
}
