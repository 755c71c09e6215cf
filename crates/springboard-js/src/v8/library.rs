//! A native library as V8 uses it: with a flag that says whether it is closed.

use std::{
    ffi::c_void,
    fmt, mem, ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use springboard::abi::{Guard, Narrow, Options, Profile};
use springboard::emit::GUARD_HELPER;

use super::{bind, description::Int64, error::BindError, function::Function};
use springboard::{Declaration, Engine, Library as Native};

/// What the host does when a closed library is called: `fn(context, options)`. It throws, or asks for the slow twin
/// through the options, which are null where V8 passes none. The stub returns zero then.
pub type ClosedHelper = unsafe extern "C" fn(context: *mut c_void, options: *mut c_void);

/// What the host does about an integer that does not fit its parameter: `fn(context, index, value, options)`, with
/// the parameter counted from 0 and the value as V8 passed it. The stub returns zero then.
pub type RangeHelper =
    unsafe extern "C" fn(context: *mut c_void, index: u64, value: i64, options: *mut c_void);

/// What the host makes of a value that is to be a buffer: `fn(value, options, index)` returns the address of its
/// memory, or all ones once it has thrown or asked for the slow twin, and the stub returns zero. It runs no
/// JavaScript: that could take away the memory of another buffer of the same call.
pub type BufferHelper = unsafe extern "C" fn(value: *const c_void, options: *mut c_void, index: u32) -> usize;

/// The host's functions that stubs call. What a function needs and is not given is an error when it is bound.
#[derive(Clone, Copy, Default, Debug)]
pub struct Host {
    /// For [`Guard::Closed`].
    pub closed: Option<ClosedHelper>,
    /// For [`Narrow::Check`].
    pub range: Option<RangeHelper>,
    /// For parameters that are buffers.
    pub buffer: Option<BufferHelper>,
}

/// How V8 is to call a function.
#[derive(Clone, Debug)]
pub struct Settings {
    /// By whose rules it gets a fast call.
    pub profile: Profile,
    /// Which parameters JavaScript passes as buffers, counted from 0.
    pub buffers: Vec<u16>,
    /// Whether a call after [`Library::close`] is caught.
    pub guard: Guard,
    /// Whether integers narrower than 32 bits are checked.
    pub narrow: Narrow,
    /// Whether V8 passes its options.
    pub options: Options,
    /// What 64-bit integers are; where this is nothing, bigints.
    pub int64: Option<Int64>,
    /// The first argument of the helpers: the host's own, never looked into.
    pub context: *mut c_void,
}

impl Default for Settings {
    /// All there is a plan for, without buffers, closed libraries caught and integers checked.
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

/// A native library for V8, open or closed.
///
/// A handle: clones share the library, and so does every [`Function`] of it. It stays loaded until
/// [`Library::close`], or the last of them is dropped.
#[derive(Clone)]
pub struct Library {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) host: Host,
    guard: GuardWords,
    native: Mutex<Option<Native>>,
}

/// What the guards of stubs read.
#[repr(C)]
struct GuardWords {
    /// Not zero once the library is closed.
    closed: AtomicU8,
    /// Who is told of calls after that.
    helper: Option<ClosedHelper>,
}

const _: () = assert!(mem::offset_of!(GuardWords, closed) == 0);
const _: () = assert!(mem::offset_of!(GuardWords, helper) == GUARD_HELPER);

impl Library {
    /// `native`, with `host`'s answers to calls that cannot be made.
    pub fn new(engine: &Engine, native: &Native, host: Host) -> Library {
        let native = Mutex::new(Some(native.clone()));
        let guard = GuardWords { closed: AtomicU8::new(0), helper: host.closed };
        let shared = Shared { engine: engine.clone(), host, guard, native };
        Library { shared: Arc::new(shared) }
    }

    /// Binds the function that `declaration` names.
    ///
    /// That it gets no fast call is no error: [`Function::fast`] says why.
    ///
    /// # Errors
    /// As [`Engine::function`](springboard::Engine::function); a closed library; a helper that is needed and was not given;
    /// a buffer that is no pointer.
    pub fn function(
        &self,
        declaration: impl Declaration,
        settings: &Settings,
    ) -> Result<Function, BindError> {
        self.functions([(declaration, settings)]).remove(0)
    }

    /// Binds many functions, each with settings of its own: every distinct shape is compiled once, and all stubs are
    /// written in one go. One result a declaration, in order.
    ///
    /// # Errors
    /// Each result's own, as [`Library::function`].
    pub fn functions<'s, D: Declaration>(
        &self,
        declarations: impl IntoIterator<Item = (D, &'s Settings)>,
    ) -> Vec<Result<Function, BindError>> {
        let native = self.shared.native.lock().unwrap_or_else(PoisonError::into_inner);
        bind::bind(&self.shared, native.as_ref(), declarations)
    }

    /// Closes the library: guarded functions of it can be called no more, and say so. It is unloaded unless other
    /// handles to the same native library, or functions without a guard, keep it. Closing again does nothing.
    ///
    /// # Safety
    /// No thread is in a function of the library, and none that begins a call while this runs can have read the flag
    /// before: other isolates that share it have been stopped or told.
    pub unsafe fn close(&self) {
        self.shared.guard.closed.store(1, Ordering::SeqCst);
        let native = self.shared.native.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(native);
    }

    /// Whether the library has been closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

impl Shared {
    pub(super) fn is_closed(&self) -> bool {
        self.guard.closed.load(Ordering::SeqCst) != 0
    }

    /// The address of what guards read, good for as long as this is.
    pub(super) fn guard(&self) -> *const c_void {
        (&raw const self.guard).cast()
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
