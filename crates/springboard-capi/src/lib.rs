//! springboard for C.
//!
//! The documentation of each function is in `include/springboard.h`, which is written by hand and compared with this
//! crate by its tests. There is no logic here: arguments are checked, handles looked up, errors kept for their thread.
//!
//! * `boundary` is what every function runs in: no panic leaves it, and an error becomes a code and a message.
//! * `handle` is the table of what C holds; `text`, `array` and `structure` are how these come in and go out; `system` is
//!   what differs by system.
//! * `close` has the functions that close handles; the other modules are the parts of the header, in its order.

mod array;
mod boundary;
mod constants;
mod handle;
mod row;
mod structure;
mod system;
mod text;

pub mod background;
pub mod bun;
pub mod callback;
pub mod callback_type;
pub mod close;
pub mod engine;
pub mod error;
pub mod function;
pub mod later;
pub mod library;
pub mod mailbox;
pub mod signature;
pub mod thread;
pub mod v8;
pub mod version;

pub use array::{Array, Room};
pub use constants::ALL as CONSTANTS;
pub use handle::{
    BackgroundHandle, CallbackHandle, CallbackTypeHandle, DeclarationsHandle, EngineHandle, FunctionHandle,
    LibraryHandle, MailboxHandle, PendingHandle, SignatureHandle, V8FunctionHandle, V8LibraryHandle,
};
pub use structure::{Given, Growing, Told};
pub use text::Text;
