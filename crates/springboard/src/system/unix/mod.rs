//! What all systems of Unix's family have alike.

pub(crate) mod fallback;
pub(crate) mod loading;
