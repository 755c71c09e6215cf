//! What becomes of a result.

use alloc::boxed::Box;

use super::{Fill, ResultMove};

/// What a downcall does with the native function's result.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DowncallResult {
    /// Nothing: there is none, or it stays in the register where the callee left it, or the callee has written it
    /// to the address that it was passed.
    InPlace,
    /// Nothing either, and it is a `float`: where the stub returns a zero of its own, that is a `float` too. Only where
    /// that matters, because the convention fills a `float`'s register by the width of the value.
    FloatInPlace,
    /// Bytes of result registers are stored to the memory whose address a slot holds.
    Memory {
        /// The slot.
        slot: u16,
        /// The bytes, ordered by offset.
        moves: Box<[ResultMove]>,
    },
    /// An integer is extended from its own bytes, because the stub's caller looks at 32 bits.
    Extended {
        /// Size of the result, in bytes: 1 or 2.
        bytes: u8,
        /// By what it is extended.
        fill: Fill,
    },
    /// An integer is extended from its own bytes to a whole word, which is stored to the memory whose address a slot
    /// holds.
    Widened {
        /// The slot.
        slot: u16,
        /// Size of the result, in bytes: 1, 2, 4 or 8.
        bytes: u8,
        /// By what it is extended; zero where it is a whole word.
        fill: Fill,
    },
}
