//! Code memory: where stubs live.
//!
//! Write XOR execute, always. No page is ever writable and executable through one mapping, and what executes was
//! never writable at the address at which it executes. The phase is in the type: [`CodeMemory::writable`] hands
//! out a [`Writable`], and [`Writable::publish`], the only way to an [`Executable`], takes the right to write away
//! and synchronises every CPU's view of its instructions.
//!
//! Not responsible for: what the bytes are, and who may call them.

mod capability;
mod error;
mod mapping;
mod memory;
mod segment;
mod sync;

pub use capability::{Capability, capability};
pub use error::{CodeError, Step};
pub(crate) use memory::CodeMemory;
pub(crate) use segment::Executable;

/// The address of a native function or a stub, with its type erased. Never called as what it seems to be.
///
/// A function pointer and not a data pointer, because it is never null and may be shared between threads.
pub(crate) type CodePointer = unsafe extern "C" fn();

/// How pages become executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strategy {
    /// A file in memory, mapped twice: executable for good, and writable while a stub is written.
    Shared,
    /// Private pages, written once and then made executable for good. Each publication takes pages of its own.
    Sealed,
}
