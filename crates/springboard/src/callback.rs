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
//! * `mailbox` is where calls wait for their owner, each a `record` in a `queue`, with `copy`s of what it borrows;
//!   callers that wait for an answer have a `request`, and `wait` as `parker` lets them.
//! * `report` tells of what nobody is there to be told; `counters` count.
//! * `sync` is what the protocols are made of, so that loom can take its place.

mod cell;
mod copy;
mod counters;
mod dispatch;
mod error;
mod gate;
mod handle;
mod handler;
mod kind;
mod mailbox;
mod owner;
mod parker;
mod policy;
mod pool;
mod pools;
mod queue;
mod record;
mod report;
mod request;
mod sync;
mod thread;
mod wait;

pub use copy::{CopyError, CopyIn};
pub use counters::Counts;
pub use error::{CallbackError, CreateError, DrainError};
pub use gate::AfterClose;
pub use handle::Callback;
pub use handler::{Handler, HandlerResult, RawHandler, raise};
pub use kind::{CallbackType, OwnerCallbackType};
pub use mailbox::{Abandoned, Mailbox};
pub use queue::Full;
pub use report::{Report, set_reporter};
pub use thread::{NativeScope, is_pending, pending_address, take_pending};
pub use wait::Busy;
