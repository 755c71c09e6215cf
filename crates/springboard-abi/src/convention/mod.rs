//! The closed set of calling conventions: the table that says what each one is, and where each puts the values of a
//! signature.

use core::fmt;

use springboard_ir::{NamedConvention, Signature};
use target_lexicon::Architecture;

use crate::{
    ineligible::Ineligible,
    target::{Convention, Target},
};

mod aapcs64;
mod apple64;
mod assignment;
mod compilers;
mod lp64d;
mod rules;
mod s390x;
mod sysv64;
mod win64;

pub use assignment::{Assignment, Passing, Piece, Returning};
pub use rules::RegisterFile;
use rules::Rules;

impl Convention {
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

impl Target {
    /// This target, calling functions by the convention that the declaration of `signature` names, if it names one.
    ///
    /// # Errors
    /// No function of this architecture is called by it.
    pub fn calling_as(&self, signature: &Signature) -> Result<Target, Ineligible> {
        let Some(named) = signature.convention() else { return Ok(*self) };
        match (named, self.convention) {
            (NamedConvention::Microsoft, Convention::Sysv64 | Convention::Win64) => {
                Ok(self.calling(Convention::Win64))
            }
            _ => Err(Ineligible::Convention(named)),
        }
    }
}

/// What `target`'s convention says about `signature`, or the one that its declaration names.
///
/// # Errors
/// The reason why the convention, or this implementation of it, has no answer.
pub fn assign(signature: &Signature, target: &Target) -> Result<Assignment, Ineligible> {
    let target = target.calling_as(signature)?;
    compilers::agreed(target.convention.rules().assign, signature, &target.model)
}

/// The same, where a stub can move as many bytes as it takes.
pub(crate) fn assign_for_stub(signature: &Signature, target: &Target) -> Result<Assignment, Ineligible> {
    let assignment = assign(signature, target)?;
    let copies = assignment.params.iter().map(|passing| match passing {
        Passing::Reference { copy, .. } => aligned_bytes(copy.size, copy.align),
        Passing::Nothing | Passing::Direct(_) => 0,
    });
    let arguments = aligned_bytes(assignment.stack_bytes.into(), assignment.stack_align.unwrap_or(0));
    let bytes = copies.sum::<u64>() + arguments;
    if bytes > Ineligible::MAX_STACK {
        return Err(Ineligible::StackArguments { bytes });
    }
    Ok(assignment)
}

/// What `bytes` that are aligned to `align` take of a frame, which is aligned to 16 bytes at most.
pub(crate) fn aligned_bytes(bytes: u64, align: u32) -> u64 {
    bytes + if align > 16 { u64::from(align) } else { 0 }
}
