//! The engine: plans signatures, and compiles and keeps plans.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use springboard_abi::{Target, UnknownTarget};
use springboard_code::CodeMemory;
use springboard_ir::DataModel;

use crate::{cache::Cache, reason::Reason, stats::Counters};

mod builder;
mod code;
mod compile;
mod in_bulk;
mod memory;
mod queue;
mod settings;
mod shape;
pub mod stamp;

pub use self::{
    builder::EngineBuilder,
    settings::{Compile, Jit, Pack, Stubs, Verify},
};
pub(crate) use self::{
    code::{Callee, Code},
    compile::Making,
    in_bulk::CodeRequest,
    memory::Settings as MemorySettings,
    queue::Waiting,
};
use self::{
    compile::Compilers,
    memory::Memory,
    queue::Background,
    shape::{Compiled, Shape},
};
pub use crate::stats::{Fallbacks, Stats};

/// What compiles, caches and binds. A handle: clones share everything, and any thread may use them. One per process
/// is enough; more are fine. What was bound stays usable after all handles are gone.
#[derive(Clone)]
pub struct Engine {
    core: Arc<Core>,
}

/// What the handles of an engine share.
struct Core {
    target: Result<Target, UnknownTarget>,
    model: DataModel,
    memory: Memory,
    cache: Cache<Result<Arc<Shape>, Reason>>,
    /// That of [`Entry::Relay`], once it is asked for.
    relay: OnceLock<Result<Compiled, Reason>>,
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
        &self.core.model
    }

    /// This machine, as code is planned for it. `None` where no convention is known for it.
    pub fn target(&self) -> Option<&Target> {
        self.core.target.as_ref().ok()
    }

    /// What its code memory depends on.
    pub(crate) fn memory_settings(&self) -> &MemorySettings {
        self.core.memory.settings()
    }

    /// How its stubs are made.
    pub(crate) fn making(&self) -> Making {
        self.core.compilers.making
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.core.counters
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> Stats {
        let Core { memory, cache, counters, .. } = &*self.core;
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

    /// When functions get their code.
    pub(crate) fn compiles(&self) -> Compile {
        self.core.compile
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
