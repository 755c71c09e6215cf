//! A native library as V8 uses it.

use std::{fmt, sync::Arc};

use springboard::{Declaration, Engine, Library as Native};

use super::{
    bind,
    error::BindError,
    function::Function,
    hosted::{Host, Hosted},
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
        Library { shared: Arc::new(Hosted::new(engine, native, host)) }
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

    /// Binds many functions, each with settings of its own: every distinct shape is compiled once, and all stubs are
    /// written in one go. One result per declaration, in order.
    ///
    /// # Errors
    /// Each result's own, as [`Library::function`].
    pub fn functions<'s, D: Declaration>(
        &self,
        declarations: impl IntoIterator<Item = (D, &'s Settings)>,
    ) -> Vec<Result<Function, BindError>> {
        let native = self.shared.native();
        bind::bind(&self.shared, native.as_ref(), declarations)
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
