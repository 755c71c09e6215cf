//! Instruction synchronisation: what is written as data, fetched as instructions, on every CPU.

/// Makes `stubs`, given at the addresses at which they execute, visible to the instruction fetch of every CPU that
/// runs a thread of this process. Returns when all of them may jump there.
pub(crate) fn instructions<'a>(stubs: impl Iterator<Item = &'a [u8]>) {
    stubs.for_each(cache);
    pipelines();
}

/// x86_64 fetches what was stored (Intel SDM volume 3, 10.6 "Self-modifying code"), and so does z/Architecture
/// (Principles of Operation, "Conceptual sequence"). The pages were writable a system call ago, at another address.
#[cfg(any(target_arch = "x86_64", target_arch = "s390x"))]
fn cache(_code: &[u8]) {}

/// Cleans the data cache to the point of unification and invalidates the instruction cache there, line by line
/// (Arm ARM B2.7.4, "Concurrent modification and execution of instructions"). Both reach the whole inner shareable
/// domain, so all CPUs of the process.
#[cfg(target_arch = "aarch64")]
fn cache(code: &[u8]) {
    use std::arch::asm;

    let caches: u64;
    // SAFETY: Linux lets user code read the cache type register, or emulates the read.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) caches, options(nomem, nostack, preserves_flags)) };
    let range = code.as_ptr_range();
    let lines = |line: usize| {
        let first = range.start.addr() / line * line;
        (first..range.end.addr()).step_by(line)
    };
    // Lines are 4 bytes shifted by these fields of the register, for data and for instructions.
    let (data_line, instruction_line) = (4 << (caches >> 16 & 15), 4 << (caches & 15));
    for address in lines(data_line) {
        // SAFETY: cleaning a line of memory that is mapped changes no value.
        unsafe { asm!("dc cvau, {}", in(reg) address, options(nostack, preserves_flags)) };
    }
    // SAFETY: a barrier.
    unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
    for address in lines(instruction_line) {
        // SAFETY: invalidating a line of memory that is mapped changes no value.
        unsafe { asm!("ic ivau, {}", in(reg) address, options(nostack, preserves_flags)) };
    }
    // SAFETY: barriers.
    unsafe { asm!("dsb ish", "isb", options(nostack, preserves_flags)) };
}

/// `fence.i` reaches the executing hart alone; the kernel reaches all that run the process (riscv_flush_icache(2)).
#[cfg(target_arch = "riscv64")]
fn cache(code: &[u8]) {
    /// `__NR_riscv_flush_icache`: `__NR_arch_specific_syscall` (244) + 15.
    const FLUSH_ICACHE: libc::c_long = 259;
    let range = code.as_ptr_range();
    // SAFETY: the call reads nothing through the pointers and changes no memory. Flags 0: all harts.
    unsafe { libc::syscall(FLUSH_ICACHE, range.start, range.end, 0) };
}

/// Nothing to do: see [`cache`].
#[cfg(any(target_arch = "x86_64", target_arch = "s390x"))]
fn pipelines() {}

/// Makes every CPU that runs a thread of this process drop instructions it has fetched ahead. Kernels that cannot
/// do it on request do it whenever they switch or interrupt a thread.
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
fn pipelines() {
    use std::sync::LazyLock;

    use rustix::thread::{MembarrierCommand, membarrier};

    static REGISTERED: LazyLock<bool> =
        LazyLock::new(|| membarrier(MembarrierCommand::RegisterPrivateExpeditedSyncCore).is_ok());
    if *REGISTERED {
        // A process that has registered is never refused, and there is nothing to fall back to.
        let _ = membarrier(MembarrierCommand::PrivateExpeditedSyncCore);
    }
}
