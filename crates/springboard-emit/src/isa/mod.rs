//! What holds for one CPU alone, a folder per CPU. Each has the same names, which are the fields of [`Isa`]: a port
//! touches its own folder and the table below.

mod aarch64;
mod assembly;
mod reading;
mod riscv64;
mod s390x;
mod shorten;
mod x86_64;

use cranelift_codegen::{isa::Builder, settings::SetError};
use gimli::Register;
use springboard_abi::{Convention, Entry, Plan};
use target_lexicon::Architecture;

use crate::{
    error::EmitError,
    protection::Protection,
    template::{Hole, HoleKind},
};

/// A CPU, as the rest of the emitter asks about it.
pub(crate) struct Isa {
    /// Turns on what Cranelift itself does for the protection of stubs.
    pub(crate) configure: fn(&mut Builder, Protection) -> Result<(), SetError>,
    /// Makes of the code that Cranelift emitted what the stub is to be.
    pub(crate) finish: fn(&Plan, Code, Protection) -> Result<Code, EmitError>,
    /// The code of a closure's stub that finds its closure in the register in which libffi's own code passes it, which no
    /// Cranelift signature can ask for, and no longer in the hole at this offset. `None` where the code does not begin as
    /// expected.
    pub(crate) find_closure: fn(entry: Entry, code: &[u8], hole: usize) -> Option<Vec<u8>>,
    /// The instructions that the stub of a plan calls in place of the native function, to be appended to its code.
    /// They set what no Cranelift signature can ask for, and jump on through the stack word after the last argument.
    /// `None` where the plan needs none.
    pub(crate) landing: fn(&Plan) -> Option<Vec<u8>>,
    /// Whether a stub between these conventions may end in a jump of Cranelift's `tail` convention.
    pub(crate) jumps: fn(caller: Convention, callee: Convention) -> bool,
    /// Whether [`Isa::finish`] puts the guard of a plan around the stub, so that its function has none.
    pub(crate) wraps_guard: fn(&Plan) -> bool,
    /// Whether [`Isa::finish`] puts the range checks of a plan before the stub, likewise.
    pub(crate) wraps_checks: fn(&Plan) -> bool,
    /// How many bytes a convention reserves at every call between the stack pointer and the first argument on the stack.
    pub(crate) reserved_at_calls: fn(Convention) -> u32,
    /// How the stack is aligned at a call, in bytes.
    pub(crate) stack_align: u32,
    /// Whether vector registers that carry no argument may carry words that come from the stack or go
    /// there.
    pub(crate) spare_vectors: bool,
    /// Whether code names registers that belong to a caller by the system's own convention, except the frame pointer: to save
    /// them, first of all. Not asked where stubs have no frame pointer.
    pub(crate) names_saved: fn(&[u8]) -> bool,
    /// How many general registers a callee may change, of those in which Cranelift keeps values.
    pub(crate) scratch: usize,
    /// Whether two neighbouring doubles of one aggregate are stored at once. Whoever reads both at once, as compilers
    /// like to, otherwise waits ten cycles and more: the CPU does not forward two stores to one load.
    pub(crate) stores_pairs: fn(Convention) -> bool,
    /// Whether [`Isa::finish`] puts instructions before a stub that find what is at a distance from the thread pointer,
    /// where code of this convention calls it.
    pub(crate) finds_thread_locals: fn(caller: Convention) -> bool,
    /// Whether holes are operands of instructions, and not literals between them.
    #[cfg_attr(not(feature = "disassembly"), expect(dead_code, reason = "listings alone ask"))]
    pub(crate) holes_in_instructions: bool,
    /// The `UNWIND_INFO` by which Windows unwinds this code, where its frame keeps more than the frame pointer. The error is
    /// what cannot be said of it.
    pub(crate) unwind_info: fn(&[u8]) -> UnwindInfo,
    /// The frame of a stub that has one. `None` where stubs have no frame pointer: an unwinder stops there.
    pub(crate) frame: Option<Frame>,
}

/// What Windows is told of code, if anything; or what cannot be said of it.
pub(crate) type UnwindInfo = Result<Option<Vec<u8>>, &'static str>;

/// Machine code and the holes in it.
pub(crate) struct Code {
    pub(crate) bytes: Vec<u8>,
    pub(crate) holes: Vec<Hole>,
}

impl Code {
    /// The kind of the hole at an offset.
    fn hole_at(&self, at: usize) -> Option<HoleKind> {
        self.holes.iter().find(|hole| hole.offset as usize == at).map(|hole| hole.kind)
    }
}

/// Where a frame keeps what an unwinder looks for, in DWARF's numbers for the CPU: the caller's frame pointer and the
/// return address are the two words at the frame pointer.
pub(crate) struct Frame {
    pub(crate) frame_pointer: Register,
    pub(crate) return_address: Register,
    /// Whether the return address may be signed.
    pub(crate) signs: bool,
}

impl Isa {
    /// The CPU of an architecture. `None` where there is no port.
    pub(crate) fn of(architecture: &Architecture) -> Option<&'static Isa> {
        match architecture {
            Architecture::X86_64 => Some(&x86_64::ISA),
            Architecture::Aarch64(_) => Some(&aarch64::ISA),
            Architecture::Riscv64(_) => Some(&riscv64::ISA),
            Architecture::S390x => Some(&s390x::ISA),
            _ => None,
        }
    }

    /// The CPU on which a convention is used.
    pub(crate) fn with(convention: Convention) -> &'static Isa {
        match convention {
            Convention::Sysv64 | Convention::Win64 => &x86_64::ISA,
            Convention::Aapcs64 | Convention::Apple64 => &aarch64::ISA,
            Convention::Lp64d => &riscv64::ISA,
            Convention::S390x => &s390x::ISA,
        }
    }
}
