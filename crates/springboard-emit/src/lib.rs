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
//!    the plan wants them. The tricks that this takes have their names and their one place there.
//! 3. `downcall` and `upcall` build the function: loads, call, stores, with the instructions of `body` and `memory`.
//! 4. `landing` adds the few instructions that no Cranelift signature can ask for.
//!    `columns` builds those that call once a row. `last_error` reads what is delivered beside a result.
//! 5. `count` puts `%al` before the call of a stub that is a straight line.
//! 6. `frame` takes away the frame of a stub that needs none, if a reading of the machine code agrees.
//! 7. `compiler` drives this and takes the code out as a [`Template`].
#![forbid(unsafe_code)]

mod body;
mod closure;
mod columns;
mod compiler;
mod count;
mod downcall;
mod entered;
mod frame;
mod guard;
mod landing;
mod last_error;
mod listing;
mod memory;
mod native;
#[cfg(feature = "object")]
mod object;
mod prelude;
mod protection;
mod riscv64;
mod symbol;
mod template;
mod unwind;
mod upcall;
mod words;

pub use compiler::{Compiler, EmitError};
#[cfg(feature = "object")]
pub use object::object;
pub use protection::{LandingPads, Protection, ReturnAddresses};
pub use template::{GUARD_HELPER, Hole, HoleKind, Template};
pub use unwind::eh_frame;
