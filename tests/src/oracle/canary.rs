//! Entering a stub in a state in which everything that it must preserve has a known value, and looking again
//! afterwards.
//!
//! What a machine has to preserve is in its assembly file, `tests/canary`, and in [`WATCHED`].

use std::ffi::c_void;

/// What a canary gives to the stub's caller, and what it watches.
#[repr(C)]
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    /// The first general result register, after the call.
    pub(crate) gpr: u64,
    /// The first floating point result register, after the call, as stored by its width of 8 bytes.
    pub(crate) float: [u8; 8],
    /// What was in each watched place before the call. The assembly fills in what it cannot choose.
    before: [u64; PLACES],
    /// What was there afterwards.
    after: [u64; PLACES],
}

/// The most places that a machine watches.
const PLACES: usize = if cfg!(windows) { 40 } else { 32 };

#[cfg(all(target_arch = "x86_64", not(windows)))]
std::arch::global_asm!(include_str!("../../canary/x86_64.S"), options(att_syntax));
#[cfg(all(target_arch = "x86_64", windows))]
std::arch::global_asm!(include_str!("../../canary/x86_64-windows.S"), options(att_syntax));
#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(include_str!("../../canary/aarch64.S"));
#[cfg(target_arch = "riscv64")]
std::arch::global_asm!(include_str!("../../canary/riscv64.S"));
#[cfg(target_arch = "s390x")]
std::arch::global_asm!(include_str!("../../canary/s390x.S"));

/// The names of the watched places, in the order in which the assembly knows them.
#[cfg(all(target_arch = "x86_64", windows))]
const WATCHED: &[&str] = &[
    "rbx",
    "rdi",
    "rsi",
    "r12",
    "r13",
    "r14",
    "r15",
    "xmm6",
    "xmm6, high",
    "xmm7",
    "xmm7, high",
    "xmm8",
    "xmm8, high",
    "xmm9",
    "xmm9, high",
    "xmm10",
    "xmm10, high",
    "xmm11",
    "xmm11, high",
    "xmm12",
    "xmm12, high",
    "xmm13",
    "xmm13, high",
    "xmm14",
    "xmm14, high",
    "xmm15",
    "xmm15, high",
    "mxcsr",
    "x87 control word",
    "direction flag",
    "rbp",
    "rsp",
    "[rsp+32]",
    "[rsp+40]",
    "[rsp+48]",
    "[rsp+56]",
];
#[cfg(all(target_arch = "x86_64", not(windows)))]
const WATCHED: &[&str] = &[
    "rbx",
    "r12",
    "r13",
    "r14",
    "r15",
    "mxcsr",
    "x87 control word",
    "direction flag",
    "rbp",
    "rsp",
    "[rsp]",
    "[rsp+8]",
    "[rsp+16]",
    "[rsp+24]",
];
#[cfg(target_arch = "aarch64")]
const WATCHED: &[&str] = &[
    "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "d8", "d9", "d10", "d11", "d12",
    "d13", "d14", "d15", "fpcr", "x29", "sp", "[sp]", "[sp+8]",
];
#[cfg(target_arch = "riscv64")]
const WATCHED: &[&str] = &[
    "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "fs0", "fs1", "fs2", "fs3", "fs4",
    "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "frm", "s0", "sp", "[sp]", "[sp+8]",
];
#[cfg(target_arch = "s390x")]
const WATCHED: &[&str] = &[
    "r6",
    "r7",
    "r8",
    "r9",
    "r10",
    "r12",
    "r13",
    "f8",
    "f9",
    "f10",
    "f11",
    "f12",
    "f13",
    "f14",
    "f15",
    "fpc",
    "r11",
    "r15",
    "[r15+160]",
    "[r15+168]",
];

/// What the places with a meaning of their own hold before the call, by their name: all exceptions masked,
/// rounding towards zero, and where the machine can, denormals flushed to zero.
const MEANINGFUL: [(&str, u64); 6] = [
    ("mxcsr", 0xffc0),
    ("x87 control word", 0x0f7f),
    ("direction flag", 0),
    ("fpcr", 0x03c0_0000),
    ("frm", 1),
    ("fpc", 1),
];

impl Canary {
    /// What `oracle_control` of the prelude says when called through a canary.
    pub(crate) const CONTROL: u64 = if cfg!(target_arch = "x86_64") {
        0x0f7f_ffc0
    } else if cfg!(target_arch = "aarch64") {
        0x03c0_0000
    } else {
        1
    };

    /// Enters `stub` with `target` and `slots`; or the C caller, which has two such parameters as well, with the
    /// callee and the addresses of values.
    ///
    /// # Safety
    /// As for a stub of the slots entry, or the C caller.
    pub(crate) unsafe fn call(stub: *const c_void, target: *const c_void, slots: *const u64) -> Canary {
        let before = std::array::from_fn(|index| {
            let meaningful = MEANINGFUL.iter().find(|(name, _)| WATCHED.get(index) == Some(name));
            meaningful.map_or(0x0123_4567_89ab_cdef_u64.rotate_left(index as u32 * 3), |(_, value)| *value)
        });
        let mut canary = Canary { gpr: 0, float: [0; 8], before, after: [0; PLACES] };
        // SAFETY: the assembly preserves what the C convention asks of it, and writes to the canary alone; the
        // caller vouches for stub, target and slots.
        unsafe { oracle_canary(stub, target, slots, &raw mut canary) };
        canary
    }

    /// The same, if every place holds what it held.
    ///
    /// # Errors
    /// The first one that does not, and both values.
    pub(crate) fn intact(&self) -> Result<&Canary, String> {
        let values = self.before.into_iter().zip(self.after);
        match WATCHED.iter().zip(values).find(|(_, (before, after))| before != after) {
            None => Ok(self),
            Some((place, (before, after))) => {
                Err(format!("{place} was {before:#x} and came back as {after:#x}"))
            }
        }
    }
}

unsafe extern "C" {
    fn oracle_canary(stub: *const c_void, target: *const c_void, slots: *const u64, canary: *mut Canary);
}

/// How many registers of the x87 stack a call has left in use, and frees them. None, the convention says (System V
/// AMD64 psABI 3.2.3): what is left there is missing in some later call.
#[cfg(target_arch = "x86_64")]
pub(crate) fn left_on_x87_stack() -> u32 {
    let mut environment = [0u32; 7];
    // SAFETY: stores 28 bytes and loads them again, which leaves the state as it was; then marks all registers of
    // the stack as free, in which no Rust code has anything.
    unsafe {
        std::arch::asm!("fnstenv [{0}]", "fldenv [{0}]", "emms", in(reg) environment.as_mut_ptr());
    }
    (0..8).filter(|register| environment[2] >> (register * 2) & 3 != 3).count() as u32
}

/// No other machine has such a stack.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn left_on_x87_stack() -> u32 {
    0
}
