//! Threads: their numbers, fences on all of them, and a clock.

use std::time::Duration;

use windows_sys::Win32::System::{
    SystemInformation::GetTickCount64,
    Threading::{FlushProcessWriteBuffers, GetCurrentThreadId},
};

/// The system's number of the running thread.
pub(crate) fn number() -> i32 {
    // SAFETY: the call takes nothing.
    unsafe { GetCurrentThreadId() }.cast_signed()
}

/// Whether the system has [`heavy_fence`].
pub(crate) fn is_asymmetric() -> bool {
    true
}

/// As if every other thread of the process ran a full fence now.
pub(crate) fn heavy_fence() {
    // SAFETY: the call takes nothing.
    unsafe { FlushProcessWriteBuffers() };
}

/// Time since some moment, to within a few milliseconds (16), at the cost of a few nanoseconds.
pub(crate) fn coarse_time() -> Duration {
    // SAFETY: the call takes nothing.
    Duration::from_millis(unsafe { GetTickCount64() })
}
