//! Processes do not fork here: what would wait for a fork waits for nothing.

use std::{any::Any, fmt, marker::PhantomData};

/// Keeps the process from forking for as long as it lives. From [`hold`].
#[must_use = "the process may fork as soon as it is dropped"]
pub struct Hold {
    /// It stays on the thread that made it, as where there are forks.
    _thread: PhantomData<*mut ()>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {}
}

/// Keeps the process from forking until the result is dropped. Calls may be nested.
pub fn hold() -> Hold {
    Hold { _thread: PhantomData }
}

/// How many forks this process and its ancestors have been part of.
pub fn count() -> u64 {
    0
}

/// How many forks lie between this process and the one that the program started as.
pub fn generation() -> u64 {
    0
}

/// Has every fork call `lock` first: there is none.
pub fn lock_at_fork(_lock: fn() -> Box<dyn Any>) {}

/// Starts to count forks.
pub fn watch() {}

/// This process: the only one that has its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process;

/// This process.
pub(crate) fn process() -> Process {
    Process
}
