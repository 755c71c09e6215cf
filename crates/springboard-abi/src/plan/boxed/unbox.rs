//! Ways to take a value out of a host's object.

use alloc::vec::Vec;

use super::HostAddress;
use crate::plan::Fill;

/// A way to unbox an argument. Each either has the value or misses; where the last way of an argument misses, the slow
/// twin is called.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Unbox {
    /// Where all checks hold, the value is in the object's memory. Without checks every argument of the host is such an
    /// object.
    Object {
        /// What tells such an object from others, tried in order.
        checks: Vec<Check>,
        /// Where the value is in it.
        payload: Payload,
    },
    /// Where the argument is this very object, the value is known.
    Constant {
        /// The object.
        object: HostAddress,
        /// The value: an integer or address as a word, extended by its own sign; the bits of a double where the parameter
        /// is a floating point number.
        value: u64,
    },
    /// Where the bits of the argument under a mask are a tag, the value is an integer in the other bits.
    Tagged {
        /// Which bits are the tag.
        mask: u64,
        /// The tag.
        tag: u64,
        /// By how many bits the argument is shifted to the right to get the value.
        shift: u8,
        /// What comes in from the left.
        fill: Fill,
    },
    /// Where the argument, as an unsigned number, lies in a range, it is a double.
    Double {
        /// The smallest such argument.
        from: u64,
        /// The largest.
        through: u64,
        /// What is taken from the argument to get the double's bits.
        bias: u64,
    },
    /// What a function of the host returns.
    Call {
        /// `fn(object)`, or `fn(object, with)`.
        function: HostAddress,
        /// What the function is passed beside the object.
        with: Option<HostAddress>,
        /// What it returns.
        returns: Returns,
    },
}

/// What tells objects of a type from others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Check {
    /// The bits of the argument itself under a mask: it is an address, for one, and no value with a tag.
    Bits {
        /// Which bits.
        mask: u64,
        /// What they are.
        equal: u64,
    },
    /// The word at an offset of the object equals an address: that of its type.
    Word {
        /// The offset, in bytes.
        offset: i32,
        /// What is there.
        equals: HostAddress,
    },
    /// The bits of the word at an offset of the object under a mask.
    Flags {
        /// The offset, in bytes.
        offset: i32,
        /// Which bits.
        mask: u64,
        /// What they are.
        equal: u64,
    },
}

/// Where a value is in an object. Offsets are in bytes from the object's address; what is read is aligned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Payload {
    /// An integer or address.
    Integer {
        /// Where it is.
        offset: i32,
        /// Its size in bytes: 1, 2, 4 or 8.
        bytes: u8,
        /// Whether it has a sign.
        fill: Fill,
    },
    /// A floating point number.
    Float {
        /// Where it is.
        offset: i32,
        /// Its size in bytes: 4 or 8.
        bytes: u8,
    },
    /// An integer as a magnitude and a sign, where the magnitude is no more than one digit: 4 bytes, of which the lowest
    /// 30 bits are used.
    Digit {
        /// Where the digit is.
        offset: i32,
        /// Where the sign is, and whether there is one digit.
        sign: DigitSign,
    },
    /// The value is an address: the object's own, so many bytes on.
    Address {
        /// How many.
        offset: i32,
    },
}

/// How an integer of [one digit](Payload::Digit) is told from larger ones, and its sign. A miss where there are more
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DigitSign {
    /// A word with a sign counts the digits: the sign is the word, where that is -1, 0 or 1.
    Size {
        /// Where the word is.
        offset: i32,
    },
    /// A word is less than a limit where there is one digit, and the sign is 1 less its low bits.
    Tag {
        /// Where the word is.
        offset: i32,
        /// The limit.
        below: u64,
        /// The bits that are taken from 1.
        mask: u64,
    },
}

/// What a function that unboxes returns, and how it reports an error. An error is a miss: whatever the function has left
/// behind, the slow twin finds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Returns {
    /// A word: an integer or address.
    Word {
        /// Whether it has a sign.
        fill: Fill,
        /// The word that means an error. `None` where there are none.
        error: Option<u64>,
        /// A function that tells that word from a value of the same bits: `void *(*)(void)`, null where there was no
        /// error.
        occurred: Option<HostAddress>,
    },
    /// A `double`.
    Double {
        /// The bits of that which means an error. `None` where there are none.
        error: Option<u64>,
        /// As for a word.
        occurred: Option<HostAddress>,
    },
}

impl Unbox {
    /// The integers that this way can give. `None` where it gives a floating point number.
    pub fn integers(&self) -> Option<(i128, i128)> {
        let of = |bits: u32, fill| match fill {
            Fill::Sign => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
            Fill::Zero => (0, (1i128 << bits) - 1),
        };
        match *self {
            Unbox::Object { payload: Payload::Integer { bytes, fill, .. }, .. } => {
                Some(of(u32::from(bytes) * 8, fill))
            }
            Unbox::Object { payload: Payload::Digit { .. }, .. } => Some((-DIGIT, DIGIT)),
            Unbox::Object { payload: Payload::Address { .. }, .. } => Some(of(64, Fill::Zero)),
            Unbox::Tagged { shift, fill, .. } => Some(of(64 - u32::from(shift), fill)),
            Unbox::Call { returns: Returns::Word { fill, .. }, .. } => Some(of(64, fill)),
            Unbox::Object { payload: Payload::Float { .. }, .. }
            | Unbox::Constant { .. }
            | Unbox::Double { .. }
            | Unbox::Call { returns: Returns::Double { .. }, .. } => None,
        }
    }

    pub(in crate::plan) fn each_address(&self, see: &mut impl FnMut(HostAddress)) {
        match self {
            Unbox::Object { checks, .. } => {
                for check in checks {
                    if let Check::Word { equals, .. } = *check {
                        see(equals);
                    }
                }
            }
            Unbox::Constant { object, .. } => see(*object),
            Unbox::Tagged { .. } | Unbox::Double { .. } => {}
            Unbox::Call { function, with, returns } => {
                let (Returns::Word { occurred, .. } | Returns::Double { occurred, .. }) = *returns;
                [Some(*function), *with, occurred].into_iter().flatten().for_each(see);
            }
        }
    }
}

/// The largest digit.
const DIGIT: i128 = (1 << 30) - 1;
