//! Settings of an engine.

use std::sync::{Arc, OnceLock};

use springboard_abi::Target;
use springboard_code::{Announce, protection};
use springboard_emit::LandingPads;
use springboard_ir::{Compiler, DataModel};
use target_lexicon::Triple;

use super::{
    Engine, Shared,
    compile::Compilers,
    memory::{Memory, Settings},
    queue::Background,
};
use crate::{cache::Cache, stats::Counters};

/// Whether an engine compiles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Jit {
    /// Calls go through stubs where a plan exists, through libffi where not.
    #[default]
    On,
    /// Nothing is compiled, and no executable memory is asked for. All calls go through libffi, except those that
    /// [`Pack`] serves.
    Off,
}

/// When functions get their stubs.
///
/// Only compiling is put off. Whether there is a plan is known when a function is bound; where there is none, or where
/// libffi could not stand in, it is bound as by [`Compile::Eager`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Compile {
    /// When they are bound: a call never waits, and is as fast as it will ever be.
    #[default]
    Eager,
    /// At the first call, by the thread that calls: what is never called costs no compiling. Of threads that call a
    /// function for the first time at once, one compiles and the others wait.
    Lazy,
    /// Soon after they are bound, by a thread of the engine's own; calls go through libffi until then. No call waits,
    /// and every call is made once, by one way or the other. The thread ends when it has had nothing to do for a
    /// second; in a child that was forked, the next call or bind starts another.
    Background,
}

/// Whether thunks that were compiled with the program serve functions of common shapes. There are some where the
/// feature `pack` is on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Pack {
    /// They do, and nothing is compiled for such functions; but where a function is to have a stub of its own
    /// ([`Stubs::PerFunction`]), only if there is no executable memory for one, or if it leaves its moves to one.
    #[default]
    On,
    /// They do not.
    Off,
}

/// What stubs are made for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Stubs {
    /// One a shape, which is handed the function's address: the least memory.
    #[default]
    PerShape,
    /// One a function, with the address in it, for hosts that keep one pointer a function:
    /// [`Function::bound_pointer`](crate::Function::bound_pointer). It is freed with the function's last handle.
    ///
    /// The stub of a function whose moves take more than a cache line or so leaves them to a stub of its shape: it
    /// takes 32 bytes on x86_64, 64 on aarch64, and a call one jump more.
    PerFunction,
}

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
            shared: Arc::new(Shared {
                target: Target::of(&host).map(|target| Target { model, ..target }),
                model,
                memory: Memory::new(memory),
                cache: Cache::new(),
                relay: OnceLock::new(),
                compilers: Compilers::new(protection),
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
