//! Threads: their numbers, fences on all of them, and a clock.

use std::{sync::LazyLock, time::Duration};

use rustix::{
    thread::{MembarrierCommand, gettid, membarrier},
    time::{ClockId, clock_gettime},
};

/// The system's number of the running thread (gettid(2)).
pub(crate) fn number() -> i32 {
    gettid().as_raw_nonzero().get()
}

/// Whether the system has [`heavy_fence`]. Registers the process for it at the first call.
pub(crate) fn is_asymmetric() -> bool {
    static REGISTERED: LazyLock<bool> = LazyLock::new(|| {
        membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
            && membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    });
    *REGISTERED
}

/// As if every other thread of the process ran a full fence now (membarrier(2), `MEMBARRIER_CMD_PRIVATE_EXPEDITED`).
pub(crate) fn heavy_fence() {
    membarrier(MembarrierCommand::PrivateExpedited).expect("a process that has registered is not refused");
}

/// Time since some moment, to within a few milliseconds, at the cost of a few nanoseconds.
pub(crate) fn coarse_time() -> Duration {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
