//! The engine: plans signatures, compiles plans, and binds functions.

use std::{
    ffi::c_void,
    fmt,
    ptr::NonNull,
    sync::{Arc, OnceLock},
};

use springboard_abi::{Entry, Plan, Target, UnknownTarget};
use springboard_ir::DataModel;

use springboard_code::{Announce, CodeMemory};

use crate::{
    address,
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
mod header;
mod in_bulk;
mod memory;
mod shape;
#[cfg(test)]
mod tests;

pub use self::builder::{Compile, EngineBuilder, Jit, Pack, Stubs};
pub use self::header::{HeaderBinding, Unbound, UnboundReason};
use self::{background::Background, compile::Compilers, memory::Memory, shape::Shape};
pub(crate) use self::{code::Callee, in_bulk::Wanted};

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

    /// What is planned for. `None` where no convention is known for this machine.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.shared.target.as_ref().ok()
    }

    /// Whom its stubs are announced to.
    pub(crate) fn announces(&self) -> &[Announce] {
        self.shared.memory.announces()
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

    /// The address of the stub for `plan`, compiled now if there is none yet, so that binding a function of that shape
    /// later finds it; and for hosts that enter stubs themselves, as the plan's [`Entry`] says.
    /// It stays callable for as long as a handle of this engine lives.
    ///
    /// # Errors
    /// [`NoStub`].
    pub fn stub(&self, plan: &Plan) -> Result<NonNull<c_void>, NoStub> {
        let entry = |shape: &Result<Arc<Shape>, Reason>| {
            let shape = shape.as_ref().map_err(Reason::clone)?;
            let entry = match shape.thunk() {
                Some(thunk) => thunk,
                None if shape.is_shared() => self.stub_of(shape, None)?.entry(),
                None => return Err(NoStub::NotShared(shape.entry())),
            };
            Ok(address::of(entry))
        };
        let known = self.shared.cache.get(plan, entry);
        known.unwrap_or_else(|| entry(&self.shape(plan)))
    }
}

/// Why there is no stub for a plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NoStub {
    /// None can be made; functions of that shape are called through libffi.
    Reason(Reason),
    /// Stubs of this entry belong to one function or callback each, because something of it is written into them.
    /// `Slots`, `Avalue` and, on x86_64, `Closure` and `GoClosure` have stubs that are shared.
    NotShared(Entry),
}

impl NoStub {
    /// A short name that never changes: the reason's own, or `not-shared`.
    pub fn code(&self) -> &'static str {
        match self {
            NoStub::Reason(reason) => reason.code(),
            NoStub::NotShared(_) => "not-shared",
        }
    }
}

impl From<Reason> for NoStub {
    fn from(reason: Reason) -> NoStub {
        NoStub::Reason(reason)
    }
}

impl fmt::Display for NoStub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoStub::Reason(reason) => reason.fmt(f),
            NoStub::NotShared(entry) => write!(f, "stubs of the {entry} entry are not shared by functions"),
        }
    }
}

impl std::error::Error for NoStub {}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
