//! An isolate with one context, its functions, and scripts run in it.

use std::{
    cell::RefCell,
    ffi::{CStr, CString, c_void},
    ptr,
    rc::Rc,
    slice,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use libloading::os::unix::Library;
use springboard::v8::{Any, Description, Function, HostOptions, Int64, Thrown, Twin};

use crate::shim::{RawAny, RawFast, RawRealm, Shim};

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

/// What a slow call of a function goes to.
enum Target {
    Native(Function),
    Own(Arc<Twin>),
}

/// A function that was defined, and how often its slow twin ran.
struct Defined {
    target: Target,
    slow_calls: AtomicU64,
    /// The last message or text that V8 was given.
    text: RefCell<String>,
}

/// A realm. It stays on its thread.
pub(crate) struct Realm {
    raw: *mut RawRealm,
    /// V8 keeps their addresses.
    defined: Vec<Rc<Defined>>,
}

/// The context of the twin whose fast variant was called with `options`.
pub(crate) fn context_of(options: HostOptions) -> *mut c_void {
    // SAFETY: the options are those of a running call.
    let defined = unsafe { (shim().data)(options.0.as_ptr()) }.cast::<Defined>();
    // SAFETY: functions are defined with these, which live as long as the realm.
    match unsafe { &(*defined).target } {
        Target::Own(twin) => twin.context_pointer(),
        Target::Native(_) => ptr::null_mut(),
    }
}

/// Says how often the slow twin of a function has run.
#[derive(Clone, Copy)]
pub(crate) struct Handle(usize);

impl Realm {
    pub(crate) fn new() -> Realm {
        // SAFETY: it has no contract; the realm stays on this thread, as a pointer in it sees to.
        let realm = Realm { raw: unsafe { (shim().realm_new)() }, defined: Vec::new() };
        realm.run(include_str!("prelude.js")).expect("the prelude is JavaScript");
        realm
    }

    /// The address by which the shim knows the realm.
    pub(crate) fn raw(&self) -> *mut RawRealm {
        self.raw
    }

    /// Defines a global function that calls a native one.
    pub(crate) fn define(&mut self, name: &str, function: &Function) -> Handle {
        let fast = function.fast().unwrap_or_else(|why| panic!("{name}: {why}"));
        let fast = [(fast.address().as_ptr().cast_const(), function.description())];
        self.define_as(name, Target::Native(function.clone()), &fast)
    }

    /// Defines a global function that calls one of the host's own.
    pub(crate) fn define_twin(&mut self, name: &str, twin: &Arc<Twin>) -> Handle {
        let variants = twin.variants().iter();
        let fast: Vec<_> = variants.map(|variant| (variant.address(), variant.description())).collect();
        self.define_as(name, Target::Own(Arc::clone(twin)), &fast)
    }

    fn define_as(&mut self, name: &str, target: Target, fast: &[(*const c_void, &Description)]) -> Handle {
        let kinds: Vec<Vec<u8>> = fast
            .iter()
            .map(|(_, description)| description.arguments.iter().map(|kind| *kind as u8).collect())
            .collect();
        let raw: Vec<RawFast> = fast
            .iter()
            .zip(&kinds)
            .map(|((address, description), kinds)| RawFast {
                address: *address,
                arguments: kinds.as_ptr(),
                count: kinds.len() as u32,
                result: description.result as u8,
                options: description.options.into(),
                bigint: (description.int64 == Int64::BigInt).into(),
            })
            .collect();
        let defined = Rc::new(Defined { target, slow_calls: AtomicU64::new(0), text: RefCell::default() });
        let data = (&raw const *defined).cast_mut().cast::<c_void>();
        let name = CString::new(name).expect("names have no NUL");
        // SAFETY: the realm is this thread's; what the descriptions point to is copied, and `data` lives as long as
        // the realm.
        unsafe { (shim().define)(self.raw, name.as_ptr(), slow, data, raw.as_ptr(), raw.len() as u32) };
        self.defined.push(defined);
        Handle(self.defined.len() - 1)
    }

    /// How often a slow twin has run.
    pub(crate) fn slow_calls(&self, handle: Handle) -> u64 {
        self.defined[handle.0].slow_calls.load(Ordering::Relaxed)
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
    // SAFETY: the shim passes on what it was given with the function.
    let defined = unsafe { &*data.cast::<Defined>() };
    defined.slow_calls.fetch_add(1, Ordering::Relaxed);
    let arguments: Vec<Any<'_>> = if count == 0 {
        Vec::new()
    } else {
        // SAFETY: the shim passes that many, and they outlive the call.
        unsafe { slice::from_raw_parts(arguments, count as usize) }.iter().map(any).collect()
    };
    let outcome = match &defined.target {
        // SAFETY: the scripts of the tests pass what the fixture's functions take.
        Target::Native(function) => unsafe { function.call_slow(&arguments) },
        Target::Own(twin) => twin.call_slow(&arguments),
    };
    let raw = raw(outcome, &mut defined.text.borrow_mut());
    // SAFETY: the shim gives memory for the result.
    unsafe { result.write(raw) };
}

fn any(raw: &RawAny) -> Any<'_> {
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
        6 => {
            // SAFETY: the shim keeps the text during the call.
            let bytes = unsafe { slice::from_raw_parts(raw.data, raw.length) };
            Any::Text(String::from_utf8_lossy(bytes))
        }
        _ => Any::Other,
    }
}

fn raw(outcome: Result<Any<'_>, Thrown>, storage: &mut String) -> RawAny {
    let mut raw = RawAny { tag: 0, sign: 0, number: 0.0, words: [0; 2], data: ptr::null(), length: 0 };
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
            *storage = text.into_owned();
            (raw.tag, raw.data, raw.length) = (6, storage.as_ptr(), storage.len());
        }
        Ok(_) => {}
        Err(Thrown { kind, message }) => {
            *storage = message;
            (raw.tag, raw.sign, raw.data, raw.length) = (8, kind as u8, storage.as_ptr(), storage.len());
        }
    }
    raw
}
