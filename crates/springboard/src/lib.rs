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
//!
//! What the first hour needs is here; the rest is in modules by noun: [`function`], [`callback`], [`library`], [`code`],
//! [`fallback`], and [`stamp`] for hosts that enter stubs themselves.

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "s390x"
)))]
compile_error!("springboard runs on x86_64, aarch64, riscv64 and s390x");

/// Hands a macro the parameters of functions that are known by their Rust type: up to 12, by letters.
macro_rules! arities {
    ($macro:ident) => {
        $macro! {
            () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E G) (A B C D E G I) (A B C D E G I J)
            (A B C D E G I J K) (A B C D E G I J K L) (A B C D E G I J K L M) (A B C D E G I J K L M N)
        }
    };
}

mod address;
mod bind_error;
mod cache;
pub mod callback;
mod declaration;
pub mod engine;
pub mod fallback;
pub mod function;
mod last_error;
pub mod library;
mod pack;
mod reason;
mod stats;
mod symbol_kind;
mod system;
mod thread;
mod typed;
mod value;
mod word;

pub use bind_error::BindError;
pub use callback::{Callback, CallbackType, Mailbox};
pub use declaration::Declaration;
#[cfg(feature = "verify")]
pub use engine::Verify;
pub use engine::{Compile, Engine, EngineBuilder, Jit, Pack, Stubs, stamp};
pub use function::{CallError, Function, Slots};
pub use last_error::LastError;
pub use library::Library;
pub use reason::{Path, Reason};
pub use springboard_abi as abi;
pub use springboard_emit as emit;
pub use springboard_ir as ir;
pub use stats::Stats;
pub use thread::CallbackError;
pub use value::{ArgumentError, Bytes, Value};
pub use word::{CType, SlotResult, Word};

/// Memory for code: whether this process can have it, how it is written, and who is told of stubs.
pub mod code {
    pub use springboard_code::{Announce, Capability, CodeError, Step, capability};
}

/// The examples of the README, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The example of the guide for hosts, likewise.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/hosts.md")]
struct Hosts;

/// The examples of the guide to callbacks, likewise.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/callbacks.md")]
struct Callbacks;
