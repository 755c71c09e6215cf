//! The words that registers and the stack area of a call hold, each with the moves that make it up.

use springboard_abi::{Move, Place, Plan};

/// Bytes in a word: a general register, or one 8-byte unit of the stack area.
pub(crate) const WORD: u32 = 8;

/// The moves of a plan by the word they end in.
pub(crate) struct Words<'a> {
    /// By register, in the convention's order.
    pub(crate) gprs: Vec<&'a [Move]>,
    /// By register, in the convention's order.
    pub(crate) vecs: Vec<&'a [Move]>,
    /// By offset in the stack area.
    pub(crate) stack: Vec<&'a [Move]>,
    /// The register of its own for the result's address, where the convention has one and the plan uses it.
    pub(crate) result_pointer: Option<&'a [Move]>,
}

/// The kind of a word and its index among words of that kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    Gpr(usize),
    Vec(usize),
    Stack(usize),
}

impl Index {
    fn of(place: Place) -> Index {
        match place {
            Place::Gpr { reg, .. } => Index::Gpr(reg.into()),
            Place::Vec { reg, .. } => Index::Vec(reg.into()),
            Place::Stack { offset } => Index::Stack((offset / WORD) as usize),
        }
    }
}

impl<'a> Words<'a> {
    /// Groups the moves of `plan`.
    pub(crate) fn of(plan: &'a Plan) -> Words<'a> {
        let pointer = plan.convention.registers().gpr_args.len();
        let mut words = Words {
            gprs: Vec::new(),
            vecs: Vec::new(),
            stack: vec![&[][..]; (plan.stack_bytes / WORD) as usize],
            result_pointer: None,
        };
        for word in plan.moves.chunk_by(|a, b| Index::of(a.place) == Index::of(b.place)) {
            match Index::of(word[0].place) {
                Index::Gpr(reg) if reg == pointer => words.result_pointer = Some(word),
                Index::Gpr(reg) => place(&mut words.gprs, reg, word),
                Index::Vec(reg) => place(&mut words.vecs, reg, word),
                Index::Stack(index) => words.stack[index] = word,
            }
        }
        words
    }
}

fn place<'a>(list: &mut Vec<&'a [Move]>, index: usize, word: &'a [Move]) {
    if list.len() <= index {
        list.resize(index + 1, &[]);
    }
    list[index] = word;
}

/// Where in its word a move ends, in bytes, counted as memory is.
pub(crate) fn byte_in_word(place: Place) -> u32 {
    match place {
        Place::Gpr { at, .. } | Place::Vec { at, .. } => at.into(),
        Place::Stack { offset } => offset % WORD,
    }
}
