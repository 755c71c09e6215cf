//! What a process sees of its own mappings, descriptors and children, for tests of code memory; and system calls that fail
//! on demand.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub mod faults;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::*;
pub use springboard_code::testing::{let_pass, unmap_the_rest};
#[cfg(windows)]
pub use windows::*;

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
