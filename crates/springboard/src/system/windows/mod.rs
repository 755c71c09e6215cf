//! Windows, on x86_64.

pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod fallback;
pub(crate) mod loading;
pub(crate) mod threads;
