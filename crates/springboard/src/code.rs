//! Code memory: where stubs live.
//!
//! Write XOR execute, always. No page is ever writable and executable through one mapping, and what executes was
//! never writable at the address at which it executes. [`CodeMemory::publish`] is the only way to a [`Stub`]: it
//! copies templates, fills their holes, takes the right to write away and synchronises every CPU's view of the
//! instructions.
//!
//! Not responsible for: what the bytes are, and who may call them.

mod capability;
mod class;
mod error;
mod mapping;
mod memory;
mod protection;
mod quarantine;
mod segment;
mod space;
mod stamp;
mod stub;
mod sync;
mod system;
mod trap;
mod unwind;

pub use capability::{Capability, capability};
pub(crate) use error::NoRoom;
pub use error::{CodeError, Step};
pub(crate) use mapping::Site;
pub(crate) use memory::CodeMemory;
pub(crate) use protection::protection;
pub(crate) use stamp::{Holes, Name, Stamp};
pub(crate) use stub::Stub;
#[cfg(test)]
pub(crate) use system::faults;

/// The address of a native function or a stub, with its type erased. Never called as what it seems to be.
///
/// A function pointer and not a data pointer, because it is never null and may be shared between threads.
pub(crate) type CodePointer = unsafe extern "C" fn();

/// How pages become executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strategy {
    /// A file in memory, mapped twice: executable for good, and for writing.
    Shared(CodeWrites),
    /// Private pages, written once and then made executable for good. Each publication takes pages of its own.
    Sealed,
}

/// How long the second mapping of code memory, which never executes, stays writable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum CodeWrites {
    /// While stubs are written, and only the pages that they are in.
    #[default]
    Strict,
    /// For good: a stub costs no system call, and whoever can write anywhere in the process can change code.
    Fast,
}
