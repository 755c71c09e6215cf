//! A trampoline compiler for FFI.
//!
//! A host describes a C signature while it runs, and gets machine code that calls functions of that type at nearly
//! the cost of a plain C call. What cannot be compiled on this machine goes through libffi, gives the same answers,
//! and says why.
//!
//! * An [`Engine`] compiles signatures and keeps what it compiled. A [`Library`] is a loaded native library. A
//!   [`Function`] is one symbol of it with its C type.
//! * [`Function::call`] takes [`Value`]s and checks them. [`Function::slots`] is for interpreters: checked once,
//!   then one indirect call with an array of 8-byte words. [`Function::typed`] is for callers that know the type
//!   when they are compiled: checked once, then a plain function pointer.
//! * [`Function::path`] and [`Engine::stats`] tell what happened.

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64", target_arch = "s390x")
)))]
compile_error!("springboard runs on Linux, on x86_64, aarch64, riscv64 and s390x");

mod address;
mod bind_error;
mod cache;
mod callback;
mod declaration;
mod engine;
mod fallback;
mod function;
mod last_error;
mod library;
mod pack;
mod reason;
mod stats;
mod thread;
mod typed;
mod value;
mod word;

pub use bind_error::BindError;
pub use callback::{
    Abandoned, AfterClose, Busy, Callback, CallbackType, CopyError, CopyIn, Counts, CreateError, DrainError,
    Full, Handler, HandlerResult, Mailbox, OwnerCallbackType, RawHandler, Report, raise, set_reporter,
};
pub use declaration::{Declaration, Position};
pub use engine::{Compile, Engine, EngineBuilder, Jit, Pack, Stubs, stamp};
pub use fallback::{Unsupported, UnsupportedType};
pub use function::{
    BoundPointer, CallError, Function, Indirect, IndirectSlots, PointerError, ResultMismatch, Slots,
    SlotsPointer, Typed, UntypedSlots,
};
pub use last_error::LastError;
pub use library::{Flags, Library, LibraryError, SymbolError};
pub use reason::{Path, Reason};
pub use springboard_abi as abi;
pub use springboard_code::{Announce, Capability, CodeError, Step, capability};
pub use springboard_emit as emit;
pub use springboard_ir as ir;
pub use stats::{Fallbacks, Stats};
pub use thread::{CallbackError, NativeScope, is_pending, pending_address, take_pending};
pub use typed::{CResult, FunctionPointer, TypeMismatch, Variadic};
pub use value::{ArgumentError, Bytes, Value};
pub use word::{CType, SlotResult, Word};

/// The examples of the README, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The examples of the guide to callbacks, likewise.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/callbacks.md")]
struct Callbacks;
