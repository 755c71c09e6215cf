//! An isolate with one context, its functions, and scripts run in it.

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_void},
    ptr, slice,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use libloading::os::unix::Library;
use springboard_js::v8::{
    Any, Description, FastCode, Function, HostOptions, Int64, Registered, Registry, Thrown,
};

use crate::shim::{RawAny, RawFast, RawRealm, Shim};

/// What scripts of the tests use.
pub(crate) const PRELUDE: &str = include_str!("prelude.js");

/// The shim, once it is loaded: for good.
static SHIM: OnceLock<Shim> = OnceLock::new();

/// Loads the shim at `path`.
pub(crate) fn load(path: &str) -> Result<(), String> {
    // SAFETY: the shim's initialisers are those of V8.
    let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
    let shim = Shim::of(&library).map_err(|error| error.to_string())?;
    // SAFETY: functions are defined with the data that it expects.
    unsafe { (shim.serve)(slow) };
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

thread_local! {
    /// How often the slow twin of each function has run on this thread, by the function's data.
    static SLOW_CALLS: RefCell<HashMap<*const c_void, u64>> = RefCell::default();
    /// The last message or text that V8 was given.
    static TEXT: RefCell<CString> = RefCell::default();
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

    /// How often a slow twin has run on this thread.
    pub(crate) fn slow_calls(&self, handle: Handle) -> u64 {
        SLOW_CALLS.with_borrow(|calls| calls.get(&handle.0).copied().unwrap_or(0))
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

/// The conventional function, as far as it is the same for all.
unsafe extern "C" fn slow(data: *mut c_void, arguments: *const RawAny, count: u32, result: *mut RawAny) {
    SLOW_CALLS.with_borrow_mut(|calls| *calls.entry(data.cast_const()).or_default() += 1);
    // SAFETY: the shim passes on the data that it was given with the function, which lives as long as its realm.
    let function = unsafe { Registered::of(data) };
    let arguments: Vec<Any<'_>> = if count == 0 {
        Vec::new()
    } else {
        // SAFETY: the shim passes that many, and they outlive the call.
        unsafe { slice::from_raw_parts(arguments, count as usize) }.iter().map(any).collect()
    };
    // SAFETY: the scripts of the tests pass what the fixture's functions take.
    let outcome = unsafe { function.call_slow(&arguments) };
    let raw = TEXT.with_borrow_mut(|text| raw(outcome, text));
    // SAFETY: the shim gives memory for the result.
    unsafe { result.write(raw) };
}

pub(crate) fn any(raw: &RawAny) -> Any<'_> {
    match raw.tag {
        0 => Any::Undefined,
        1 => Any::Null,
        2 => Any::Bool(raw.sign != 0),
        3 => Any::Number(raw.number),
        4 => {
            let magnitude = u128::from(raw.words[1]) << 64 | u128::from(raw.words[0]);
            let value = magnitude.cast_signed();
            Any::BigInt(if raw.sign == 0 { value } else { value.wrapping_neg() })
        }
        5 => Any::Bytes(raw.data.cast_mut(), raw.length),
        9 => Any::SharedBytes(raw.data.cast_mut(), raw.length),
        // Of a text of which only the length is known, nothing.
        6 if raw.data.is_null() => Any::Text("".into()),
        6 => {
            // SAFETY: the shim keeps the text during the call.
            let bytes = unsafe { slice::from_raw_parts(raw.data, raw.length) };
            Any::Text(String::from_utf8_lossy(bytes))
        }
        _ => Any::Other,
    }
}

impl RawAny {
    /// `undefined`.
    pub(crate) fn new() -> RawAny {
        RawAny {
            tag: 0,
            sign: 0,
            number: 0.0,
            words: [0; 2],
            data: ptr::null(),
            length: 0,
            code: ptr::null(),
        }
    }
}

/// A code of an error, for as long as the process lives: there are few.
fn code_of(code: &'static str) -> *const c_char {
    static CODES: Mutex<Vec<(&str, CString)>> = Mutex::new(Vec::new());
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, text)) = codes.iter().find(|(known, _)| *known == code) {
        return text.as_ptr();
    }
    let text = CString::new(code).expect("codes have no NUL");
    let start = text.as_ptr();
    codes.push((code, text));
    start
}

fn raw(outcome: Result<Any<'_>, Thrown>, storage: &mut CString) -> RawAny {
    let mut raw = RawAny::new();
    let mut keep = |text: &str| {
        *storage = CString::new(text).expect("texts of the tests have no NUL");
        (storage.as_ptr().cast(), text.len())
    };
    match outcome {
        Ok(Any::Null) => raw.tag = 1,
        Ok(Any::Bool(value)) => (raw.tag, raw.sign) = (2, value.into()),
        Ok(Any::Number(value)) => (raw.tag, raw.number) = (3, value),
        Ok(Any::BigInt(value)) => {
            let magnitude = value.unsigned_abs();
            (raw.tag, raw.sign) = (4, (value < 0).into());
            raw.words = [magnitude as u64, (magnitude >> 64) as u64];
        }
        Ok(Any::Text(text)) => {
            raw.tag = 6;
            (raw.data, raw.length) = keep(&text);
        }
        Ok(_) => {}
        Err(Thrown { kind, message, code }) => {
            (raw.tag, raw.sign) = (8, kind as u8);
            (raw.data, raw.length) = keep(&message);
            raw.code = code.map_or(ptr::null(), code_of);
        }
    }
    raw
}
