//! Code read back: what the emitter makes is what plans say, and what is changed in it is found.

mod accepted;
mod emitted;
mod engine;
mod refused;
