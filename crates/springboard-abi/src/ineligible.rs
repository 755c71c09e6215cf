//! Why there is no plan.

use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
};
use core::fmt;

use springboard_ir::{LayoutError, NamedConvention};

/// The rule by which a signature has no plan for a target. Not an error: the runtime answers it with libffi.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ineligible {
    /// A type has no layout on the target. Carries the sentence of the [`LayoutError`].
    #[error("{0}")]
    NoLayout(String),
    /// The result comes back on the x87 stack, which Cranelift has no type for.
    #[error("the result comes back on the x87 stack, which the compiler cannot express")]
    X87Result,
    /// The arguments on the stack need more bytes than a stub moves.
    #[error("the arguments need {bytes} bytes of stack, and {} is the limit", Ineligible::MAX_STACK)]
    StackArguments {
        /// Bytes that the signature needs.
        bytes: u64,
    },
    /// A parameter that the host is to unwrap from a JavaScript value is not a pointer.
    #[error("parameter {} is declared a buffer but is not a pointer", .index + 1)]
    BufferType {
        /// The parameter, counted from 0.
        index: u16,
    },
    /// Values are handed to the host in the registers in which native code passes them, and one of them is not a word.
    #[error("a value that is passed on in registers is not a word")]
    NoWord,
    /// Values are handed to the host in registers, and none is left for its context.
    #[error("the arguments leave no general register for the host's context")]
    NoRegister,
    /// The type of the host's functions has more parameters than are passed in registers, or none for some of the
    /// arguments.
    #[error("a host's function of {parameters} parameters does not hand over the arguments in registers")]
    Callable {
        /// How many it has.
        parameters: u8,
    },
    /// The host's description has no way to unbox a parameter of this type, or one that gives something else.
    #[error("the host does not say how parameter {} is unboxed", .index + 1)]
    Unboxing {
        /// The parameter, counted from 0.
        index: u16,
    },
    /// The host's description does not say how a result of this type is boxed.
    #[error("the host does not say how the result is boxed")]
    Boxing,
    /// A short vector on a machine where compilers lay out and pass them in two ways, by whether it has registers for
    /// them: on s390x since z13. Nothing says which one was at work.
    #[error("vectors are passed in two ways here, by which machine the callee was compiled for")]
    VectorAbi,
    /// GCC and Clang pass a structure in two ways, and nothing says which of them built the callee.
    #[error("{} {gcc} by GCC and {clang} by Clang, and nothing says which of them built the callee", passed(*.parameter))]
    Compilers {
        /// The parameter, counted from 0; the result where there is none.
        parameter: Option<u16>,
        /// How GCC passes it.
        gcc: Way,
        /// How Clang passes it.
        clang: Way,
    },
    /// Clang, which is named as the callee's compiler, passes a part of a value and loses the rest: a member of two
    /// eightbytes that the name of its type lets begin in the first has the class of that one alone.
    #[error("Clang loses bytes of {}, of a member that its type's name lets lie across two words", value(*.parameter))]
    LostBytes {
        /// The parameter, counted from 0; the result where there is none.
        parameter: Option<u16>,
    },
    /// The declaration names a calling convention that no function of the target has.
    #[error("no function of this target is called by `{}`", .0.attribute())]
    Convention(NamedConvention),
}

/// How one compiler passes a value that the other passes in another way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Way {
    /// Not at all.
    Nowhere,
    /// In general registers.
    General,
    /// In floating point or vector registers.
    Vector,
    /// In registers of both kinds.
    Mixed,
    /// On the stack, or a result in memory of the caller's.
    Memory,
    /// By the address of a copy.
    Reference,
    /// In a way for which there is no plan.
    Unplanned,
}

impl Ineligible {
    /// The most bytes of stack arguments, and of copies of arguments that are passed by reference, that a stub
    /// moves; those that alignment beyond 16 may cost are counted with them.
    pub const MAX_STACK: u64 = 4096;

    /// One of each reason, in the order of the documentation's table.
    pub fn examples() -> [Ineligible; 13] {
        [
            Ineligible::NoLayout(String::from("the type is incomplete and has no size")),
            Ineligible::X87Result,
            Ineligible::StackArguments { bytes: 5000 },
            Ineligible::BufferType { index: 1 },
            Ineligible::NoWord,
            Ineligible::NoRegister,
            Ineligible::Callable { parameters: 7 },
            Ineligible::Unboxing { index: 1 },
            Ineligible::Boxing,
            Ineligible::VectorAbi,
            Ineligible::Compilers { parameter: Some(0), gcc: Way::General, clang: Way::Memory },
            Ineligible::LostBytes { parameter: Some(0) },
            Ineligible::Convention(NamedConvention::Microsoft),
        ]
    }

    /// A short name that never changes, for counters and for programs that match on text.
    pub const fn code(&self) -> &'static str {
        match self {
            Ineligible::NoLayout(_) => "no-layout",
            Ineligible::X87Result => "x87-result",
            Ineligible::StackArguments { .. } => "stack-arguments",
            Ineligible::BufferType { .. } => "buffer-type",
            Ineligible::NoWord => "no-word",
            Ineligible::NoRegister => "no-register",
            Ineligible::Callable { .. } => "callable",
            Ineligible::Unboxing { .. } => "unboxing",
            Ineligible::Boxing => "boxing",
            Ineligible::VectorAbi => "vector-abi",
            Ineligible::Compilers { .. } => "compilers",
            Ineligible::LostBytes { .. } => "lost-bytes",
            Ineligible::Convention(_) => "convention",
        }
    }
}

impl From<LayoutError> for Ineligible {
    fn from(error: LayoutError) -> Ineligible {
        Ineligible::NoLayout(error.to_string())
    }
}

/// A parameter by its number, or the result.
fn value(parameter: Option<u16>) -> String {
    parameter.map_or("the result".to_owned(), |index| format!("parameter {}", index + 1))
}

fn passed(parameter: Option<u16>) -> String {
    value(parameter) + if parameter.is_some() { " is passed" } else { " comes back" }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Nowhere => "nowhere",
            Way::General => "in general registers",
            Way::Vector => "in vector registers",
            Way::Mixed => "in registers of both kinds",
            Way::Memory => "in memory",
            Way::Reference => "by its address",
            Way::Unplanned => "in a way that has no plan",
        })
    }
}
