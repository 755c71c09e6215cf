//! What a plan says of the `boxed` entry: how a host's values are taken apart and made.
//!
//! Nothing here names a host. A host's object is a word: the address of memory whose layout the host describes, or a
//! value with a tag in it. What a description refers to by address, it names by a [number](HostAddress).

use alloc::boxed::Box;

use super::Fill;

mod boxing;
mod unbox;

pub use boxing::{Boxing, Count, Memory, Returned};
pub use unbox::{Check, DigitSign, Payload, Returns, Unbox};

/// The number of an address in the list that comes with a stamp: of a type, of a constant object, of a function. A plan
/// has numbers and no addresses, so that functions whose stubs differ in addresses alone share one template.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct HostAddress(pub u8);

/// The type of the stub itself, a C function with this many parameters, each a word in a general register. It returns a
/// word: the boxed result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Callable {
    /// How many parameters.
    pub parameters: u8,
    /// Where the arguments are.
    pub arguments: Arguments,
    /// The parameter that has to be zero, if one has to: names of arguments, for one. Where it is not, the slow twin is
    /// called.
    pub zero: Option<u8>,
}

/// Where a [`Callable`] is handed its arguments. Parameters are counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Arguments {
    /// In an array of words.
    Array {
        /// The parameter that is its address.
        array: u8,
        /// The parameter that says how many there are. Where there are not as many as the native function has
        /// parameters, the slow twin is called.
        count: u8,
        /// The bits of that parameter which are the number; all of them, for most hosts.
        count_mask: u64,
    },
    /// Each in a parameter of its own. Nobody counts them.
    Parameters {
        /// That of the first argument.
        first: u8,
    },
}

/// Functions of the host that are called right before and right after the native function, to release a lock and take
/// it again: `void *(*before)(void)`, and `void (*after)(void *)` with what it returned. All arguments are unboxed
/// before the one, and the result is boxed after the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Around {
    /// The one before.
    pub before: HostAddress,
    /// The one after.
    pub after: HostAddress,
}

/// What the slot of an argument gets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Unboxed {
    /// What it holds then.
    pub slot: Wanted,
    /// The ways to get it, tried in order. Where none fits, the slow twin is called.
    pub ways: Box<[Unbox]>,
}

/// What the slot of an unboxed argument holds. A value that cannot be held so is a miss.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Wanted {
    /// An integer or address of 8 bytes, extended by its own sign.
    Integer {
        /// The smallest that is held.
        least: i64,
        /// The largest.
        most: u64,
    },
    /// A `float`.
    Float,
    /// A `double`.
    Double,
}

impl Wanted {
    /// An integer of so many bytes.
    pub const fn integer(bytes: u8, fill: Fill) -> Wanted {
        let unused = 64 - bytes as u32 * 8;
        match fill {
            Fill::Zero => Wanted::Integer { least: 0, most: u64::MAX >> unused },
            Fill::Sign => Wanted::Integer { least: i64::MIN >> unused, most: i64::MAX as u64 >> unused },
        }
    }
}
