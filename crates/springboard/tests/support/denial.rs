//! Ways to deny a process executable memory, for good.

use libc::{c_int, c_long, c_ulong};
use rustix::process::{Resource, getrlimit, setrlimit};

/// The bit of `mmap` and `mprotect` that asks for execution.
pub(crate) const PROT_EXEC: u32 = libc::PROT_EXEC as u32;

/// A system call that is refused with `EPERM`.
#[derive(Clone, Copy)]
pub(crate) enum Denial {
    /// Always.
    Call(c_long),
    /// Where the low word of an argument, by its index, has one of these bits.
    Argument(c_long, u32, u32),
}

/// Whether the kernel can deny at all. Emulators of user programs cannot.
pub(crate) fn is_possible() -> bool {
    // SAFETY: the call takes no pointers.
    unsafe { libc::prctl(libc::PR_GET_SECCOMP) == 0 }
}

/// From now on no mapping may become executable that was not from the start.
pub(crate) fn refuse_execution_gain() {
    const PR_SET_MDWE: c_int = 65;
    const REFUSE_EXEC_GAIN: c_ulong = 1;
    // SAFETY: the call takes no pointers.
    let refused = unsafe { libc::prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) };
    assert_eq!(refused, 0, "PR_SET_MDWE needs Linux 6.3");
}

/// Sets a limit, which may be raised again.
pub(crate) fn limit(resource: Resource, value: u64) {
    let mut limits = getrlimit(resource);
    limits.current = Some(value);
    setrlimit(resource, limits).expect("a limit may be lowered");
}

/// From now on the process gets no more address space. What it has on the heap is enough for a while.
pub(crate) fn keep_address_space() {
    // Pieces too small for mappings of their own, and one above them that keeps the heap from shrinking again.
    let pieces: Vec<_> = (0..4096).map(|_| vec![1u8; 1024]).collect();
    std::mem::forget(vec![1u8; 1024]);
    drop(pieces);
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux shows a process its size");
    let pages: u64 =
        status.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number of pages");
    // SAFETY: the call takes no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    limit(Resource::As, pages * page as u64);
}

/// Refuses system calls from now on, on this thread and those it starts.
pub(crate) fn install(denials: &[Denial]) {
    let mut program = Vec::new();
    for denial in denials {
        let (call, argument) = match *denial {
            Denial::Call(call) => (call, None),
            Denial::Argument(call, index, bits) => (call, Some((index, bits))),
        };
        program.push(load(0));
        let rest = if argument.is_some() { 3 } else { 1 };
        program.push(jump(libc::BPF_JEQ, call as u32, 0, rest));
        if let Some((index, bits)) = argument {
            program.push(load(16 + index * 8));
            program.push(jump(libc::BPF_JSET, bits, 0, 1));
        }
        program.push(answer(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter and its program live until the calls return; the kernel copies both.
    let installed = unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter)
    };
    assert_eq!(installed, 0, "the kernel filters system calls");
}

/// Loads a word of what the kernel shows of the call: its number at 0, the low word of argument n at 16 + 8 n.
fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

fn jump(condition: u32, operand: u32, if_true: u8, if_false: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | condition | libc::BPF_K, operand, if_true, if_false)
}

fn answer(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}
