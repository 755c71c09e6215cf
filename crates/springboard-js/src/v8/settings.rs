//! How V8 is to call a function.

use std::{ffi::c_void, ptr};

use springboard::{
    abi::{Guard, Narrow, Options, Profile},
    ir::{Pointee, Signature, Type},
};

use super::description::{Effects, Int64};

/// How V8 is to call a function.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rules by which it gets a fast call.
    pub profile: Profile,
    /// The parameters that JavaScript passes as buffers, counted from 0.
    pub buffers: Vec<u16>,
    /// Whether a call after [`Library::close`](super::Library::close) is caught.
    pub guard: Guard,
    /// Whether the function may call JavaScript back.
    pub callbacks: Callbacks,
    /// Whether calls change anything that JavaScript can see.
    pub effects: Effects,
    /// Whether integers of at most 32 bits are checked, and how V8 passes them.
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
            callbacks: Callbacks::ByType,
            effects: Effects::Possible,
            narrow: Narrow::Check,
            options: Options::ForBuffers,
            int64: None,
            context: ptr::null_mut(),
        }
    }
}

/// Whether a function may call JavaScript back, directly or by whatever it calls, before it returns. One that may gets no
/// fast code, and its slow twin serves all calls.
///
/// V8 documents that fast calls may run JavaScript. But in 13.6 the garbage collector moves code under a running fast
/// call, whoever has made the function, and the process dies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Callbacks {
    /// If it takes the address of a function, as Node.js has it.
    #[default]
    ByType,
    /// It never does, whatever it takes.
    Never,
    /// It may: by an address that it was given as `void *`, or has kept from another call.
    Possible,
}

impl Callbacks {
    pub(super) fn are_possible(self, signature: &Signature) -> bool {
        let is_function = |ty: &Type| matches!(ty, Type::Pointer(to) if matches!(**to, Pointee::Function(_)));
        match self {
            Callbacks::ByType => signature.params().iter().any(|param| is_function(&param.ty)),
            Callbacks::Never => false,
            Callbacks::Possible => true,
        }
    }
}
