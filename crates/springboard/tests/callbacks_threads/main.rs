//! Callbacks called from threads that C made, through stubs and through libffi.

#[path = "../support/mod.rs"]
mod support;

mod jobs;
mod later;
mod lifetimes;
mod mailboxes;
mod waits;
