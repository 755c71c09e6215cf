//! How stubs are protected.

pub(crate) use springboard_abi::{LandingPads, Protection, ReturnAddresses};
