//! Fast calls from V8: native functions that optimised JavaScript calls directly, and their slow twins.
//!
//! A [`Library`] is a native library with what a host does when a call cannot be made: after the library was closed,
//! with an argument out of range, with a value that is not a buffer. A [`Function`] of it has code that V8 may call
//! (a stub and its [`Description`]), or the reason why not, and in either case a slow twin that takes any
//! values: [`Function::call_slow`].
//!
//! A function of [`Library::function`] converts as V8 does for fast calls, and one of [`Library::node_function`] as
//! `node:ffi` of Node.js does: what does not fit is refused.
//!
//! A [`Twin`] is the same for a function of the host's own, written in Rust: one conventional function and fast
//! [`Variant`]s of it with native types. A [`Registry`] holds all of them, and lists the addresses that a snapshot
//! has to know.
//!
//! Nothing here names a type of V8, so that it serves every version of it. A host makes `v8::CFunctionInfo`s of
//! descriptions; `tests/v8/shim.cc` shows how.

mod any;
mod bind;
mod called;
mod convert;
mod description;
mod error;
mod function;
mod hosted;
mod library;
mod native;
mod node;
mod reading;
mod registered;
mod registry;
mod settings;
#[cfg(feature = "v8-tracking")]
mod tracking;
mod twin;
mod types;

pub use springboard::abi::{Guard, Narrow, NodeRefusal, Options, Profile, Refusal};

#[cfg(feature = "v8-tracking")]
pub use self::tracking::{KeyTaken, Tracker, calls};
pub use self::{
    any::{Any, ErrorKind, Thrown},
    description::{Description, Effects, FastCode, Int64, Kind},
    error::{BindError, Helper, NoFast, RegisterError},
    function::Function,
    hosted::{BufferHelper, ClosedHelper, Host, RangeHelper},
    library::Library,
    native::{FastArgument, FastFunction, FastResult, HostOptions, OneByteString, Receiver, Value},
    node::{HostPointer, NodeDeclaration, NodeSettings, Wide},
    reading::{Reading, ThrowHelper, ValueHelper},
    registered::Registered,
    registry::Registry,
    settings::{Callbacks, Settings},
    twin::{Call, Slow, Twin, Variant},
    types::{NODE_TYPES, NodeType, SignatureError, node_signature},
};

/// Counts a call under a key: `v8_track!("maths.divide.ok")`. Nothing at all without the feature `v8-tracking` of
/// springboard; [`calls`] has the count.
#[cfg(feature = "v8-tracking")]
#[macro_export]
macro_rules! v8_track {
    ($key:literal) => {{
        static TRACKER: $crate::v8::Tracker = $crate::v8::Tracker::new($key);
        TRACKER.count();
    }};
}

/// Counts a call under a key: `v8_track!("maths.divide.ok")`. Nothing at all without the feature `v8-tracking` of
/// springboard, as now.
#[cfg(not(feature = "v8-tracking"))]
#[macro_export]
macro_rules! v8_track {
    ($key:literal) => {};
}
