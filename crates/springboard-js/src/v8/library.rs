//! A native library as V8 uses it.

use std::{ffi::c_void, fmt, ptr::NonNull, sync::Arc};

use springboard::{Declaration, Engine, Library as Native};

use super::{
    bind::{self, Place},
    error::BindError,
    function::{Bound, Conversions, Function},
    hosted::{Host, Hosted},
    node::{self, NodeDeclaration, NodeSettings, Strict},
    settings::Settings,
};

/// A native library for V8, open or closed.
///
/// A handle: clones share the library, any thread may use them, and so may every [`Function`] of it. It stays loaded
/// until [`Library::close`], or until the last of them is dropped.
#[derive(Clone)]
pub struct Library {
    shared: Arc<Hosted>,
}

impl Library {
    /// `native`, with `host`'s answers to calls that cannot be made.
    pub fn new(engine: &Engine, native: &Native, host: Host) -> Library {
        Library { shared: Arc::new(Hosted::new(engine, native, host, Strict::closed)) }
    }

    /// Binds the function that `declaration` names.
    ///
    /// That it gets no fast call is no error: [`Function::fast`] says why.
    ///
    /// # Errors
    /// As [`Engine::function`]; a closed library; a helper that is needed and was not given; a buffer that is no
    /// pointer.
    pub fn function(
        &self,
        declaration: impl Declaration,
        settings: &Settings,
    ) -> Result<Function, BindError> {
        self.functions([(declaration, settings)]).remove(0)
    }

    /// Binds the function at an address: one that native code has handed out, or found in a table. Calls of it are refused
    /// once the library has been closed, as if it were a symbol of it.
    ///
    /// # Errors
    /// As [`Library::function`], except that there is no symbol to be missing, and that a name is not needed.
    pub fn function_at(
        &self,
        address: NonNull<c_void>,
        declaration: impl Declaration,
        settings: &Settings,
    ) -> Result<Function, BindError> {
        let native = self.shared.native();
        let wanted = [(Place::Address(address), declaration, settings)];
        bind::bind(&self.shared, native.as_ref(), wanted).remove(0)
    }

    /// Binds many functions, each with settings of its own: every distinct shape is compiled once, and stubs are
    /// written 1024 at a time. One result per declaration, in order.
    ///
    /// # Errors
    /// Each result's own, as [`Library::function`].
    pub fn functions<'s, D: Declaration>(
        &self,
        declarations: impl IntoIterator<Item = (D, &'s Settings)>,
    ) -> Vec<Result<Function, BindError>> {
        let native = self.shared.native();
        let wanted =
            declarations.into_iter().map(|(declaration, settings)| (Place::Symbol, declaration, settings));
        bind::bind(&self.shared, native.as_ref(), wanted)
    }

    /// Binds a function by the names that `node:ffi` has for types ([`NODE_TYPES`](super::NODE_TYPES)), with its
    /// conversions: an argument that Node.js refuses is refused, by fast code and slow twin, with the class and code of
    /// Node's error and the beginning of its message. Two differences: -0 is taken for the integer 0 by both, where
    /// Node.js takes it or not as its tiers have it; and messages go on to say what was given.
    ///
    /// | type | takes |
    /// | --- | --- |
    /// | `int8` … `uint32`, `char`, `bool` | whole numbers that fit |
    /// | `int64`, `uint64` | bigints that fit, and by [`NodeSettings::wide`] safe integers that do |
    /// | `float32`, `float64` | numbers |
    /// | `pointer`, `string`, `buffer`, `arraybuffer`, `function` | null and undefined; bigints from 0 to 2^64 - 1; the memory of views and `ArrayBuffer`s; strings without U+0000, as a copy in UTF-8 with a NUL that lives until the function has returned |
    ///
    /// There are as many arguments as parameters. Results of 64 bits and pointers are bigints. Calls after
    /// [`Library::close`] are errors.
    ///
    /// V8 from 12.6 has all of this. Older ones return no 64 bits from fast calls, and drop arguments beyond the
    /// parameters before fast code could count them.
    ///
    /// # Errors
    /// As [`Library::function`]; an unknown name of a type; `void` as a parameter. The host must have [`Host::throw`] and
    /// [`Host::value`].
    pub fn node_function(
        &self,
        declaration: &NodeDeclaration<'_>,
        settings: &NodeSettings,
    ) -> Result<Function, BindError> {
        self.node(None, declaration, settings)
    }

    /// Binds the function at an address by the names of its types: `getFunctionFromPointer` of `node:ffi`. As
    /// [`Library::node_function`] and [`Library::function_at`].
    ///
    /// # Errors
    /// As [`Library::node_function`], except that there is no symbol to be missing.
    pub fn node_function_at(
        &self,
        address: NonNull<c_void>,
        declaration: &NodeDeclaration<'_>,
        settings: &NodeSettings,
    ) -> Result<Function, BindError> {
        self.node(Some(address), declaration, settings)
    }

    fn node(
        &self,
        address: Option<NonNull<c_void>>,
        declaration: &NodeDeclaration<'_>,
        settings: &NodeSettings,
    ) -> Result<Function, BindError> {
        let (strict, fast) = node::bind(&self.shared, address, declaration, settings)?;
        let conversions = Conversions::Node(strict);
        Ok(Function::new(Bound { fast, effects: settings.effects, conversions }))
    }

    /// Closes the library: from now on calls of its guarded functions end with an error. It is unloaded unless other
    /// handles to the same native library, or functions without a guard, keep it. Closing again does nothing.
    ///
    /// # Safety
    /// No thread is in a function of the library, and none that begins a call while this runs can have read the flag
    /// before: other isolates that share it have been stopped or told.
    pub unsafe fn close(&self) {
        self.shared.close();
    }

    /// Whether the library has been closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
