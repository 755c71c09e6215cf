//! macOS and FreeBSD. Written from documentation and compiled; **nothing of it has run**.

pub(crate) mod errors;
pub(crate) mod event;
pub(crate) mod names;
pub(crate) mod symbols;
pub(crate) mod threads;
