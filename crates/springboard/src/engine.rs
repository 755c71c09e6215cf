//! The engine: plans signatures, compiles plans, and binds functions.

use std::{
    ffi::c_void,
    fmt,
    ptr::NonNull,
    sync::{Arc, Mutex, PoisonError},
};

use springboard_abi::{Entry, Plan, Target, UnknownTarget};
use springboard_emit::{Compiler, EmitError, Template};
use springboard_ir::{DataModel, Prototype, Signature};
use target_lexicon::Triple;

use crate::{
    cache::Cache,
    code::{CodeMemory, Executable, capability},
    declaration::Declaration,
    function::{BindError, Function},
    library::Library,
    reason::Reason,
    stats::{Counters, Stats},
};

/// What compiles, caches and binds. A handle: clones share everything, and any thread may use them. One a process
/// is enough, many are fine. What was bound stays usable when all handles are gone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    target: Result<Target, UnknownTarget>,
    model: DataModel,
    /// Code memory, or why nothing is compiled.
    memory: Result<CodeMemory, Reason>,
    cache: Cache,
    /// Compilers that nobody is using.
    compilers: Mutex<Vec<Compiler>>,
    counters: Counters,
}

/// Whether an engine compiles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Jit {
    /// Calls go through stubs where a plan exists, through libffi where not.
    #[default]
    On,
    /// All calls go through libffi. No executable memory is asked for.
    Off,
}

/// Settings of an engine to be.
#[derive(Clone, Default, Debug)]
pub struct EngineBuilder {
    jit: Jit,
}

impl EngineBuilder {
    /// Whether the engine compiles. Where the environment says `SPRINGBOARD_JIT=off` it does not, whatever is set
    /// here.
    #[must_use]
    pub fn jit(mut self, jit: Jit) -> EngineBuilder {
        self.jit = jit;
        self
    }

    /// Makes the engine.
    pub fn build(self) -> Engine {
        let host = Triple::host();
        let model =
            DataModel::of(&host).expect("lib.rs refuses to compile for a machine without a data model");
        let off = self.jit == Jit::Off || std::env::var_os("SPRINGBOARD_JIT").is_some_and(|jit| jit == "off");
        let memory = if off {
            Err(Reason::JitOff)
        } else {
            capability().strategy().map(CodeMemory::new).map_err(Reason::NoExecutableMemory)
        };
        Engine {
            shared: Arc::new(Shared {
                target: Target::of(&host),
                model,
                memory,
                cache: Cache::new(),
                compilers: Mutex::default(),
                counters: Counters::default(),
            }),
        }
    }
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

    /// What the engine has done so far.
    pub fn stats(&self) -> Stats {
        let Shared { memory, counters, .. } = &*self.shared;
        let usage = memory.as_ref().map(CodeMemory::usage).unwrap_or_default();
        Stats {
            hits: counters.hits.get(),
            misses: counters.misses.get(),
            compiles: counters.compiles.get(),
            code_bytes: usage.code as u64,
            mapped_bytes: usage.mapped as u64,
            native: counters.native(),
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

    fn bind(
        &self,
        prototype: Prototype,
        address: NonNull<c_void>,
        library: Option<Library>,
    ) -> Result<Function, BindError> {
        let stub = self.stub_for(&prototype.signature);
        let function = Function::new(prototype, address, library, stub, self)?;
        self.shared.counters.bound(function.path()).count();
        Ok(function)
    }

    /// Makes sure that there is a stub for `plan`, so that binding a function of that shape later finds it.
    ///
    /// # Errors
    /// The reason why functions of that shape go through libffi.
    ///
    /// # Panics
    /// Where the plan is of another entry than [`Entry::Slots`], whose stubs alone belong to no one function.
    pub fn compile(&self, plan: &Plan) -> Result<(), Reason> {
        self.stub(plan).map(drop)
    }

    /// The `slots` stub for a signature.
    fn stub_for(&self, signature: &Signature) -> Result<Executable, Reason> {
        self.stub(&self.plan(signature, Entry::Slots)?)
    }

    /// The plan for a signature, where the engine can make code of it.
    pub(crate) fn plan(&self, signature: &Signature, entry: Entry) -> Result<Plan, Reason> {
        let Shared { target, memory, .. } = &*self.shared;
        if let Err(reason) = memory {
            return Err(reason.clone());
        }
        let target = target.as_ref().map_err(|unknown| Reason::UnknownTarget(unknown.clone()))?;
        springboard_abi::plan(signature, target, entry).map_err(Reason::Ineligible)
    }

    /// The machine code for a plan, compiled now.
    pub(crate) fn template(&self, plan: &Plan) -> Result<Template, Reason> {
        let template = self.emit(plan).map_err(|error| Reason::Emit(Arc::new(error)))?;
        self.shared.counters.compiles.count();
        Ok(template)
    }

    /// The stub for a plan, compiled now if nobody has asked for it before.
    fn stub(&self, plan: &Plan) -> Result<Executable, Reason> {
        let Shared { memory, cache, counters, .. } = &*self.shared;
        let memory = memory.as_ref().map_err(Reason::clone)?;
        cache.stub(plan, counters, || publish(memory, &self.template(plan)?))
    }

    fn emit(&self, plan: &Plan) -> Result<Template, EmitError> {
        let idle = || self.shared.compilers.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = idle().pop();
        let mut compiler = spare.map_or_else(Compiler::host, Ok)?;
        let template = compiler.emit(plan);
        idle().push(compiler);
        template
    }
}

/// Copies a template into code memory. The `slots` entry is handed its target, so there is no hole to fill and one
/// stub serves every function of the shape.
fn publish(memory: &CodeMemory, template: &Template) -> Result<Executable, Reason> {
    assert!(template.holes.is_empty(), "a template of the slots entry has no holes");
    let refused = Reason::NoExecutableMemory;
    let mut writable = memory.writable(template.code.len(), template.align as usize).map_err(refused)?;
    writable.bytes().copy_from_slice(&template.code);
    writable.publish().map_err(refused)
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
