//! What a convention is made of.

use springboard_ir::{DataModel, Signature};
use target_lexicon::Architecture;

use super::assignment::Assignment;
use crate::ineligible::Ineligible;

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
    /// The register that holds the address of a result in memory, where it is not among `gpr_args`. It is named by
    /// the index after the last of those.
    pub result_pointer: Option<&'static str>,
    /// Whether the n-th argument takes the n-th register of its class, and the n-th of the other class stays
    /// unused. Elsewhere each class counts for itself.
    pub positional: bool,
}
