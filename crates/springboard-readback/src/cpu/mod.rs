//! Decoders: what each instruction of a CPU does to the machine. Whatever a stub has no use for is refused, so that nothing
//! that is not named here (the direction flag, rounding, the x87 stack) is ever changed.

#[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
pub(crate) mod aarch64;
#[cfg(any(feature = "all-targets", target_arch = "riscv64"))]
pub(crate) mod riscv64;
#[cfg(any(feature = "all-targets", target_arch = "s390x"))]
pub(crate) mod s390x;
#[cfg(any(feature = "all-targets", not(target_arch = "x86_64")))]
mod text;
pub(crate) mod x86_64;
