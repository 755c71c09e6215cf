//! The way through libffi: for what has no plan, and where no code may be made.
//!
//! It is entered exactly as a stub is, with a target and slots, so a caller cannot tell the two apart.
//!
//! * `interface` is the call interface of a signature, built once; `call` are calls through it.
//! * `closure` is the other direction: what native code calls.
//! * `types` says C types in libffi's terms.
//! * `equivalent` finds a structure that libffi can express for a type that it cannot.

mod call;
mod closure;
mod equivalent;
mod interface;
mod types;

pub(crate) use closure::{Closures, Helper};
pub(crate) use interface::Interface;
pub use types::{Refusal, Unsupported, UnsupportedType};
