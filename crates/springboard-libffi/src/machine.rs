//! What holds for one CPU alone, a file per CPU with the same names: libffi's numbers for it, and the code of closures.
//!
//! A closure's code loads the closure's address into the register in which libffi's own code passes it, and jumps to the
//! address that it finds in the last 8 bytes of the trampoline. So it does not matter whose stub that is.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "s390x")]
mod s390x;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::aarch64::*;
#[cfg(target_arch = "riscv64")]
pub(crate) use self::riscv64::*;
#[cfg(target_arch = "s390x")]
pub(crate) use self::s390x::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86_64::*;
