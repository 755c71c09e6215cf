//! Whether the CPU checks where branches land and returns go.

use rustix::mm::ProtFlags;
use springboard_emit::{LandingPads, Protection, ReturnAddresses};

/// How stubs must be protected. Programs for `arm64` run without pointer authentication (that is `arm64e`), and pages
/// without branch targets; FreeBSD turns on neither for x86_64.
pub fn protection() -> Protection {
    Protection { landing_pads: LandingPads::Omit, return_addresses: ReturnAddresses::Plain }
}

/// What pages that execute allow.
pub(in crate::system) fn executable() -> ProtFlags {
    ProtFlags::READ | ProtFlags::EXEC
}
