//! Callbacks: native code calls the host.
//!
//! ```text
//! native code ─► stub ─► dispatch ─► gate ─┬─ owner thread, or inline ─► handler
//!                (its cell's address)      └─ other threads ─► policy
//! ```
//!
//! * `kind` has the types of callbacks, `handle` one callback's, `handler` what runs.
//! * `gate` is the close protocol, `cell` one callback's data behind it, `pool` and `pools` keep cells with their
//!   stubs ready.
//! * `dispatch` is what stubs call; `policy` what becomes of calls from other threads; `owner` what these know of the
//!   thread that a callback belongs to; `thread` what a thread knows of itself.
//! * `sync` is what the protocols are made of, so that loom can take its place.

mod cell;
mod counters;
mod dispatch;
mod error;
mod gate;
mod handle;
#[allow(dead_code)] // what mailboxes need; so below
mod handler;
#[allow(dead_code)]
mod kind;
#[allow(dead_code)]
mod owner;
#[allow(dead_code)]
mod parker;
mod policy;
mod pool;
mod pools;
mod report;
#[allow(dead_code)]
mod sync;
#[allow(dead_code)]
mod thread;

pub use counters::Counts;
pub use error::{CallbackError, CreateError};
pub use gate::AfterClose;
pub use handle::Callback;
pub use handler::{Handler, HandlerResult, RawHandler, raise};
pub use kind::{CallbackType, OwnerCallbackType};
pub use report::{Report, set_reporter};
pub use thread::{NativeScope, take_pending};
