//! The engine: plans signatures, compiles plans, and binds functions.

use std::{
    ffi::c_void,
    fmt,
    ptr::NonNull,
    sync::{Arc, OnceLock},
};

use springboard_abi::{Target, UnknownTarget};
use springboard_code::CodeMemory;
use springboard_emit::Protection;
use springboard_ir::{DataModel, Prototype};

use crate::{
    bind_error::BindError,
    cache::Cache,
    declaration::Declaration,
    function::Function,
    library::Library,
    reason::Reason,
    stats::{Counters, Stats},
};

mod background;
mod bind;
mod builder;
mod code;
mod compile;
mod delivering;
mod in_bulk;
mod memory;
mod shape;
pub mod stamp;
#[cfg(test)]
mod tests;

pub use self::builder::{Compile, EngineBuilder, Jit, Pack, Stubs};
use self::{background::Background, compile::Compilers, memory::Memory, shape::Shape};
pub(crate) use self::{code::Callee, memory::Settings as MemorySettings};

/// What compiles, caches and binds. A handle: clones share everything, and any thread may use them. One a process
/// is enough, many are fine. What was bound stays usable when all handles are gone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    target: Result<Target, UnknownTarget>,
    model: DataModel,
    memory: Memory,
    cache: Cache<Result<Arc<Shape>, Reason>>,
    /// That of [`Entry::Relay`], once it is asked for.
    relay: OnceLock<Result<Arc<Shape>, Reason>>,
    compilers: Compilers,
    counters: Counters,
    stubs: Stubs,
    compile: Compile,
    pack: Pack,
    /// Whether stubs need names.
    names: bool,
    /// The functions that wait for [`Compile::Background`].
    background: Arc<Background>,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl Engine {
    /// An engine with default settings: it compiles, unless the environment says `SPRINGBOARD_JIT=off`, which is
    /// read here.
    pub fn new() -> Engine {
        Engine::builder().build()
    }

    /// Settings for an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// What C types are on this machine.
    pub fn data_model(&self) -> &DataModel {
        &self.shared.model
    }

    /// This machine, as code is planned for it. `None` where no convention is known for it.
    pub fn target(&self) -> Option<&Target> {
        self.shared.target.as_ref().ok()
    }

    /// What its code memory depends on.
    pub(crate) fn memory_settings(&self) -> &MemorySettings {
        self.shared.memory.settings()
    }

    /// How its stubs are protected.
    pub(crate) fn protection(&self) -> Protection {
        self.shared.compilers.protection
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> Stats {
        let Shared { memory, cache, counters, .. } = &*self.shared;
        let usage = memory.made().map(CodeMemory::usage).unwrap_or_default();
        Stats {
            hits: cache.hits.get(),
            misses: cache.misses.get(),
            compiles: counters.compiles.get(),
            stamps: usage.stamps,
            live: usage.live as u64,
            shared: counters.shared.get(),
            code_bytes: usage.code as u64,
            mapped_bytes: usage.mapped as u64,
            native: counters.native(),
            packed: counters.packed(),
            pending: counters.pending(),
            fallbacks: counters.fallbacks(),
        }
    }

    /// Binds the function that `declaration` names, as `"double pow(double, double)"` does.
    ///
    /// # Errors
    /// A declaration that is none, or has no name; a symbol that `library` has not; a signature that can be called
    /// neither way.
    pub fn function(&self, library: &Library, declaration: impl Declaration) -> Result<Function, BindError> {
        let prototype = declaration.into_prototype()?;
        let address = library.symbol(prototype.name.as_deref().ok_or(BindError::Unnamed)?)?;
        self.bind(prototype, address, Some(library.clone()))
    }

    /// Binds `symbol` with the type that `declaration` gives, whatever name that has.
    ///
    /// # Errors
    /// As [`Engine::function`].
    pub fn function_named(
        &self,
        library: &Library,
        symbol: &str,
        declaration: impl Declaration,
    ) -> Result<Function, BindError> {
        let prototype = declaration.into_prototype()?;
        self.bind(prototype, library.symbol(symbol)?, Some(library.clone()))
    }

    /// Binds the function at `address`, which must stay callable for as long as the result is used.
    ///
    /// # Errors
    /// As [`Engine::function`], but for symbols.
    pub fn function_at(
        &self,
        address: NonNull<c_void>,
        declaration: impl Declaration,
    ) -> Result<Function, BindError> {
        self.bind(declaration.into_prototype()?, address, None)
    }

    /// Binds the functions at addresses, which must stay callable for as long as the results are used; otherwise as
    /// [`Engine::bind_all`].
    ///
    /// # Errors
    /// Each result's own, as [`Engine::function_at`].
    pub fn bind_all_at(
        &self,
        functions: impl IntoIterator<Item = (Prototype, NonNull<c_void>)>,
    ) -> Vec<Result<Function, BindError>> {
        in_bulk::bind_at(self, functions)
    }

    /// Binds many functions of `library` at once: every distinct shape is compiled once, several at a time where
    /// there are many and the machine has CPUs to spare, and all stubs are written in one go. One result a
    /// declaration, in order.
    ///
    /// # Errors
    /// Each result's own, as [`Engine::function`].
    pub fn bind_all<D: Declaration>(
        &self,
        library: &Library,
        declarations: impl IntoIterator<Item = D>,
    ) -> Vec<Result<Function, BindError>> {
        in_bulk::bind(self, library, declarations)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
