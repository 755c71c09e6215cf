//! An isolate with one context, its functions, and scripts run in it.

use std::{
    ffi::{CStr, CString, c_void},
    ptr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use libloading::os::unix::Library;
use springboard_js::v8::{Description, FastCode, Function, HostOptions, Int64, Registered, Registry};

use crate::shim::{RawFast, RawRealm, Shim};

/// What scripts of the tests use.
pub(crate) const PRELUDE: &str = include_str!("prelude.js");

/// The shim, once it is loaded: for good.
static SHIM: OnceLock<Shim> = OnceLock::new();

/// Loads the shim at `path`.
pub(crate) fn load(path: &str) -> Result<(), String> {
    // SAFETY: the shim's initialisers are those of V8.
    let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
    let shim = Shim::of(&library).map_err(|error| error.to_string())?;
    std::mem::forget(library);
    SHIM.set(shim).map_err(|_| "the shim is loaded once".to_owned())
}

pub(crate) fn shim() -> &'static Shim {
    SHIM.get().expect("main has loaded the shim")
}

/// Whether fast calls throw by themselves, may run JavaScript, return 64-bit integers and take bigints and strings:
/// V8 since 12.6.
pub(crate) fn is_modern() -> bool {
    version() >= 12_006
}

/// 1000 times the major version, and the minor.
pub(crate) fn version() -> u32 {
    // SAFETY: it has no contract.
    unsafe { (shim().v8_version)() }
}

/// A realm. It stays on its thread.
pub(crate) struct Realm {
    raw: *mut RawRealm,
    /// V8 keeps addresses of what is in them.
    functions: Vec<Arc<Registered>>,
    /// What the realm has begun from.
    _snapshot: Option<(Vec<u8>, Vec<isize>)>,
}

/// The context of the twin whose fast variant was called with `options`.
pub(crate) fn context_of(options: HostOptions) -> *mut c_void {
    // SAFETY: the options are those of a running call.
    let data = unsafe { (shim().data)(options.0.as_ptr()) };
    // SAFETY: that is the data of all functions, which live as long as the realm.
    unsafe { Registered::of(data) }.context()
}

/// The address of the `v8::CFunctionInfo` of a description: always the same for the same one.
pub(crate) fn type_info(description: &Description) -> *const c_void {
    static INFOS: Mutex<Vec<(Description, usize)>> = Mutex::new(Vec::new());
    let mut infos = INFOS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, info)) = infos.iter().find(|(known, _)| known == description) {
        return ptr::with_exposed_provenance(*info);
    }
    let Description { result, arguments, options, int64 } = description;
    let kinds: Vec<u8> = arguments.iter().map(|kind| *kind as u8).collect();
    let (count, bigint) = (kinds.len() as u32, (*int64 == Int64::BigInt).into());
    // SAFETY: there are as many kinds, and they are copied.
    let info = unsafe { (shim().info)(kinds.as_ptr(), count, *result as u8, (*options).into(), bigint) };
    infos.push((description.clone(), info.expose_provenance()));
    info
}

/// The fast code of a function as the shim takes it.
pub(crate) fn fast_of(function: &Registered) -> Vec<RawFast> {
    let fast = |FastCode { address, description }| RawFast { address, info: type_info(description) };
    function.fast().into_iter().map(fast).collect()
}

/// Says how often the slow twin of a function has run.
#[derive(Clone, Copy)]
pub(crate) struct Handle(*const c_void);

impl Handle {
    pub(crate) fn of(function: &Arc<Registered>) -> Handle {
        Handle(function.data())
    }
}

impl Realm {
    pub(crate) fn new() -> Realm {
        // SAFETY: there is no snapshot; the realm stays on this thread, as a pointer in it sees to.
        let raw = unsafe { (shim().realm_new)(ptr::null(), 0, ptr::null()) };
        let realm = Realm { raw, functions: Vec::new(), _snapshot: None };
        realm.run(PRELUDE).expect("the prelude is JavaScript");
        realm
    }

    /// A realm that begins as a snapshot was, with functions at these references.
    pub(crate) fn from_snapshot(
        blob: Vec<u8>,
        references: Vec<isize>,
        functions: &[Arc<Registered>],
    ) -> Realm {
        let (start, length) = (blob.as_ptr().cast(), blob.len());
        // SAFETY: the realm keeps both; the references end with a zero.
        let raw = unsafe { (shim().realm_new)(start, length, references.as_ptr()) };
        Realm { raw, functions: functions.to_vec(), _snapshot: Some((blob, references)) }
    }

    /// The address by which the shim knows the realm.
    pub(crate) fn raw(&self) -> *mut RawRealm {
        self.raw
    }

    /// Defines a global function that calls a native one.
    pub(crate) fn define(&mut self, name: &str, function: &Function) -> Handle {
        let function = Registry::new().add_native(function);
        assert!(!function.fast().is_empty(), "{name} has no code");
        self.define_registered(name, &function)
    }

    /// Defines a global function.
    pub(crate) fn define_registered(&mut self, name: &str, function: &Arc<Registered>) -> Handle {
        let fast = fast_of(function);
        let name = CString::new(name).expect("names have no NUL");
        // SAFETY: the realm is this thread's, and keeps the function; what else there is is copied or lives for good.
        unsafe {
            (shim().define)(self.raw, name.as_ptr(), function.data(), fast.as_ptr(), fast.len() as u32);
        };
        self.functions.push(Arc::clone(function));
        Handle::of(function)
    }

    /// The same without keeping the function: `collected` is called with its data once JavaScript has lost it.
    pub(crate) fn define_weak(
        &self,
        name: &str,
        function: &Registered,
        data: *const c_void,
        collected: unsafe extern "C" fn(*const c_void),
    ) {
        let fast = fast_of(function);
        let name = CString::new(name).expect("names have no NUL");
        // SAFETY: the realm is this thread's; the function lives until `collected` is called.
        unsafe {
            let count = fast.len() as u32;
            (shim().define_weak)(self.raw, name.as_ptr(), data, fast.as_ptr(), count, collected);
        }
    }

    /// Collects all garbage.
    pub(crate) fn collect(&self) {
        // SAFETY: the realm is this thread's.
        unsafe { (shim().collect)(self.raw) };
    }

    /// What a debugger answers that evaluates an expression, which must have no effects.
    pub(crate) fn inspect(&self, expression: &str) -> String {
        let expression = CString::new(expression).expect("no NUL");
        // SAFETY: the realm is this thread's; the text is freed once, when it has been copied.
        unsafe {
            let raw = (shim().inspect)(self.raw, expression.as_ptr());
            let text = CStr::from_ptr(raw).to_string_lossy().into_owned();
            (shim().free)(raw);
            text
        }
    }

    /// How often a slow twin has run on this thread.
    pub(crate) fn slow_calls(&self, handle: Handle) -> u64 {
        // SAFETY: it has no contract.
        unsafe { (shim().slow_calls)(handle.0) }
    }

    /// Runs a script: its value as text, or the exception's.
    pub(crate) fn run(&self, source: &str) -> Result<String, String> {
        let source = CString::new(source).expect("scripts have no NUL");
        let mut threw = 0;
        // SAFETY: the realm is this thread's; the text is freed once, when it has been copied.
        let text = unsafe {
            let raw = (shim().run)(self.raw, source.as_ptr(), &mut threw);
            let text = CStr::from_ptr(raw).to_string_lossy().into_owned();
            (shim().free)(raw);
            text
        };
        if threw == 0 { Ok(text) } else { Err(text) }
    }

    /// How many handles there were when this thread's last fast call began that may make some.
    pub(crate) fn handles(&self) -> i32 {
        // SAFETY: it has no contract.
        unsafe { (shim().handles)() }
    }

    /// The text of a script's value.
    #[track_caller]
    pub(crate) fn eval(&self, source: &str) -> String {
        self.run(source).unwrap_or_else(|error| panic!("{error}\nin {source}"))
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        // SAFETY: it is this thread's, and nothing of it runs.
        unsafe { (shim().realm_free)(self.raw) };
    }
}
