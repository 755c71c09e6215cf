//! What all systems of Unix's family have alike.

pub mod fork;
mod number;
