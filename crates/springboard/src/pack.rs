//! Thunks that were compiled with the program: feature `pack`.

use springboard_abi::{Plan, Target};
use springboard_code::CodePointer;

/// Whether there are any.
pub(crate) const AVAILABLE: bool = cfg!(feature = "pack");

/// The thunk for a plan of the slots entry, where there is one.
#[cfg(feature = "pack")]
pub(crate) fn find(plan: &Plan, target: &Target) -> Option<CodePointer> {
    let start = springboard_pack::find(plan, target)?;
    // SAFETY: the address is that of code in this program, which is never null, and a function pointer has the size
    // and form of a data pointer on every target. Whoever calls it answers for the type.
    Some(unsafe { std::mem::transmute::<*const u8, CodePointer>(start) })
}

/// There is none.
#[cfg(not(feature = "pack"))]
pub(crate) fn find(_: &Plan, _: &Target) -> Option<CodePointer> {
    None
}
