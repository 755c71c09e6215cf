//! RISC-V of 64 bits: src/riscv/ffitarget.h, and closures found in `t1`.

/// `FFI_TRAMPOLINE_SIZE`, in bytes.
pub(crate) const TRAMPOLINE: usize = 24;
/// Fields of a cif after those that every CPU has.
pub(crate) const CIF_WORDS: usize = 2;
/// Alignment of `long double` and `__int128`, in bytes.
pub(crate) const WIDE_ALIGN: u16 = 16;
/// Size up to which what is in an aggregate decides how it is passed (psABI 2.1).
pub(crate) const SMALL_BYTES: usize = 16;
/// Whether an aggregate is passed by what each of its eightbytes holds, in whichever members.
pub(crate) const BY_EIGHTBYTES: bool = false;
/// Whether arguments after the dots go elsewhere than declared ones.
pub(crate) const DOTS_MATTER: bool = true;
/// Whether libffi 3.6, as it is linked in, has complex types.
pub(crate) const BUNDLED_COMPLEX: bool = false;

/// `ffi_abi`. Valid values lie strictly between the first and the last.
pub(crate) mod abi {
    pub(crate) const FIRST: u32 = 0;
    pub(crate) const DEFAULT: u32 = 1;
    pub(crate) const LAST: u32 = 5;

    /// None has this number.
    pub(crate) const GNU_WINDOWS: u32 = FIRST;

    /// Whether springboard plans it as Windows'.
    pub(crate) fn is_windows(_: u32) -> bool {
        false
    }
}

/// The code of a closure in memory of the program's own: `auipc t1, 0`; `ld t2, 16(t1)`; `jr t2`; `nop`.
pub(crate) const CODE: [u8; TRAMPOLINE - 8] =
    [0x17, 0x03, 0, 0, 0x83, 0x33, 0x03, 0x01, 0x67, 0x80, 0x03, 0, 0x13, 0, 0, 0];

/// No instruction, where there is no code.
pub(crate) const TRAP: u8 = 0;

/// Bytes of code for a closure elsewhere.
pub(crate) const PLACE: usize = 16;

/// The code of a closure that lies `distance` bytes after it. `None` where that is out of reach.
pub(crate) fn code(distance: isize) -> Option<[u8; PLACE]> {
    let distance = i32::try_from(distance).ok()?;
    // The low twelve bits are added with their sign.
    let high = distance.checked_add(0x800)? as u32 & 0xffff_f000;
    let low = distance as u32 & 0xfff;
    // auipc t1, high; addi t1, t1, low; ld t2, 16(t1); jr t2
    let words = [0x317 | high, 0x0003_0313 | low << 20, 0x0103_3383, 0x0003_8067];
    let mut code = [0; 16];
    for (bytes, word) in code.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&u32::to_le_bytes(word));
    }
    Some(code)
}
