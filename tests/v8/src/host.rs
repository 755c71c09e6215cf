//! The host's side: the fixture's functions, and what happens when they cannot be called.

use std::{
    env,
    ffi::{CString, c_void},
    ptr,
};

use springboard::Engine;
use springboard_js::v8::{Function, Host, Library, NodeDeclaration, NodeSettings, Options, Settings, Thrown};

use crate::realm::{is_modern, shim};

/// The fixture as V8 uses it.
pub(crate) struct Fixture {
    pub(crate) engine: Engine,
    pub(crate) library: Library,
    pub(crate) native: springboard::Library,
}

impl Fixture {
    pub(crate) fn open() -> Fixture {
        Fixture::open_by(Engine::new())
    }

    pub(crate) fn open_by(engine: Engine) -> Fixture {
        let path = env::var("SPRINGBOARD_V8_FIXTURE").expect("SPRINGBOARD_V8_FIXTURE is set");
        // SAFETY: the fixture has no initialisers.
        let native = unsafe { springboard::Library::open(path) }.expect("the fixture loads");
        let library = Library::new(&engine, &native, host());
        Fixture { engine, library, native }
    }

    /// How often functions of the fixture have run on this thread.
    pub(crate) fn calls(&self) -> u64 {
        let function =
            self.engine.function(&self.native, "uint64_t fixture_calls(void)").expect("it is there");
        let slots = function.slots::<u64>().expect("it returns one");
        // SAFETY: it reads a counter.
        unsafe { slots.call(&[]) }
    }

    /// A function with what this V8 needs.
    pub(crate) fn function(&self, declaration: &str) -> Function {
        self.function_with(declaration, settings())
    }

    /// A function with the conversions of `node:ffi`.
    pub(crate) fn node(
        &self,
        name: &str,
        arguments: &[&str],
        result: &str,
        settings: NodeSettings,
    ) -> Function {
        let function = self.library.node_function(&NodeDeclaration { name, arguments, result }, &settings);
        function.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn function_with(&self, declaration: &str, settings: Settings) -> Function {
        self.library.function(declaration, &settings).unwrap_or_else(|error| panic!("{declaration}: {error}"))
    }
}

/// Old versions of V8 learn of errors through the options alone.
pub(crate) fn settings() -> Settings {
    let options = if is_modern() { Options::ForBuffers } else { Options::Always };
    Settings { options, ..Settings::default() }
}

pub(crate) fn host() -> Host {
    Host {
        closed: Some(closed),
        range: Some(range),
        buffer: Some(shim().buffer),
        throw: Some(shim().fail),
        value: Some(shim().value),
    }
}

/// Makes the running fast call an error.
pub(crate) fn fail(options: *mut c_void, thrown: &Thrown) {
    let message = CString::new(thrown.message.as_str()).expect("messages have no NUL");
    let code = thrown.code.as_deref().map(|code| CString::new(code).expect("codes have no NUL"));
    let code = code.as_ref().map_or(ptr::null(), |code| code.as_ptr());
    // SAFETY: the options are V8's, on the thread of the call; the texts are copied.
    unsafe { (shim().fail)(ptr::null_mut(), options, thrown.kind, code, message.as_ptr()) };
}

unsafe extern "C" fn closed(_context: *mut c_void, options: *mut c_void) {
    fail(options, &Thrown::closed());
}

unsafe extern "C" fn range(_context: *mut c_void, index: u64, value: i64, options: *mut c_void) {
    fail(options, &Thrown::range(index as usize, value));
}
