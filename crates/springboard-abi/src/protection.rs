//! What code does so that a CPU can tell where it may be entered, and where it may return to.

/// Whether stubs begin with the instruction at which a CPU with branch protection allows an indirect branch to land:
/// `endbr64` on x86_64, `bti c` on aarch64. Other architectures have none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
#[allow(missing_docs)]
pub enum LandingPads {
    #[default]
    Omit,
    Emit,
}

/// Whether a stub with a frame signs the return address in it, and returns only where the signature is right:
/// `paciasp` and `autiasp` on aarch64, which do nothing on CPUs without pointer authentication. `paciasp` is a landing
/// pad as well (Arm ARM, D8.4.2). Other architectures have nothing of the kind, or need nothing done for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
#[allow(missing_docs)]
pub enum ReturnAddresses {
    #[default]
    Plain,
    Signed,
}

/// How the stubs of a compiler are protected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Protection {
    /// Where they may be entered.
    pub landing_pads: LandingPads,
    /// Where they may return to. Whoever describes frames to unwinders has to know the same.
    pub return_addresses: ReturnAddresses,
}
