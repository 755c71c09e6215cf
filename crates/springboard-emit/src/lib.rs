//! Plans to machine code, through Cranelift.
//!
//! One entry function, [`Compiler::emit`]: a [`Plan`](springboard_abi::Plan) goes in, a [`Template`] comes out.
//! The emitter sees no signature and no C type, maps no memory and has no unsafe code. Code for any target can be
//! emitted on any host, with the feature `all-targets`.
//!
//! How a plan becomes code:
//!
//! 1. `words` groups the moves of a plan into the words that registers and stack hold.
//! 2. `native` says the native call in Cranelift's terms: a Cranelift signature whose arguments land exactly where
//!    the plan wants them. The tricks that this takes have their names and their one place there. `outgoing` is the
//!    stack area of the call, which the stub fills itself.
//! 3. `downcall` and `upcall` build the function: loads, call, stores, with the instructions of `body` and `memory`.
//!    `columns` builds those that call once per row, `boxed` those that are functions of a host. `last_error` reads what
//!    is delivered beside a result.
//! 4. `isa` has what holds for one CPU alone: instructions that no Cranelift signature can ask for, and passes over the
//!    finished machine code, each of which is accepted only after reading it.
//! 5. `compiler` drives this and takes the code out as a [`Template`].
#![forbid(unsafe_code)]

mod body;
mod boxed;
mod closure;
mod columns;
mod compiler;
mod downcall;
mod entered;
mod error;
mod isa;
mod last_error;
mod listing;
mod memory;
mod native;
#[cfg(feature = "object")]
mod object;
mod outgoing;
mod prelude;
mod protection;
mod symbol;
mod template;
mod unwind;
mod upcall;
mod words;

pub use compiler::Compiler;
pub use error::{EmitError, Malformed};
#[cfg(feature = "object")]
pub use object::object;
pub use springboard_abi::{GUARD_HELPER, Hole, HoleKind, LandingPads, Protection, ReturnAddresses};
pub use template::Template;
pub use unwind::{UNWIND_INFO, eh_frame};
