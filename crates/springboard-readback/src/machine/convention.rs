//! What a machine runs as: a CPU, and a convention on it.

use std::ops::Range;

use super::{Flow, Machine};
use crate::refusal::Refusal;

/// A CPU.
pub(crate) struct Cpu {
    /// Runs the instruction at the machine's `pc`.
    pub(crate) step: fn(&mut Machine<'_>) -> Result<Flow, Refusal>,
    pub(crate) stack_pointer: u8,
    /// The register that holds a return address. `None` where calls push it.
    pub(crate) link: Option<u8>,
    /// The register that is always zero.
    pub(crate) zero: Option<u8>,
    /// The frame pointer of stubs that have frames, where an unwinder goes by it: the two words at it are the caller's
    /// frame pointer and the return address.
    pub(crate) frame_pointer: Option<u8>,
    /// Bytes that stand where no code is, and no code that runs begins with.
    pub(crate) fillers: &'static [u8],
    /// How the stack is aligned at a call, in bytes.
    pub(crate) stack_align: u64,
    pub(crate) big_endian: bool,
    /// Whether return addresses can be signed.
    pub(crate) signs: bool,
    /// Whether code begins with a landing pad.
    pub(crate) lands: fn(&[u8]) -> bool,
}

/// A convention.
pub(crate) struct Abi {
    pub(crate) cpu: &'static Cpu,
    /// General registers for arguments; after them that for a result's address, where it has one of its own.
    pub(crate) gpr_args: &'static [u8],
    pub(crate) vec_args: &'static [u8],
    pub(crate) gpr_results: &'static [u8],
    pub(crate) vec_results: &'static [u8],
    /// What a callee gives back as it found it.
    pub(crate) saved: Saved,
    /// Bytes from the stack pointer with which a function is entered to its first argument on the stack.
    pub(crate) above: i64,
    /// Bytes below the stack pointer that signal handlers leave alone.
    pub(crate) red_zone: i64,
    /// How libffi's closures are entered.
    pub(crate) closure: Closure,
    /// What of the caller's stack a callee may write beside its arguments, from the stack pointer at the entry.
    pub(crate) lent: Range<i64>,
}

/// A closure of libffi's: how its own code passes its address.
pub(crate) struct Closure {
    /// The register that has it.
    pub(crate) register: u8,
    /// That of Go's.
    pub(crate) of_go: u8,
    /// Bytes of code before the fields of `ffi_closure` (`FFI_TRAMPOLINE_SIZE`).
    pub(crate) code: i64,
}

/// Registers that a callee gives back.
pub(crate) struct Saved {
    pub(crate) gprs: &'static [u8],
    pub(crate) vecs: &'static [u8],
    /// How many words of those vector registers.
    pub(crate) halves: u8,
}
