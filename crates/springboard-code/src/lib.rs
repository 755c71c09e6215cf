//! Code memory: where stubs live.
//!
//! Write XOR execute, always. No page is ever writable and executable through one mapping. [`CodeMemory::publish`] is the
//! only way to a [`Stub`]: it copies templates, fills their holes, and makes every CPU see the instructions.
//!
//! * [`capability`] tells whether this process can have executable memory at all.
//! * [`fork`] keeps the process from forking while code is made, and tells parent from child afterwards.
//! * [`Announce`] names the debuggers and profilers to tell of stubs.
//!
//! Not responsible for: what the bytes are, and who may call them.

mod announce;
mod beside;
mod capability;
mod class;
mod error;
mod faults;
mod mapping;
mod memory;
#[cfg(feature = "announce")]
mod published;
mod quarantine;
mod segment;
mod site;
mod space;
mod stamp;
mod strategy;
mod system;
#[cfg(feature = "testing")]
pub mod testing;
mod trap;

pub use announce::Announce;
pub use beside::{CodeBeside, synchronise_instructions};
pub use capability::{Capability, capability};
pub use error::{CodeError, NoRoom, Step};
pub use memory::{CodeMemory, CodePointer, Stub, Usage};
pub use site::Site;
pub use stamp::{Holes, Name, Stamp};
pub use strategy::Strategy;
pub use system::{fork, protection::protection};
