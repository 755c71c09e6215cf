//! What a convention's code may do to registers and stack, by the numbers of the CPU: written from the documents that
//! `docs/testing.md` names, and shared with nobody.

use springboard_abi::Convention;

use crate::{
    cpu,
    machine::{Abi, Closure, Saved},
};

/// The convention's table. `None` where its code cannot be read in this build.
pub(crate) fn of(convention: Convention) -> Option<&'static Abi> {
    Some(match convention {
        Convention::Sysv64 => &SYSV64,
        Convention::Win64 => &WIN64,
        #[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
        Convention::Aapcs64 => &AAPCS64,
        #[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
        Convention::Apple64 => &APPLE64,
        #[cfg(any(feature = "all-targets", target_arch = "riscv64"))]
        Convention::Lp64d => &LP64D,
        #[cfg(any(feature = "all-targets", target_arch = "s390x"))]
        Convention::S390x => &S390X,
        #[cfg(not(feature = "all-targets"))]
        _ => return None,
    })
}

// rax rcx rdx rbx rsp rbp rsi rdi r8 …
static SYSV64: Abi = Abi {
    cpu: &cpu::x86_64::CPU,
    gpr_args: &[7, 6, 2, 1, 8, 9],
    vec_args: &[0, 1, 2, 3, 4, 5, 6, 7],
    gpr_results: &[0, 2],
    vec_results: &[0, 1],
    saved: Saved { gprs: &[3, 4, 5, 12, 13, 14, 15], vecs: &[], halves: 0 },
    above: 8,
    // psABI 3.2.2
    red_zone: 128,
    closure: Closure { register: 10, of_go: 10, code: 32 },
    lent: 0..0,
};

static WIN64: Abi = Abi {
    cpu: &cpu::x86_64::CPU,
    gpr_args: &[1, 2, 8, 9],
    vec_args: &[0, 1, 2, 3],
    gpr_results: &[0],
    vec_results: &[0],
    saved: Saved {
        gprs: &[3, 4, 5, 6, 7, 12, 13, 14, 15],
        vecs: &[6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        halves: 2,
    },
    above: 40,
    red_zone: 0,
    closure: Closure { register: 10, of_go: 10, code: 32 },
    lent: 8..40,
};

#[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
const ARM64: Abi = Abi {
    cpu: &cpu::aarch64::CPU,
    gpr_args: &[0, 1, 2, 3, 4, 5, 6, 7, 8],
    vec_args: &[0, 1, 2, 3, 4, 5, 6, 7],
    gpr_results: &[0, 1],
    vec_results: &[0, 1, 2, 3],
    // x18 belongs to the platform; x29 is the frame pointer, 31 the stack pointer.
    saved: Saved {
        gprs: &[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31],
        vecs: &[8, 9, 10, 11, 12, 13, 14, 15],
        halves: 1,
    },
    above: 0,
    red_zone: 0,
    closure: Closure { register: 17, of_go: 18, code: 24 },
    lent: 0..0,
};

#[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
static AAPCS64: Abi = ARM64;
#[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
static APPLE64: Abi = Abi { red_zone: 128, closure: Closure { code: 16, ..ARM64.closure }, ..ARM64 };

#[cfg(any(feature = "all-targets", target_arch = "riscv64"))]
static LP64D: Abi = Abi {
    cpu: &cpu::riscv64::CPU,
    gpr_args: &[10, 11, 12, 13, 14, 15, 16, 17],
    vec_args: &[10, 11, 12, 13, 14, 15, 16, 17],
    gpr_results: &[10, 11],
    vec_results: &[10, 11],
    // sp, gp, tp, s0 to s11; fs0 to fs11.
    saved: Saved {
        gprs: &[2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
        vecs: &[8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
        halves: 1,
    },
    above: 0,
    red_zone: 0,
    closure: Closure { register: 6, of_go: 7, code: 24 },
    lent: 0..0,
};

#[cfg(any(feature = "all-targets", target_arch = "s390x"))]
static S390X: Abi = Abi {
    cpu: &cpu::s390x::CPU,
    gpr_args: &[2, 3, 4, 5, 6],
    vec_args: &[0, 2, 4, 6],
    gpr_results: &[2],
    vec_results: &[0],
    saved: Saved {
        gprs: &[6, 7, 8, 9, 10, 11, 12, 13, 15],
        vecs: &[8, 9, 10, 11, 12, 13, 14, 15],
        halves: 1,
    },
    above: 160,
    red_zone: 0,
    closure: Closure { register: 0, of_go: 0, code: 32 },
    lent: 0..160,
};
