//! What all systems of Unix's family have alike.

#[cfg(feature = "announce")]
mod debugger;
pub mod fork;
mod number;
pub(super) mod private_pages;
pub(crate) mod protection;
pub(crate) mod unwind;
