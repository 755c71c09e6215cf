//! What is assumed in a run, and what follows from that alone.

use super::{Byte, Node, Op, Term, Terms, Word, whole};

impl Terms {
    /// Assumes that the lowest `bytes` bytes of a word are those of `value`. They have to be bytes of terms of which
    /// nothing else is known.
    pub(crate) fn assume(&mut self, word: &Word, bytes: usize, value: u64) {
        for (byte, value) in word.iter().zip(value.to_le_bytes()).take(bytes) {
            if let Byte::Of(term, at) = *byte {
                self.assumed.entry(term).or_default()[usize::from(at)] = Some(value);
            }
        }
    }

    /// Whether all that a word depends on is known or assumed.
    pub(crate) fn is_decided(&self, word: &Word) -> bool {
        let mut known = None;
        word.iter().all(|byte| match *byte {
            Byte::Const(_) => true,
            // Neighbours are mostly of one term.
            Byte::Of(term, _) if known == Some(term) => true,
            Byte::Of(term, at) | Byte::Sign(term, at) => {
                known = Some(term).filter(|_| self.is_decided_as_one(term));
                self.is_decided_byte(term, at)
            }
        })
    }

    /// Whether all bytes of a term depend on the same.
    fn is_decided_as_one(&self, term: Term) -> bool {
        let bytewise = matches!(self.node(term), Node::Op(Op::And | Op::Or | Op::Xor, ..));
        !bytewise && !self.assumed.contains_key(&term)
    }

    fn is_decided_byte(&self, term: Term, at: u8) -> bool {
        if let Some(bytes) = self.assumed.get(&term) {
            return bytes[usize::from(at)].is_some();
        }
        match self.node(term) {
            Node::Zero => true,
            Node::Bytes(word) => self.is_decided(word),
            Node::Offset(base, _) => self.is_decided(&whole(*base)),
            Node::Sum(parts) => parts.iter().all(|(term, _)| self.is_decided(&whole(*term))),
            // A shift by as many bits as make the others disappear depends on the rest alone; nothing asks for that.
            Node::Op(Op::And | Op::Or | Op::Xor, a, b) => {
                [a, b].iter().all(|word| self.is_decided(&[word[usize::from(at)]; 8]))
            }
            Node::Op(_, a, b) => self.is_decided(a) && self.is_decided(b),
            _ => false,
        }
    }
}
