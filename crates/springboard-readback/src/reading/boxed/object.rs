//! Objects of a host, as a run has them.

use std::collections::BTreeMap;

use springboard_abi::boxed::{Check, Unbox, Unboxed, Wanted};

use super::{JUNK, address};
use crate::{reading::Reading, terms::Word};

/// How an argument is in one run.
pub(super) struct Variant {
    /// The way that is to fit.
    pub(super) way: usize,
    /// A check of that way that is to fail all the same, and how: of [`FAILURES`].
    pub(super) fails: Option<(usize, usize)>,
    /// Which of the way's values it has.
    pub(super) value: usize,
}

/// In how many ways a check fails: by more and by less, at either end of the word alone.
pub(super) const FAILURES: usize = 4;

/// An object of the host's, as it is in one run.
pub(super) struct Object {
    /// The word itself.
    pub(super) word: Word,
    pub(super) bits: u64,
    /// Words in its memory that are looked at, by their offset.
    pub(super) memory: BTreeMap<i32, u64>,
    pub(super) variant: Variant,
    /// Of the argument, to have other values for each.
    pub(super) number: u64,
}

impl Reading<'_> {
    /// The bits of an object and what is in its memory, so that the way of a variant fits.
    pub(super) fn made(
        &self,
        argument: &Unboxed,
        number: u64,
        variant: &Variant,
    ) -> (u64, BTreeMap<i32, u64>) {
        let way = &argument.ways[variant.way];
        let value = value_of(argument.slot, number, variant.value);
        let mut bits = 0x5100_0000_0000 + number * 0x1_0000;
        let mut memory = BTreeMap::new();
        match *way {
            Unbox::Object { ref checks, .. } => {
                for (index, check) in checks.iter().enumerate() {
                    let fails = variant.fails.and_then(|(check, how)| (check == index).then_some(how));
                    match *check {
                        Check::Bits { mask, equal } => bits = with_bits(bits, mask, equal, fails),
                        Check::Word { offset, equals } => {
                            memory.insert(offset, other_address(address(equals), fails));
                        }
                        Check::Flags { offset, mask, equal } => {
                            let before = memory.get(&offset).copied().unwrap_or(JUNK);
                            memory.insert(offset, with_bits(before, mask, equal, fails));
                        }
                    }
                }
            }
            Unbox::Constant { object, .. } => {
                bits = other_address(address(object), variant.fails.map(|(_, how)| how));
            }
            Unbox::Tagged { mask, tag, shift, .. } => {
                bits = with_bits(value << shift, mask, tag, variant.fails.map(|(_, how)| how));
            }
            Unbox::Double { from, through, .. } => {
                let within = from.wrapping_add((through - from) / 3).wrapping_add(number * 0x101);
                bits = [
                    within,
                    from,
                    through,
                    from.wrapping_sub(1),
                    through.wrapping_add(1),
                    within,
                    within,
                    within,
                ][variant.value];
            }
            Unbox::Call { .. } => {
                // None of the ways before, where their tags say that.
                for before in &argument.ways[..variant.way] {
                    if let Unbox::Tagged { mask, tag, .. } = *before {
                        bits = with_bits(bits, mask, tag, Some(0));
                    }
                }
            }
        }
        (bits, memory)
    }
}

/// An address, or one that is another in this way.
fn other_address(address: u64, fails: Option<usize>) -> u64 {
    let others = [address ^ 1 << 40, address ^ 1, address ^ 1 << 41, address - 1];
    fails.map_or(address, |how| others[how])
}

/// A word whose bits under a mask are these, or the lowest or highest of them is not.
fn with_bits(word: u64, mask: u64, bits: u64, fails: Option<usize>) -> u64 {
    let highest = 1u64.checked_shl(63 - mask.leading_zeros().min(63)).unwrap_or_default() & mask;
    let flipped = fails.map_or(0, |how| [mask & mask.wrapping_neg(), highest][how % 2]);
    word & !mask | (bits ^ flipped) & mask
}

/// An integer that an argument is to have: within its slot's range and another for each argument, at its ends, or beyond
/// them.
pub(super) fn value_of(slot: Wanted, number: u64, which: usize) -> u64 {
    let Wanted::Integer { least, most } = slot else {
        return [3, 0, 1 << 20, u64::MAX, 1, 2, 4, 5][which].wrapping_add(number << 24);
    };
    let within = (least as u64)
        .wrapping_add((most.wrapping_sub(least as u64) / 2) & 0x3f_ffff)
        .wrapping_add(number & 1);
    let below = (least as u64).wrapping_sub(1);
    [within, least as u64, most, below, most.wrapping_add(1), below.wrapping_sub(1), within, within][which]
}
