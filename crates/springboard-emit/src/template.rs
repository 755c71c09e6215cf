//! What the emitter hands to the runtime.

pub(crate) use springboard_abi::{GUARD_HELPER, Hole, HoleKind};

/// Position-independent machine code with holes, compiled once for a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// The instructions, then their literals, then the row. The first byte is the entry.
    pub code: Box<[u8]>,
    /// Alignment that the first byte needs, in bytes; a power of two.
    pub align: u32,
    /// The places that a stamp fills in, ordered by offset.
    pub holes: Box<[Hole]>,
    /// On Windows: where in the code the `UNWIND_INFO` of this stub begins, at a multiple of 4 bytes. It holds wherever a
    /// call is under way. `None` where the frame is the one that most have: the caller's frame pointer and the return
    /// address at the frame pointer, and nothing else of the caller's changed.
    pub row: Option<u32>,
}
