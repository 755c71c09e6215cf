//! What holds for one CPU alone: libffi's numbers for it, and the code of closures, in a file per CPU with the same names.
//!
//! A closure's code loads the closure's address into the register in which libffi's own code passes it, and jumps to the
//! address that it finds in the last 8 bytes of the trampoline. So it does not matter whose stub that is. It is the same in
//! memory of the program's own, where it lies in the closure itself.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "s390x")]
mod s390x;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::aarch64::{MACHINE, code};
#[cfg(target_arch = "riscv64")]
pub(crate) use self::riscv64::{MACHINE, code};
#[cfg(target_arch = "s390x")]
pub(crate) use self::s390x::{MACHINE, code};
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86_64::{MACHINE, code};

/// libffi's numbers for a CPU, by its `ffitarget.h`, and what of its convention decides which types are alike.
pub(crate) struct Machine {
    /// `FFI_TRAMPOLINE_SIZE`, in bytes.
    pub(crate) trampoline: usize,
    /// Bytes of the code of a closure, at most 8 less than those.
    pub(crate) place: usize,
    /// What is put where there is no code: no instruction, or one that traps.
    pub(crate) trap: u8,
    /// Fields of a cif after those that every CPU has.
    pub(crate) cif_words: usize,
    /// Alignment of `long double` and `__int128`, in bytes.
    pub(crate) wide_align: u16,
    /// Size up to which what is in an aggregate decides how it is passed, in bytes.
    pub(crate) small_bytes: usize,
    /// Whether an aggregate is passed by what each of its eightbytes holds, in whichever members.
    pub(crate) by_eightbytes: bool,
    /// Whether arguments after the dots go elsewhere than declared ones.
    pub(crate) dots_matter: bool,
    /// Whether libffi 3.6, as it is linked in, has complex types.
    pub(crate) bundled_complex: bool,
    /// `FFI_FIRST_ABI`. The one after it is `FFI_DEFAULT_ABI`.
    first_abi: u32,
    /// `FFI_LAST_ABI`.
    last_abi: u32,
    /// Windows' conventions that springboard plans.
    windows: Option<Windows>,
}

/// Numbers of Windows' convention.
struct Windows {
    /// `FFI_WIN64`.
    microsoft: u32,
    /// `FFI_GNUW64`: a `long double` is what it is to GCC.
    gnu: u32,
}

/// What most CPUs have.
const MOST: Machine = Machine {
    trampoline: 24,
    place: 16,
    trap: 0,
    cif_words: 0,
    wide_align: 16,
    small_bytes: 16,
    by_eightbytes: false,
    dots_matter: false,
    bundled_complex: true,
    first_abi: 0,
    last_abi: 3,
    windows: None,
};

impl Machine {
    /// `FFI_DEFAULT_ABI`.
    pub(crate) const fn default_abi(&self) -> u32 {
        self.first_abi + 1
    }

    /// Whether it is a number of an `ffi_abi`.
    pub(crate) const fn has_abi(&self, abi: u32) -> bool {
        abi > self.first_abi && abi < self.last_abi
    }

    /// Whether it is Windows', and planned.
    pub(crate) fn is_windows(&self, abi: u32) -> bool {
        self.windows.as_ref().is_some_and(|its| abi == its.microsoft || abi == its.gnu)
    }

    /// Whether it is Windows' with GCC's types.
    pub(crate) fn is_gnu_windows(&self, abi: u32) -> bool {
        self.windows.as_ref().is_some_and(|its| abi == its.gnu)
    }
}

/// Instructions of four bytes each.
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
fn words(words: [u32; 4]) -> [u8; 16] {
    let mut code = [0; 16];
    for (bytes, word) in code.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    code
}

const _: () = assert!(MACHINE.place <= MACHINE.trampoline - 8, "code and the address that it jumps to");
