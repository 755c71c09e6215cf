//! Linux, with any C library. What some of them lack is looked for when the program runs.

pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod names;
pub(crate) mod symbols;
pub(crate) mod threads;
