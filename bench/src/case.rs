//! What is measured: cases, the paths by which each is run, and the loops that run them.

use std::{fmt, hint::black_box};

use serde::Serialize;
use springboard::{Engine, Jit, Library, Pack};

use crate::types::CaseType;

/// The path that all others of a case are compared with.
pub(crate) const DIRECT: &str = "direct";

/// What a case belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Group {
    /// Calls with integers, floating point numbers and pointers.
    Scalar,
    /// Calls with structures by value.
    Struct,
    /// Calls of variadic functions.
    Variadic,
    /// Native code calls the host.
    Callback,
    /// Calls as V8 makes them.
    V8,
    /// What hosts need beside calls: last errors, memory, columns, calls in the background.
    Everyday,
    /// From a signature to a function that can be called.
    Compile,
    /// Many functions, their memory, and what comes before the first.
    Service,
    /// The drop-in for libffi through libffi's own interface.
    Libffi,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Group::Scalar => "scalar",
            Group::Struct => "struct",
            Group::Variadic => "variadic",
            Group::Callback => "callback",
            Group::V8 => "v8",
            Group::Everyday => "everyday",
            Group::Compile => "compile",
            Group::Service => "service",
            Group::Libffi => "libffi",
        })
    }
}

/// One function called with certain arguments.
pub(crate) struct Case {
    pub(crate) group: Group,
    pub(crate) name: &'static str,
    /// The ways of doing it. The first is [`DIRECT`].
    pub(crate) runners: fn(&Bench) -> Vec<Runner>,
}

impl Case {
    /// Whether `filter` selects this case: by its group, or by a part of its name.
    pub(crate) fn is_in(&self, filter: &str) -> bool {
        selected(self.group, self.name, filter)
    }
}

/// Whether `filter` selects a case: by its group, or by a part of its name.
pub(crate) fn selected(group: Group, name: &str, filter: &str) -> bool {
    filter == group.to_string() || name.contains(filter)
}

/// What the cases share. Lives until the program ends.
pub(crate) struct Bench {
    pub(crate) library: Library,
    pub(crate) engine: Engine,
    /// The engine that has the pack, if it was built in.
    pub(crate) packed: Engine,
    /// The engine all of whose calls go through libffi.
    pub(crate) fallback: Engine,
}

impl Bench {
    pub(crate) fn new(library: Library) -> Bench {
        let without = || Engine::builder().pack(Pack::Off);
        let (engine, fallback) = (without().build(), without().jit(Jit::Off).build());
        Bench { library, engine, packed: Engine::new(), fallback }
    }
}

/// One way of doing what a case does.
pub(crate) struct Runner {
    /// The name of the way.
    pub(crate) path: &'static str,
    run: Box<dyn FnMut(u64) -> u64>,
}

impl Runner {
    /// `run` does it so many times, and returns a digest of the last result.
    pub(crate) fn new(path: &'static str, run: impl FnMut(u64) -> u64 + 'static) -> Runner {
        Runner { path, run: Box::new(run) }
    }

    /// Does it `calls` times, and returns a digest of the last result.
    pub(crate) fn run(&mut self, calls: u64) -> u64 {
        (self.run)(calls)
    }
}

/// Calls in a loop. `call` is given the number of the call and the result of the one before.
#[inline(always)]
pub(crate) fn repeat<R: CaseType>(calls: u64, call: impl Fn(u64, R) -> R) -> u64 {
    let mut last = black_box(R::first());
    for index in 0..calls {
        last = call(index, last);
    }
    black_box(last).digest()
}

/// The most slots a case needs.
const SLOTS: usize = 16;

/// As [`repeat`], with memory for slots that the compiler must believe others to know: every store to it is made.
#[inline(always)]
pub(crate) fn repeat_slots<R: CaseType>(calls: u64, call: impl Fn(*mut u64, u64, R) -> R) -> u64 {
    let mut memory = [0u64; SLOTS];
    let slots = black_box(memory.as_mut_ptr());
    repeat(calls, move |index, last| call(slots, index, last))
}

/// Writes whole slots, one by one and each time, as a host does that has just computed them.
///
/// # Safety
/// There are `N` slots at `slots`.
#[inline(always)]
pub(crate) unsafe fn write_slots<const N: usize>(slots: *mut u64, words: [u64; N]) {
    for (index, word) in words.into_iter().enumerate() {
        // SAFETY: the caller has `N` slots there. Volatile, so that neighbours are not joined into one wide store.
        unsafe { slots.add(index).write_volatile(word) };
    }
}
