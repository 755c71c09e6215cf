//! The engine: plans signatures, compiles plans, and binds functions.

use std::{ffi::c_void, fmt, ptr::NonNull, sync::Arc};

use springboard_abi::{Plan, Target, UnknownTarget};
use springboard_ir::DataModel;

use crate::{
    announce::Announce,
    cache::{Cache, Shape},
    code::CodeMemory,
    declaration::Declaration,
    function::{BindError, Function},
    library::Library,
    reason::Reason,
    stats::{Counters, Stats},
    switch::Switch,
};

mod background;
mod bind;
mod builder;
mod code;
mod compile;
mod delivering;
mod in_bulk;
mod memory;
#[cfg(test)]
mod tests;

pub use self::builder::{Compile, EngineBuilder, Jit, Pack, Stubs};
use self::{background::Background, compile::Compilers, memory::Memory};
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
    cache: Cache,
    /// That of [`Entry::Relay`](springboard_abi::Entry::Relay), once it is asked for.
    relay: Switch<Result<Arc<Shape>, Reason>>,
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
        let Shared { memory, counters, .. } = &*self.shared;
        let usage = memory.made().map(CodeMemory::usage).unwrap_or_default();
        Stats {
            hits: counters.hits.get(),
            misses: counters.misses.get(),
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

    /// Makes sure that there is a stub for `plan`, so that binding a function of that shape later finds it.
    ///
    /// # Errors
    /// The reason why functions of that shape go through libffi.
    ///
    /// # Panics
    /// Where the plan is of another entry than [`Entry::Slots`](springboard_abi::Entry::Slots), whose stubs alone
    /// belong to no one function.
    pub fn compile(&self, plan: &Plan) -> Result<(), Reason> {
        let Shared { cache, counters, .. } = &*self.shared;
        let stub = |shape: &Result<Arc<Shape>, Reason>| match shape {
            Ok(shape) if shape.thunk().is_some() => Ok(()),
            Ok(shape) => self.stub_of(shape, None).map(drop),
            Err(reason) => Err(reason.clone()),
        };
        cache.get(plan, counters, stub).unwrap_or_else(|| stub(&self.shape(plan)))
    }

    /// The address of the stub for `plan`, compiled now if there is none yet: for hosts that enter stubs themselves,
    /// as the plan's [`Entry`](springboard_abi::Entry) says. It stays callable for as long as a handle of this engine
    /// lives.
    ///
    /// # Errors
    /// The reason why there is none.
    ///
    /// # Panics
    /// Where stubs of the plan's entry belong to one function or callback each, because something of it is written
    /// into them: all but `Slots`, `Avalue` and, on x86_64, `Closure` and `GoClosure`.
    pub fn stub(&self, plan: &Plan) -> Result<NonNull<c_void>, Reason> {
        let shape = self.shape(plan)?;
        let entry = match shape.thunk() {
            Some(thunk) => thunk,
            None => self.stub_of(&shape, None)?.entry(),
        };
        Ok(NonNull::new(entry as *mut c_void).expect("a function is never at address 0"))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
