//! Plans as keys: hashed and compared a word a move.
//!
//! What is derived looks at every field of every move by itself, which costs more than all the rest of a lookup.

use std::hash::{Hash, Hasher};

use papaya::Equivalent;
use springboard_abi::{Fill, Move, Operand, Place, Plan};

/// A plan in the cache.
#[derive(PartialEq, Eq)]
pub(super) struct Key {
    plan: Plan,
    /// Its moves, as [`word`] has them.
    words: Box<[u128]>,
}

impl Key {
    pub(super) fn new(plan: Plan) -> Key {
        let words = plan.moves.iter().map(word).collect();
        Key { plan, words }
    }
}

/// A plan to look for.
pub(super) struct Wanted<'a>(pub(super) &'a Plan);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Wanted(&self.plan).hash(state);
    }
}

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        let Plan {
            convention,
            caller,
            entry,
            moves,
            temporaries,
            stack_bytes,
            result,
            vector_count,
            parameters,
            guard,
            last_error,
        } = self.0;
        let plan = &key.plan;
        moves.len() == key.words.len()
            && moves.iter().zip(&key.words).all(|(step, known)| word(step) == *known)
            && (convention, caller, entry, temporaries, stack_bytes)
                == (&plan.convention, &plan.caller, &plan.entry, &plan.temporaries, &plan.stack_bytes)
            && (result, vector_count, parameters, guard)
                == (&plan.result, &plan.vector_count, &plan.parameters, &plan.guard)
            && *last_error == plan.last_error
    }
}

impl Hash for Wanted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Plan {
            convention,
            caller,
            entry,
            moves,
            temporaries,
            stack_bytes,
            result,
            vector_count,
            parameters,
            guard,
            last_error,
        } = self.0;
        for step in moves {
            state.write_u128(word(step));
        }
        (convention, caller, entry, temporaries, stack_bytes).hash(state);
        (result, vector_count, parameters, guard, last_error).hash(state);
    }
}

/// All of a move, each field in bits of its own.
fn word(step: &Move) -> u128 {
    let Move { place, operand, bytes, fill } = *step;
    let (place_kind, place) = match place {
        Place::Gpr { reg, at } => (0, u32::from(reg) << 8 | u32::from(at)),
        Place::Vec { reg, at } => (1, u32::from(reg) << 8 | u32::from(at)),
        Place::Stack { offset } => (2, offset),
    };
    let (operand_kind, slot, operand) = match operand {
        Operand::Slot { index, at } => (0, index, u32::from(at)),
        Operand::Memory { slot, offset } => (1, slot, offset),
        Operand::Temporary { index } => (2, index, 0),
    };
    let fill = match fill {
        Fill::Zero => 0,
        Fill::Sign => 1,
    };
    let kinds = (place_kind * 3 + operand_kind) * 2 + fill;
    u128::from(place) << 64
        | u128::from(operand) << 32
        | u128::from(slot) << 16
        | u128::from(bytes) << 8
        | kinds
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn moves_that_differ_have_words_that_differ() {
        let places = [
            Place::Gpr { reg: 0, at: 1 },
            Place::Gpr { reg: 1, at: 0 },
            Place::Vec { reg: 0, at: 1 },
            Place::Vec { reg: 1, at: 0 },
            Place::Stack { offset: 1 },
            Place::Stack { offset: 0x0100 },
            Place::Stack { offset: u32::MAX },
        ];
        let operands = [
            Operand::Slot { index: 0, at: 1 },
            Operand::Slot { index: 1, at: 0 },
            Operand::Slot { index: u16::MAX, at: 0 },
            Operand::Memory { slot: 0, offset: 1 },
            Operand::Memory { slot: 1, offset: 0 },
            Operand::Memory { slot: 0, offset: u32::MAX },
            Operand::Temporary { index: 0 },
            Operand::Temporary { index: 1 },
        ];
        let mut words = HashSet::new();
        for place in places {
            for operand in operands {
                for bytes in [1, 2, 4, 8, 16] {
                    for fill in [Fill::Zero, Fill::Sign] {
                        let step = Move { place, operand, bytes, fill };
                        assert!(words.insert(word(&step)), "{step:?}");
                    }
                }
            }
        }
    }
}
