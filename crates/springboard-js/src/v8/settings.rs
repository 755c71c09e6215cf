//! How V8 is to call a function.

use std::{ffi::c_void, ptr};

use springboard::abi::{Guard, Narrow, Options, Profile};

use super::description::Int64;

/// How V8 is to call a function.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rules by which it gets a fast call.
    pub profile: Profile,
    /// The parameters that JavaScript passes as buffers, counted from 0.
    pub buffers: Vec<u16>,
    /// Whether a call after [`Library::close`](super::Library::close) is caught.
    pub guard: Guard,
    /// Whether integers narrower than 32 bits are checked.
    pub narrow: Narrow,
    /// Whether V8 passes its options.
    pub options: Options,
    /// What 64-bit integers are in JavaScript. By default bigints where there is one or a pointer, as Node.js does.
    pub int64: Option<Int64>,
    /// The first argument of the helpers: the host's own. Only they use it.
    pub context: *mut c_void,
}

impl Default for Settings {
    /// Whatever there is a plan for, without buffers; calls of closed libraries are caught and integers checked.
    fn default() -> Settings {
        Settings {
            profile: Profile::Full,
            buffers: Vec::new(),
            guard: Guard::Closed,
            narrow: Narrow::Check,
            options: Options::ForBuffers,
            int64: None,
            context: ptr::null_mut(),
        }
    }
}
