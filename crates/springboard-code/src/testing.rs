//! For tests: what a process sees of its own mappings and children, and system calls that fail on demand.

use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use crate::memory::CodeMemory;

pub use crate::{faults::failing as faults, system::testing::*};

static PROCESS: RwLock<()> = RwLock::new(());

/// Held by every test that maps code memory, so that no other is [`alone`] meanwhile. Panics when it is dropped if any
/// page of the process is writable and executable.
pub struct Together {
    _process: RwLockReadGuard<'static, ()>,
}

/// Waits until no test is [`alone`].
pub fn together() -> Together {
    Together { _process: PROCESS.read().unwrap_or_else(PoisonError::into_inner) }
}

impl Drop for Together {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(writable_and_executable(), [""; 0]);
        }
    }
}

/// Held by a test that looks at all mappings of the process: no other test maps code memory.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    PROCESS.write().unwrap_or_else(PoisonError::into_inner)
}

/// Lets `time` pass for what is freed in `memory`, and no other time from now on.
pub fn let_pass(memory: &CodeMemory, time: Duration) {
    memory.let_pass(time);
}

/// Tries again to unmap what the system did not unmap.
pub fn unmap_the_rest() {
    crate::mapping::retry_unmapping();
}
