//! Whether the CPU checks where branches land and returns go.

use springboard_emit::{LandingPads, Protection, ReturnAddresses};

/// How stubs must be protected. Windows has shadow stacks, which want nothing of code but that calls and returns are in
/// pairs, and no indirect branch tracking. (Control flow guard is the caller's check, and takes every address of pages
/// that were made executable without `PAGE_TARGETS_INVALID`.)
pub fn protection() -> Protection {
    Protection { landing_pads: LandingPads::Omit, return_addresses: ReturnAddresses::Plain }
}
