//! What an engine has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::reason::{Path, Reason};

/// What an engine has done since it was made: a snapshot of plain numbers, cheap enough to poll. Numbers read while
/// other threads bind functions may be of slightly different moments.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Lookups that found their plan in the template cache.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Plans compiled. Less than [`misses`](Stats::misses) where compiling failed.
    pub compiles: u64,
    /// Stubs written into code memory: a shape's, or a function's own.
    pub stamps: u64,
    /// Stubs that are there now.
    pub live: u64,
    /// Those of them that serve every function of a shape, and stay as long as the engine and what it has bound.
    pub shared: u64,
    /// Bytes of their code, without padding.
    pub code_bytes: u64,
    /// Bytes of memory mapped for code.
    pub mapped_bytes: u64,
    /// Functions bound to stubs.
    pub native: u64,
    /// Functions bound to thunks that were compiled with the program (feature `pack`).
    pub packed: u64,
    /// Functions that are bound and wait for their stub: for their first call ([`Compile::Lazy`](crate::Compile)), or
    /// for the thread that compiles ([`Compile::Background`](crate::Compile)). They count as native or as fallbacks
    /// once it is there, or found impossible.
    pub pending: u64,
    /// Functions bound to libffi, by reason. Those that only wait for their stub are [`pending`](Stats::pending).
    pub fallbacks: Fallbacks,
}

/// Functions bound to libffi, by [`Reason`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // named as the variants of `Reason`
pub struct Fallbacks {
    pub unknown_target: u64,
    pub ineligible: u64,
    pub jit_off: u64,
    pub no_executable_memory: u64,
    pub code_limit: u64,
    pub emit: u64,
}

impl Fallbacks {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Fallbacks { unknown_target, ineligible, jit_off, no_executable_memory, code_limit, emit } = self;
        unknown_target + ineligible + jit_off + no_executable_memory + code_limit + emit
    }
}

/// The numbers as they are counted.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) compiles: Counter,
    pub(crate) shared: Counter,
    /// Functions bound before their stub.
    waiting: Counter,
    /// Those of them that have it, or will have none, or are gone.
    pub(crate) settled: Counter,
    native: Counter,
    packed: Counter,
    unknown_target: Counter,
    ineligible: Counter,
    jit_off: Counter,
    no_executable_memory: Counter,
    code_limit: Counter,
    emit: Counter,
}

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one, and says how many there were.
    pub(crate) fn count(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    /// The counter of functions that are called by `path`.
    pub(crate) fn bound(&self, path: &Path) -> &Counter {
        match path {
            Path::Native => &self.native,
            Path::Pack => &self.packed,
            // Counted when it was bound; it counts again by what becomes of it.
            Path::Uncalled | Path::Libffi(Reason::Compiling) => &self.waiting,
            Path::Libffi(Reason::UnknownTarget(_)) => &self.unknown_target,
            Path::Libffi(Reason::Ineligible(_)) => &self.ineligible,
            Path::Libffi(Reason::JitOff) => &self.jit_off,
            Path::Libffi(Reason::NoExecutableMemory(_)) => &self.no_executable_memory,
            Path::Libffi(Reason::CodeLimit { .. }) => &self.code_limit,
            Path::Libffi(Reason::Emit(_)) => &self.emit,
            #[cfg(feature = "verify")]
            Path::Libffi(Reason::Refused(_)) => &self.emit,
        }
    }

    pub(crate) fn native(&self) -> u64 {
        self.native.get()
    }

    pub(crate) fn packed(&self) -> u64 {
        self.packed.get()
    }

    pub(crate) fn pending(&self) -> u64 {
        // In this order, so that nobody is counted as settled who is not yet counted as waiting.
        let settled = self.settled.get();
        self.waiting.get().saturating_sub(settled)
    }

    pub(crate) fn fallbacks(&self) -> Fallbacks {
        Fallbacks {
            unknown_target: self.unknown_target.get(),
            ineligible: self.ineligible.get(),
            jit_off: self.jit_off.get(),
            no_executable_memory: self.no_executable_memory.get(),
            code_limit: self.code_limit.get(),
            emit: self.emit.get(),
        }
    }
}
