//! The closed set of calling conventions, and the table that says what each one is.

use core::fmt;

use springboard_ir::{DataModel, Signature};
use target_lexicon::Architecture;

use crate::{aapcs64, apple64, assignment::Assignment, ineligible::Ineligible, lp64d, s390x, sysv64, win64};

/// A C calling convention. The architecture is part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Convention {
    /// System V AMD64 psABI, version 1.0.
    Sysv64,
    /// Microsoft's x64 convention, as GCC implements it (`__attribute__((ms_abi))`).
    Win64,
    /// Procedure Call Standard for the Arm 64-bit Architecture, as Linux uses it.
    Aapcs64,
    /// Apple's variant of AAPCS64.
    Apple64,
    /// RISC-V ELF psABI, hardware floating point with 64-bit registers.
    Lp64d,
    /// z/Architecture ELF ABI supplement, without the vector facility.
    S390x,
}

/// What a convention is: numbers, names and one function. Each planner file holds its own.
pub(crate) struct Rules {
    /// The name by which plans and commands know it: `architecture/convention`.
    pub(crate) name: &'static str,
    /// Whether code for this architecture can follow it.
    pub(crate) runs_on: fn(&Architecture) -> bool,
    /// Whether the most significant byte comes first in memory and in registers spilled to it.
    pub(crate) big_endian: bool,
    /// Whether a `float` in a floating point register must be put there by its own width: because the other half
    /// has a prescribed content (NaN boxing), or because it is the other half that holds the value.
    pub(crate) float_keeps_width: bool,
    /// Whether 32-bit integers are sign-extended in wider registers even where they are unsigned.
    pub(crate) sign_extends_u32: bool,
    /// Whether the caller extends integers narrower than a register. Elsewhere the callee takes no more than their
    /// own bytes to be defined.
    pub(crate) caller_extends: bool,
    /// Whether a scalar on the stack takes no more than its own size.
    pub(crate) packs_stack: bool,
    /// The registers for arguments and results.
    pub(crate) registers: RegisterFile,
    /// The planner.
    pub(crate) assign: fn(&Signature, &DataModel) -> Result<Assignment, Ineligible>,
}

/// The registers in which a convention passes arguments and results, in the order in which it hands them out.
///
/// [`Place::Gpr`](crate::Place::Gpr) and [`Place::Vec`](crate::Place::Vec) are indices into these lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegisterFile {
    /// General registers for arguments.
    pub gpr_args: &'static [&'static str],
    /// Floating point and vector registers for arguments.
    pub vec_args: &'static [&'static str],
    /// General registers for results.
    pub gpr_results: &'static [&'static str],
    /// Floating point and vector registers for results.
    pub vec_results: &'static [&'static str],
    /// The register that holds the address of a result in memory, where it is none of `gpr_args`. It is named by
    /// the index behind the last of those.
    pub result_pointer: Option<&'static str>,
    /// Whether the n-th argument takes the n-th register of its class, and the n-th of the other class stays
    /// unused. Elsewhere each class counts for itself.
    pub positional: bool,
}

impl Convention {
    /// Every convention, in the order of the documentation's table.
    pub const ALL: [Convention; 6] = [
        Convention::Sysv64,
        Convention::Win64,
        Convention::Aapcs64,
        Convention::Apple64,
        Convention::Lp64d,
        Convention::S390x,
    ];

    pub(crate) const fn rules(self) -> &'static Rules {
        match self {
            Convention::Sysv64 => &sysv64::RULES,
            Convention::Win64 => &win64::RULES,
            Convention::Aapcs64 => &aapcs64::RULES,
            Convention::Apple64 => &apple64::RULES,
            Convention::Lp64d => &lp64d::RULES,
            Convention::S390x => &s390x::RULES,
        }
    }

    /// The name by which plans and commands know it: `architecture/convention`.
    pub const fn name(self) -> &'static str {
        self.rules().name
    }

    /// Whether code for `architecture` can follow the convention.
    pub fn runs_on(self, architecture: &Architecture) -> bool {
        (self.rules().runs_on)(architecture)
    }

    /// Whether the most significant byte comes first in memory and in registers spilled to it.
    pub const fn is_big_endian(self) -> bool {
        self.rules().big_endian
    }

    /// The registers for arguments and results.
    pub const fn registers(self) -> &'static RegisterFile {
        &self.rules().registers
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
