//! Callbacks: native code calls the host.
//!
//! ```text
//! native code ─► stub ─► dispatch ─► gate ─┬─ owner thread, or inline ─► handler
//!                (its cell's address)      └─ other threads ─► policy
//! ```
//!
//! From the ground:
//!
//! * `sync` is what the protocols are made of, so that loom can take its place: `gate` (closing), `queue` (records that
//!   wait), `request` (a caller that waits for an answer). `parker` is where a thread waits.
//! * `report` tells of what nobody is there to be told, `erased` is a handler without its type, `counters` count, and
//!   `copy` copies what a call borrows.
//! * `owner` is what other threads know of the thread that a callback belongs to; `wait` is how one waits for it.
//! * `pool` keeps cells with their stubs ready, which are made from a `source`. A `cell` is one callback, with the
//!   terms of its type.
//! * `dispatch` is what stubs call, and `handler` the closures and functions that it runs; `refusing` runs in their place
//!   after the end. `pools` are all pools.
//! * `record` is a call on its way. It waits in an `inbox`, which is what other threads see of a `mailbox`; a `policy`
//!   sends it there, and may wait.
//! * `later` answers a call after its handler has returned. `ending` says what becomes of a thread's callbacks when it ends.
//! * `prepared` is a signature made ready, `handle` one callback, `callback_type` a type of callbacks, and `owner_type` one
//!   whose callbacks belong to a thread, with the policy that it has.
//!
//! Keys of threads and pending errors lie below, in `crate::thread`.

mod callback_type;
mod copy;
mod counters;
mod dispatch;
mod ending;
mod erased;
mod error;
mod gate;
mod handle;
mod handler;
mod inbox;
mod later;
mod mailbox;
mod owner;
mod owner_type;
mod parker;
mod policy;
mod pool;
mod pools;
mod prepared;
mod queue;
mod record;
mod refusing;
mod report;
mod request;
mod sync;
mod wait;

pub use callback_type::CallbackType;
pub use copy::{CopyError, CopyIn};
pub use counters::Counts;
pub use ending::{Heir, close_at_thread_exit};
pub use error::{CreateError, DrainError};
pub use gate::AfterClose;
pub use handle::Callback;
pub use handler::{Handler, HandlerResult, RawHandler, raise};
pub use later::Later;
pub use mailbox::{Abandoned, Mailbox};
pub use owner::leaked_handlers;
pub use owner_type::OwnerCallbackType;
pub use queue::Full;
pub use report::{Report, set_reporter};
pub use wait::Busy;

pub use crate::system::event::BorrowedEvent;
pub use crate::thread::{NativeScope, is_pending, pending_address, take_pending};
