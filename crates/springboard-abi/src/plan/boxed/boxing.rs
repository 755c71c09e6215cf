//! Ways to make a host's object of a result.

use super::HostAddress;
use crate::plan::Fill;

/// What becomes of the native function's result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Boxing {
    /// What a function of the host returns: `fn(result)` or `fn(result, with)`. An integer or address is extended to 8
    /// bytes by its own sign, a floating point number is passed as a double, and nothing at all where the native
    /// function returns nothing.
    Call {
        /// The function.
        function: HostAddress,
        /// What it is passed after the result.
        with: Option<HostAddress>,
    },
    /// This object, whatever the native function returns.
    Constant {
        /// The object.
        object: HostAddress,
        /// Where its reference count is, where it is to be counted.
        count: Option<Count>,
    },
    /// One of two objects, by whether an integer or address is zero.
    Either {
        /// For what is not zero.
        nonzero: HostAddress,
        /// For zero.
        zero: HostAddress,
        /// Where their reference counts are, where they are to be counted.
        count: Option<Count>,
    },
    /// An integer or address, shifted to the left, with a tag in the bits that are free then.
    Tagged {
        /// By how many bits it is shifted.
        shift: u8,
        /// The tag.
        tag: u64,
        /// `fn(result)` for integers that the word would not give back, shifted to the right by sign.
        otherwise: HostAddress,
    },
    /// A floating point number: the bits of a double, with a number added.
    Double {
        /// The number.
        bias: u64,
    },
    /// A new object, with an aggregate in its memory.
    Memory {
        /// `fn()` or `fn(with)`, which gives the object. It is called when all arguments have been unboxed. Where it gives
        /// null, the stub returns that.
        allocate: HostAddress,
        /// What the function is passed.
        with: Option<HostAddress>,
        /// Where the object has its memory for the result.
        memory: Memory,
    },
}

/// A reference count in an object: one is added to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Count {
    /// Offset in the object, in bytes.
    pub offset: i32,
    /// Its size in bytes: 4 or 8.
    pub bytes: u8,
}

/// Where an object has memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Memory {
    /// In itself, at an offset in bytes.
    #[allow(missing_docs)]
    Inline { offset: i32 },
    /// At the address that the word at an offset holds.
    #[allow(missing_docs)]
    Behind { offset: i32 },
}

/// What a native function returns, as far as boxing has to know it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Returned {
    /// Nothing.
    Nothing,
    /// An integer or address in the first general result register: its own bytes, and any in the rest.
    Integer {
        /// Its size in bytes: 1, 2, 4 or 8.
        bytes: u8,
        /// Whether it has a sign.
        fill: Fill,
    },
    /// A `float` in the first floating point result register.
    Float,
    /// A `double` there.
    Double,
    /// An aggregate, which the plan stores to memory, or the callee has.
    Memory,
}

impl Boxing {
    pub(in crate::plan) fn each_address(&self, see: &mut impl FnMut(HostAddress)) {
        let (first, second) = match *self {
            Boxing::Call { function, with } => (Some(function), with),
            Boxing::Constant { object, .. } => (Some(object), None),
            Boxing::Either { nonzero, zero, .. } => (Some(nonzero), Some(zero)),
            Boxing::Tagged { otherwise, .. } => (Some(otherwise), None),
            Boxing::Double { .. } => (None, None),
            Boxing::Memory { allocate, with, .. } => (Some(allocate), with),
        };
        [first, second].into_iter().flatten().for_each(see);
    }
}
