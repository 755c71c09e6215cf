//! Instruction synchronisation: what is written as data, fetched as instructions, on every CPU.

/// Makes code visible to the instruction fetch of every CPU that runs a thread of this process: each piece by the
/// address at which it executes and its size in bytes. Returns when all of them may jump there.
///
/// The kernel wrote it, by its own address of the page. What it does about caches when a page is mapped for execution, it
/// does at the first fault alone; so what is written later is ours to clean and to invalidate, by the executing address,
/// which names the same line of memory.
pub(crate) fn synchronise(pieces: impl Iterator<Item = (*const u8, usize)>) {
    pieces.for_each(|(start, bytes)| cache(start, bytes));
    pipelines();
}

/// x86_64 fetches what was stored (Intel SDM volume 3, 10.6 "Self-modifying code"), and so does z/Architecture
/// (Principles of Operation, "Conceptual sequence"): caches are kept in step by physical address. Both want a CPU that
/// executes what was stored by another address to have been serialised since, lest it has fetched ahead. The place held
/// traps or nothing for longer than any CPU fetches ahead, so there is nothing to drop.
#[cfg(any(target_arch = "x86_64", target_arch = "s390x"))]
fn cache(_start: *const u8, _bytes: usize) {}

/// Cleans the data cache to the point of unification and invalidates the instruction cache there, line by line
/// (Arm ARM B2.7.4, "Concurrent modification and execution of instructions"). Both reach the whole inner shareable
/// domain, so all CPUs of the process.
#[cfg(target_arch = "aarch64")]
fn cache(start: *const u8, bytes: usize) {
    use std::arch::asm;

    let caches: u64;
    // SAFETY: Linux lets user code read the cache type register, or emulates the read.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) caches, options(nomem, nostack, preserves_flags)) };
    let lines = |line: usize| (start.addr() / line * line..start.addr() + bytes).step_by(line);
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
fn cache(start: *const u8, bytes: usize) {
    /// `__NR_riscv_flush_icache`: `__NR_arch_specific_syscall` (244) + 15.
    const FLUSH_ICACHE: libc::c_long = 259;
    // SAFETY: the call reads nothing through the addresses and changes no memory. Flags 0: all harts.
    unsafe { libc::syscall(FLUSH_ICACHE, start, start.addr() + bytes, 0) };
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
