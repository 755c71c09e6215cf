//! Making an engine.

use std::sync::{Arc, OnceLock};

use springboard_abi::Target;
use springboard_code::{Announce, protection};
use springboard_emit::LandingPads;
use springboard_ir::{Compiler, DataModel};
use target_lexicon::Triple;

use super::{
    Core, Engine,
    compile::{Compilers, Making},
    memory::{Memory, Settings},
    queue::Background,
    settings::{Compile, Jit, Pack, Stubs, Verify},
};
use crate::{cache::Cache, stats::Counters};

/// Settings of an engine to be.
#[derive(Clone, Default, Debug)]
pub struct EngineBuilder {
    jit: Jit,
    compile: Compile,
    pack: Pack,
    stubs: Stubs,
    code_limit: Option<usize>,
    landing_pads: Option<LandingPads>,
    announce: Vec<Announce>,
    compiler: Option<Compiler>,
    verify: Verify,
}

impl EngineBuilder {
    /// Whether the engine compiles. Where the environment says `SPRINGBOARD_JIT=off` it does not, whatever is set
    /// here.
    #[must_use]
    pub fn jit(mut self, jit: Jit) -> EngineBuilder {
        self.jit = jit;
        self
    }

    /// When functions get their stubs.
    ///
    /// What was bound before its stub was there ([`Function::slots`](crate::Function::slots)) looks at each call where
    /// to go, which costs a nanosecond or two even later; ask for it again once
    /// [`Function::path`](crate::Function::path) is [`Path::Native`](crate::Path::Native).
    #[must_use]
    pub fn compile(mut self, compile: Compile) -> EngineBuilder {
        self.compile = compile;
        self
    }

    /// Whether thunks that were compiled with the program are used.
    #[must_use]
    pub fn pack(mut self, pack: Pack) -> EngineBuilder {
        self.pack = pack;
        self
    }

    /// What stubs are made for.
    #[must_use]
    pub fn stubs(mut self, stubs: Stubs) -> EngineBuilder {
        self.stubs = stubs;
        self
    }

    /// The most memory to map for code, in bytes. What is bound beyond goes through libffi, with
    /// [`Reason::CodeLimit`](crate::Reason::CodeLimit). Without a limit, the system's are the only ones.
    ///
    /// Stubs of callbacks have memory of their own, which engines with the same settings share. Beyond the limit, making
    /// a callback fails with [`CreateError::CodeLimit`](crate::callback::CreateError::CodeLimit).
    #[must_use]
    pub fn code_limit(mut self, bytes: usize) -> EngineBuilder {
        self.code_limit = Some(bytes);
        self
    }

    /// Whether stubs begin with a landing pad. Without this setting they do where the CPU checks them: on aarch64
    /// with branch target identification. Linux has not yet turned on indirect branch tracking on x86_64; an engine
    /// that runs where it is on says so here.
    #[must_use]
    pub fn landing_pads(mut self, landing_pads: LandingPads) -> EngineBuilder {
        self.landing_pads = Some(landing_pads);
        self
    }

    /// Tells a debugger or profiler of each stub that the engine makes, for functions and callbacks. Callbacks' are
    /// made many at a time, and stay with the process. May be given several times.
    /// Unwinders know stubs without this.
    #[must_use]
    pub fn announce(mut self, whom: Announce) -> EngineBuilder {
        self.announce.push(whom);
        self
    }

    /// The compiler that built the functions which the engine calls. A few structures are laid out or passed in two ways
    /// by GCC and Clang; without this setting, functions that pass one are refused, with
    /// [`Ineligible::Compilers`](springboard_abi::Ineligible::Compilers). On Apple's systems it is Clang.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> EngineBuilder {
        self.compiler = Some(compiler);
        self
    }

    /// Whether code is read back before it is published. Takes about as long as compiling it.
    #[cfg(feature = "verify")]
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> EngineBuilder {
        self.verify = verify;
        self
    }

    /// Makes the engine.
    pub fn build(self) -> Engine {
        let host = Triple::host();
        let mut model =
            DataModel::of(&host).expect("lib.rs refuses to compile for a machine without a data model");
        model.compiler = self.compiler.or(model.compiler);
        let off = self.jit == Jit::Off || std::env::var_os("SPRINGBOARD_JIT").is_some_and(|jit| jit == "off");
        let names = !self.announce.is_empty();
        let limit = self.code_limit.unwrap_or(usize::MAX);
        let memory = Settings { off, limit, announce: self.announce };
        // Where pages are mapped so that the CPU checks them, stubs cannot do without.
        let mut protection = protection();
        if protection.landing_pads == LandingPads::Omit {
            protection.landing_pads = self.landing_pads.unwrap_or_default();
        }
        Engine {
            core: Arc::new(Core {
                target: Target::of(&host).map(|target| Target { model, ..target }),
                model,
                memory: Memory::new(memory),
                cache: Cache::new(),
                relay: OnceLock::new(),
                compilers: Compilers::new(Making { protection, verify: self.verify }),
                counters: Counters::default(),
                stubs: self.stubs,
                compile: self.compile,
                pack: self.pack,
                names,
                background: Arc::new(Background::default()),
            }),
        }
    }
}
