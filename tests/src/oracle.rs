//! The oracle: the same call through a stub, through libffi and through compiled C, and every byte compared.
//!
//! 1. [`Suite`] draws a signature for each case number, from a seed. Any case can be drawn again alone.
//! 2. [`c`] writes a C file for a batch of cases: for each a callee, which records every argument it sees and
//!    returns what it is told to, and a caller.
//! 3. [`batch`] loads the compiled file and makes every call by every path: the C caller; the emitted stub, entered
//!    through a canary that watches callee-saved registers, and that of a call over columns; the runtime's function; its libffi
//!    fallback.
//!    Arguments and results lie against pages that cannot be touched. The C caller also calls callbacks, whose
//!    handler records as the callee does: the emitted stub, and a closure of libffi.
//! 4. [`drive`] does this for many batches, each in a process of its own, so that a crash is one mismatch and not
//!    the end; and shrinks what failed.
//!
//! Drawing and compiling happen on the host, calling on the target, under an emulator if need be: what travels
//! between the two is the seed.

mod advisories;
mod aggregate;
pub mod batch;
pub mod c;
mod call;
mod canary;
mod compare;
pub mod compile;
mod crash;
pub mod drive;
mod event;
mod matrix;
mod memory;
mod palette;
mod quirk;
mod record;
mod row;
mod shrink;
mod signature;
mod stub;
mod suite;
mod system;
mod upcall;
mod value;

pub use crash::report_crashes;
pub use event::{Event, Path};
pub use suite::{Case, Source, Suite};
