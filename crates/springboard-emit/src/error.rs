//! Why a plan could not be compiled.

use springboard_abi::{Convention, Place};
use target_lexicon::Triple;

/// Why a plan could not be compiled. Each is a defect of springboard or a build without the feature, never the
/// caller's mistake: a plan that exists can be emitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// No code generator for this target was built in. The feature `all-targets` adds all there are.
    #[error("no code generator for {0} was built in")]
    NoBackend(Triple),
    /// The plan's convention belongs to another architecture than the compiler's.
    #[error("a compiler for {compiler} was given a plan for {convention}")]
    OtherArchitecture {
        /// What the compiler emits code for.
        compiler: Triple,
        /// The plan's convention.
        convention: Convention,
    },
    /// The plan says what no stub does: it was put together or changed by hand.
    #[error("no planner made this plan: {0}")]
    Malformed(#[from] Malformed),
    /// Cranelift refused the function.
    #[error("the code generator refused the plan: {0}")]
    Backend(String),
}

/// What a plan says that no stub does. [`springboard_abi::plan()`] makes no such plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// So many bytes are moved at once. Registers take 1, 2, 4 or 8, and those for vectors 16.
    #[error("it moves {0} bytes at once")]
    Width(u8),
    /// A result is in a register that its convention returns none in, or on the stack.
    #[error("it takes a result from {0:?}")]
    ResultPlace(Place),
    /// A boxed argument is to be taken for something that it cannot be, or a result boxed as something that it is not.
    #[error("a value is boxed or unboxed as something that it is not")]
    Boxed,
    /// An upcall hands out the address of a copy.
    #[error("an upcall hands out the address of a copy")]
    CopyInUpcall,
    /// An upcall writes to memory for this slot, and has none.
    #[error("there is no memory for slot {0}")]
    NoMemory(u16),
    /// The last error is found by the thread pointer, and a stub that code of this convention calls finds nothing by it.
    #[error("it finds the last error by the thread pointer, which no stub for {0} does")]
    ThreadPointer(Convention),
}
