//! Why a plan could not be compiled.

use std::fmt;

use springboard_abi::{Convention, Place};
use target_lexicon::Triple;

/// Why a plan could not be compiled. Each is a defect of springboard or a build without the feature, never the
/// caller's mistake: a plan that exists can be emitted.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// No code generator for this target was built in. The feature `all-targets` adds all there are.
    NoBackend(Triple),
    /// The plan's convention belongs to another architecture than the compiler's.
    OtherArchitecture {
        /// What the compiler emits code for.
        compiler: Triple,
        /// The plan's convention.
        convention: Convention,
    },
    /// The plan says what no stub does: it was put together or changed by hand.
    Malformed(Malformed),
    /// Cranelift refused the function.
    Backend(String),
}

/// What a plan says that no stub does. [`springboard_abi::plan()`] makes no such plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Malformed {
    /// So many bytes are moved at once. Registers take 1, 2, 4 or 8, and those for vectors 16.
    Width(u8),
    /// A result is in a register that its convention returns none in, or on the stack.
    ResultPlace(Place),
    /// A boxed argument is to be taken for something that it cannot be, or a result boxed as something that it is not.
    Boxed,
    /// An upcall hands out the address of a copy.
    CopyInUpcall,
    /// An upcall writes to memory for this slot, and has none.
    NoMemory(u16),
    /// The last error is found by the thread pointer, and a stub that code of this convention calls finds nothing by it.
    ThreadPointer(Convention),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Width(bytes) => write!(f, "it moves {bytes} bytes at once"),
            Malformed::ResultPlace(place) => write!(f, "it takes a result from {place:?}"),
            Malformed::Boxed => f.write_str("a value is boxed or unboxed as something that it is not"),
            Malformed::CopyInUpcall => f.write_str("an upcall hands out the address of a copy"),
            Malformed::NoMemory(slot) => write!(f, "there is no memory for slot {slot}"),
            Malformed::ThreadPointer(convention) => {
                write!(
                    f,
                    "it finds the last error by the thread pointer, which no stub for {convention} does"
                )
            }
        }
    }
}

impl From<Malformed> for EmitError {
    fn from(malformed: Malformed) -> EmitError {
        EmitError::Malformed(malformed)
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EmitError::NoBackend(triple) => write!(f, "no code generator for {triple} was built in"),
            EmitError::OtherArchitecture { compiler, convention } => {
                write!(f, "a compiler for {compiler} was given a plan for {convention}")
            }
            EmitError::Malformed(why) => write!(f, "no planner made this plan: {why}"),
            EmitError::Backend(why) => write!(f, "the code generator refused the plan: {why}"),
        }
    }
}

impl std::error::Error for EmitError {}
