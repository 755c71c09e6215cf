//! What the emitter hands to the runtime.

pub(crate) use springboard_abi::{GUARD_HELPER, Hole, HoleKind};

/// Position-independent machine code with holes, compiled once for a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// The instructions, then their literals. The first byte is the entry.
    pub code: Box<[u8]>,
    /// Alignment that the first byte needs, in bytes; a power of two.
    pub align: u32,
    /// The places that a stamp fills in, ordered by offset.
    pub holes: Box<[Hole]>,
}
