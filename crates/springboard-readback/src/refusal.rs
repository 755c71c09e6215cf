//! Why code is not what its plan says.

use std::fmt;

use springboard_abi::{Convention, HoleKind};

/// What was found in the code of a stub that its plan does not say, or not found that it says. Offsets are in bytes from
/// the first byte of the code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Refusal {
    /// No code of this convention can be read in this build.
    #[error("no code of {0} can be read in this build")]
    NoReader(Convention),
    /// An instruction that no stub has, or none at all.
    #[error("no stub has the instruction at {at:#x}")]
    Instruction { at: usize },
    /// A hole is not what an instruction loads, whole.
    #[error("the instruction at {at:#x} reads a part of a hole")]
    Hole { at: usize },
    /// The code does not begin with a landing pad.
    #[error("there is no landing pad at the beginning")]
    LandingPad,
    /// Memory of the stack is written that is not the stub's.
    #[error("the instruction at {at:#x} writes to stack that is not the stub's")]
    Stack { at: usize },
    /// Memory is read that is not the plan's to read.
    #[error("the instruction at {at:#x} reads memory that the plan does not ask for")]
    Load { at: usize },
    /// The stack grows by more than a page that nothing touches.
    #[error("at {at:#x} the stack grows by more than a page that is not touched")]
    Unprobed { at: usize },
    /// Code that the plan knows no way to.
    #[error("the code at {at:#x} never runs")]
    Unreached { at: usize },
    /// A branch on something that decides nothing.
    #[error("the branch at {at:#x} depends on nothing that the plan asks")]
    Branch { at: usize },
    /// A branch that is never taken, or always.
    #[error("the branch at {at:#x} never goes both ways")]
    Constant { at: usize },
    /// The code does not come to its end.
    #[error("the code does not end")]
    Endless,
    /// Control goes elsewhere than the plan says.
    #[error("at {at:#x} the plan has {wanted}")]
    Leaves { at: usize, wanted: Leaving },
    /// A call's, jump's or return's operand: the bytes of a place are others.
    #[error("at {at:#x}, {place} is not what the plan says")]
    Place { at: usize, place: Spot },
    /// Memory is written that is not to be written, or something else is written there.
    #[error("up to {at:#x}, memory is written that the plan leaves alone")]
    Store { at: usize },
    /// Memory is not written.
    #[error("up to {at:#x}, memory is not written that the plan writes")]
    NoStore { at: usize },
    /// The stack is not aligned at a call.
    #[error("at {at:#x} the stack is not aligned")]
    Alignment { at: usize },
    /// A register or the stack pointer is not given back.
    #[error("at {at:#x}, register {register} is not given back")]
    Saved { at: usize, register: u8 },
    /// An unwinder would not find the stub's caller.
    #[error("at {at:#x}, an unwinder loses its way")]
    Unwind { at: usize },
    /// The plan is not of a form that there is code for.
    #[error("no stub has such a plan")]
    Plan,
}

/// Where control was expected to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Leaving {
    Call,
    Return,
    /// A call, or a jump after which nothing is left to do.
    CallOrJump,
}

/// A place that a plan speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Spot {
    /// The address that is called.
    Target,
    Gpr(u8),
    Vec(u8),
    Stack(u32),
    /// How many vector registers hold arguments.
    VectorCount,
    /// A slot of an upcall, or what is in its memory.
    Slot(u16),
    /// A copy of an argument.
    Copy(u16),
    /// What a hole is loaded for.
    Hole(HoleKind),
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leaving::Call => "a call",
            Leaving::Return => "a return",
            Leaving::CallOrJump => "a call or a jump",
        })
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Target => f.write_str("the target"),
            Spot::Gpr(number) => write!(f, "general register {number}"),
            Spot::Vec(number) => write!(f, "vector register {number}"),
            Spot::Stack(offset) => write!(f, "the stack word at {offset}"),
            Spot::VectorCount => f.write_str("the number of vector registers"),
            Spot::Slot(number) => write!(f, "slot {number}"),
            Spot::Copy(number) => write!(f, "copy {number}"),
            Spot::Hole(kind) => write!(f, "{kind:?}"),
        }
    }
}
