//! The closed set of calling conventions, and the register files they hand arguments over in.

use core::fmt;

use target_lexicon::{Aarch64Architecture, Architecture};

/// A C calling convention. The architecture is part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Convention {
    /// System V AMD64 psABI, version 1.0.
    Sysv64,
    /// Procedure Call Standard for the Arm 64-bit Architecture, as Linux uses it.
    Aapcs64,
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
}

impl Convention {
    /// Every convention, in the order of the documentation's table.
    pub const ALL: [Convention; 2] = [Convention::Sysv64, Convention::Aapcs64];

    /// The name by which plans and commands know it: `architecture/convention`.
    pub const fn name(self) -> &'static str {
        match self {
            Convention::Sysv64 => "x86_64/sysv64",
            Convention::Aapcs64 => "aarch64/aapcs64",
        }
    }

    /// The architecture it belongs to.
    pub const fn architecture(self) -> Architecture {
        match self {
            Convention::Sysv64 => Architecture::X86_64,
            Convention::Aapcs64 => Architecture::Aarch64(Aarch64Architecture::Aarch64),
        }
    }

    /// Whether the most significant byte comes first in memory and in registers spilled to it.
    pub const fn is_big_endian(self) -> bool {
        match self {
            Convention::Sysv64 | Convention::Aapcs64 => false,
        }
    }

    /// Whether a `float` in a wider register must be put there by its own width: because the register's other
    /// half has a prescribed content (NaN boxing), or because it is the other half that holds the value.
    pub const fn float_keeps_width(self) -> bool {
        match self {
            Convention::Sysv64 | Convention::Aapcs64 => false,
        }
    }

    /// The registers for arguments and results.
    pub const fn registers(self) -> &'static RegisterFile {
        match self {
            Convention::Sysv64 => &crate::sysv64::REGISTERS,
            Convention::Aapcs64 => &crate::aapcs64::REGISTERS,
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
