//! Threads: their numbers, fences on all of them, and a clock.

use std::time::Duration;

/// The system's number of the running thread. macOS has numbers of 64 bits, of which these are the low ones.
#[cfg(target_os = "macos")]
pub(crate) fn number() -> i32 {
    let mut number = 0;
    // SAFETY: thread 0 is the running one, and the number is ours to be written.
    unsafe { libc::pthread_threadid_np(0, &mut number) };
    number as i32
}

/// The system's number of the running thread.
#[cfg(target_os = "freebsd")]
pub(crate) fn number() -> i32 {
    // SAFETY: the call takes nothing.
    unsafe { libc::pthread_getthreadid_np() }
}

/// Whether the system has [`heavy_fence`].
pub(crate) fn is_asymmetric() -> bool {
    false
}

/// As if every other thread of the process ran a full fence now: there is no such thing.
pub(crate) fn heavy_fence() {
    unreachable!("the system says that it has none");
}

/// A clock that costs a few nanoseconds.
#[cfg(target_os = "macos")]
const COARSE: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW_APPROX;
#[cfg(target_os = "freebsd")]
const COARSE: libc::clockid_t = libc::CLOCK_MONOTONIC_FAST;

/// Time since some moment, to within a few milliseconds, at the cost of a few nanoseconds.
pub(crate) fn coarse_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is ours to be written. It fails for no clock that there is.
    unsafe { libc::clock_gettime(COARSE, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
