//! Plans to machine code, through Cranelift.
//!
//! One entry function, [`Compiler::emit`]: a [`Plan`](springboard_abi::Plan) goes in, a [`Template`] comes out.
//! The emitter sees no signature and no C type, maps no memory and has no unsafe code. Code for any target can be
//! emitted on any host, with the feature `all-targets`.
#![forbid(unsafe_code)]

mod compiler;
mod template;

pub use compiler::{Compiler, EmitError};
pub use template::{Hole, HoleKind, Template};
