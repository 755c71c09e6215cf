//! Decoders: what each instruction of a CPU does to the machine. Whatever a stub has no use for is refused, so that nothing
//! that is not named here (the direction flag, rounding, the x87 stack) is ever changed.

use crate::{
    machine::{Flow, Machine},
    refusal::Refusal,
};

#[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
pub(crate) mod aarch64;
#[cfg(any(feature = "all-targets", target_arch = "riscv64"))]
pub(crate) mod riscv64;
#[cfg(any(feature = "all-targets", target_arch = "s390x"))]
pub(crate) mod s390x;
#[cfg(any(feature = "all-targets", not(target_arch = "x86_64")))]
mod text;
pub(crate) mod x86_64;

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
    /// How the stack is aligned at a call, in bytes.
    pub(crate) stack_align: u64,
    pub(crate) big_endian: bool,
    /// Whether return addresses can be signed.
    pub(crate) signs: bool,
    /// Whether code begins with a landing pad.
    pub(crate) lands: fn(&[u8]) -> bool,
}
