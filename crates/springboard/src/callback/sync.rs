//! What the protocols of this module are made of: the standard library's, or loom's where they are model-checked
//! (`--cfg loom`). The same code runs on both.

#[cfg(not(loom))]
pub(super) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};

#[cfg(loom)]
pub(super) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};

/// Locks a mutex whose holders keep what it guards whole at every step, so that a panic of one breaks nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// The cheap half of an asymmetric fence: between a store and a load of the thread that runs it, as seen by a thread
/// that runs [`heavy_fence`]. No instruction.
#[inline(always)]
pub(super) fn light_fence() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
    #[cfg(loom)]
    loom::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// The dear half: as if every other thread of the process ran a full fence now. To be used only where [`is_asymmetric`].
pub(super) fn heavy_fence() {
    #[cfg(not(loom))]
    crate::system::threads::heavy_fence();
    #[cfg(loom)]
    loom::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// Whether the system has the dear half of the fence. Registers the process for it at the first call.
pub(super) fn is_asymmetric() -> bool {
    #[cfg(not(loom))]
    {
        crate::system::threads::is_asymmetric()
    }
    #[cfg(loom)]
    true
}
