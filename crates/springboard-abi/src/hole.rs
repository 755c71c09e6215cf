//! What a stamp writes into code.

use crate::plan::boxed::HostAddress;

/// Eight bytes of a template that a stamp fills in, in the byte order of the target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Hole {
    /// Offset of the first of the eight bytes.
    pub offset: u32,
    /// What goes there.
    pub kind: HoleKind,
}

/// Where the host's function is in what [`HoleKind::Guard`] refers to, in bytes.
pub const GUARD_HELPER: usize = 8;

/// What a stamp writes into a hole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum HoleKind {
    /// The address of the native function.
    Target,
    /// A pointer that belongs to the runtime: a callback's context.
    Context,
    /// The address of the function of the host that the stub calls: `fn(context, slots)` of a callback, or
    /// `fn(value, options, index) -> pointer`, all ones on failure, that unwraps a buffer, or what an
    /// [`ErrorSource`](crate::ErrorSource) asks for, a distance from the thread pointer too; or that of the
    /// shape's stub, for a relay.
    Helper,
    /// The address of two words. The first byte is not zero once the library is closed; at [`GUARD_HELPER`] there is
    /// the address of the host's `fn(context, options)` for a call after that. The options are null where V8 passes
    /// none.
    Guard,
    /// The address of the host's `fn(context, index, value, options)` for an argument out of range: the argument,
    /// counted from 0, and its 32 bits, extended by the sign of its type.
    Range,
    /// The address of the slow twin of a `boxed` stub: a C function of the same type, for what the stub cannot do.
    Slow,
    /// An address of the list that a host gives for a `boxed` stub.
    Host(HostAddress),
}

impl HoleKind {
    /// Every kind, in order; the first address for all of a host's list.
    pub const ALL: [HoleKind; 7] = [
        HoleKind::Target,
        HoleKind::Context,
        HoleKind::Helper,
        HoleKind::Guard,
        HoleKind::Range,
        HoleKind::Slow,
        HoleKind::Host(HostAddress(0)),
    ];

    /// Its place among [all](HoleKind::ALL). The addresses of a host's list share one.
    pub const fn number(self) -> usize {
        match self {
            HoleKind::Target => 0,
            HoleKind::Context => 1,
            HoleKind::Helper => 2,
            HoleKind::Guard => 3,
            HoleKind::Range => 4,
            HoleKind::Slow => 5,
            HoleKind::Host(_) => 6,
        }
    }
}
