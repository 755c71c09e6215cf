//! What all functions of a library share: the native library, its closed flag, and the host's helpers.

use std::{
    ffi::c_void,
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use springboard::{
    Engine, Library as Native,
    abi::{Guard, Narrow},
    emit::GUARD_HELPER,
};

use super::{
    error::Helper,
    reading::{ThrowHelper, ValueHelper},
    settings::Settings,
};

/// What the host does when a function of a closed library is called: `fn(context, options)`, on the thread that calls.
/// It throws, or asks for the slow twin through the options, which are null where V8 passes none. Then the stub returns
/// zero.
pub type ClosedHelper = unsafe extern "C" fn(context: *mut c_void, options: *mut c_void);

/// What the host does about an integer that does not fit its parameter: `fn(context, index, value, options)`, with
/// the parameter counted from 0 and the 32 bits that V8 passed, extended by the sign of the parameter's type; with
/// [`Narrow::Exact`], the bits of the `double`. The rest as [`ClosedHelper`].
pub type RangeHelper =
    unsafe extern "C" fn(context: *mut c_void, index: u64, value: i64, options: *mut c_void);

/// What the host makes of a value that should be a buffer: `fn(value, options, index)` returns the address of its
/// memory; or, when it has thrown or asked for the slow twin, all ones, and the stub returns zero. It runs no JavaScript,
/// which could take away the memory of another buffer of the same call.
pub type BufferHelper = unsafe extern "C" fn(value: *const c_void, options: *mut c_void, index: u32) -> usize;

/// The host's functions that stubs call. Binding a function that needs one which is not given is an error.
#[derive(Clone, Copy, Default, Debug)]
pub struct Host {
    /// For [`Guard::Closed`].
    pub closed: Option<ClosedHelper>,
    /// For [`Narrow::Check`] and [`Narrow::Exact`].
    pub range: Option<RangeHelper>,
    /// For parameters that are buffers.
    pub buffer: Option<BufferHelper>,
    /// For functions with the conversions of `node:ffi`: [`Library::node_function`](super::Library::node_function).
    pub throw: Option<ThrowHelper>,
    /// For the same.
    pub value: Option<ValueHelper>,
}

impl Host {
    /// The first helper that a function with these settings needs and that is not given.
    pub(super) fn missing(&self, settings: &Settings) -> Option<Helper> {
        let needed = [
            (settings.guard == Guard::Closed && self.closed.is_none(), Helper::Closed),
            (settings.narrow != Narrow::Trust && self.range.is_none(), Helper::Range),
            (!settings.buffers.is_empty() && self.buffer.is_none(), Helper::Buffer),
        ];
        needed.into_iter().find(|(missing, _)| *missing).map(|(_, helper)| helper)
    }
}

/// A native library with its host's helpers. Stubs know its address.
pub(super) struct Hosted {
    pub(super) engine: Engine,
    pub(super) host: Host,
    guard: GuardWords,
    /// The same for functions with the conversions of `node:ffi`.
    node_guard: GuardWords,
    native: Mutex<Option<Native>>,
}

/// What the guards of stubs read.
#[repr(C)]
struct GuardWords {
    /// Not zero once the library is closed.
    closed: AtomicU8,
    /// Called instead of the function then.
    helper: Option<ClosedHelper>,
}

const _: () = assert!(mem::offset_of!(GuardWords, closed) == 0);
const _: () = assert!(mem::offset_of!(GuardWords, helper) == GUARD_HELPER);

impl Hosted {
    /// `node_closed` is what functions with the conversions of `node:ffi` call once the library is closed.
    pub(super) fn new(engine: &Engine, native: &Native, host: Host, node_closed: ClosedHelper) -> Hosted {
        let guard = |helper| GuardWords { closed: AtomicU8::new(0), helper };
        let (guard, node_guard) = (guard(host.closed), guard(Some(node_closed)));
        Hosted { engine: engine.clone(), host, guard, node_guard, native: Mutex::new(Some(native.clone())) }
    }

    /// The native library, until it is closed; not closed while this is held.
    pub(super) fn native(&self) -> MutexGuard<'_, Option<Native>> {
        self.native.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the flag, then lets go of the native library.
    pub(super) fn close(&self) {
        self.guard.closed.store(1, Ordering::SeqCst);
        self.node_guard.closed.store(1, Ordering::SeqCst);
        let native = self.native().take();
        drop(native);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.guard.closed.load(Ordering::SeqCst) != 0
    }

    /// The address of what guards read, valid as long as this is.
    pub(super) fn guard(&self) -> *const c_void {
        (&raw const self.guard).cast()
    }

    /// The same for functions with the conversions of `node:ffi`, whose context is their own.
    pub(super) fn node_guard(&self) -> *const c_void {
        (&raw const self.node_guard).cast()
    }
}
