//! Instruction synchronisation: what is written as data, fetched as instructions, on every CPU.

/// Makes code visible to the instruction fetch of every CPU that runs a thread of this process: each piece by the
/// address at which it executes and its size in bytes. Returns when all of them may jump there.
///
/// `sys_icache_invalidate(3)` cleans and invalidates in the inner shareable domain, so on all CPUs. A CPU that has fetched
/// ahead has nothing to drop: the pages did not execute before.
#[cfg(target_os = "macos")]
pub(crate) fn synchronise(pieces: impl Iterator<Item = (*const u8, usize)>) {
    // In libkern/OSCacheControl.h.
    unsafe extern "C" {
        fn sys_icache_invalidate(start: *mut libc::c_void, bytes: usize);
    }
    for (start, bytes) in pieces {
        // SAFETY: the call changes no memory, and the range is the process's own.
        unsafe { sys_icache_invalidate(start.cast_mut().cast(), bytes) };
    }
}

/// x86_64 fetches what was stored (Intel SDM volume 3, "Self-modifying code").
#[cfg(all(target_os = "freebsd", target_arch = "x86_64"))]
pub(crate) fn synchronise(_pieces: impl Iterator<Item = (*const u8, usize)>) {}
