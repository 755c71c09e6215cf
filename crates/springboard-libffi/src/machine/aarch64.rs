//! aarch64: src/aarch64/ffitarget.h, and closures found in `x17`.

/// `FFI_TRAMPOLINE_SIZE`, in bytes.
pub(crate) const TRAMPOLINE: usize = 24;
/// Fields of a cif after those that every CPU has.
pub(crate) const CIF_WORDS: usize = 0;
/// Alignment of `long double` and `__int128`, in bytes.
pub(crate) const WIDE_ALIGN: u16 = 16;
/// Size up to which what is in an aggregate decides how it is passed: four numbers of 16 bytes (AAPCS64 6.8.2).
pub(crate) const SMALL_BYTES: usize = 64;
/// Whether an aggregate is passed by what each of its eightbytes holds, in whichever members.
pub(crate) const BY_EIGHTBYTES: bool = false;
/// Whether arguments after the dots go elsewhere than declared ones.
pub(crate) const DOTS_MATTER: bool = false;
/// Whether libffi 3.6, as it is linked in, has complex types.
pub(crate) const BUNDLED_COMPLEX: bool = true;

/// `ffi_abi`. Valid values lie strictly between the first and the last.
pub(crate) mod abi {
    pub(crate) const FIRST: u32 = 0;
    pub(crate) const DEFAULT: u32 = 1;
    pub(crate) const LAST: u32 = 3;

    /// None has this number.
    pub(crate) const GNU_WINDOWS: u32 = FIRST;

    /// Whether springboard plans it as Windows'.
    pub(crate) fn is_windows(_: u32) -> bool {
        false
    }
}

const BTI_C: u32 = 0xd503_245f;
const ADR_X17: u32 = 0x1000_0011;
/// `ldr x16, [x17, #16]` and `br x16`.
const JUMP: [u32; 2] = [0xf940_0a30, 0xd61f_0200];

/// The code of a closure in memory of the program's own.
pub(crate) const CODE: [u8; TRAMPOLINE - 8] = match code(0) {
    Some(code) => code,
    None => panic!("a closure reaches itself"),
};

/// No instruction, where there is no code.
pub(crate) const TRAP: u8 = 0;

/// Bytes of code for a closure elsewhere.
pub(crate) const PLACE: usize = 16;

/// The code of a closure that lies `distance` bytes after it. `None` where that is out of reach: a megabyte.
pub(crate) const fn code(distance: isize) -> Option<[u8; PLACE]> {
    let from_adr = distance - 4;
    if from_adr < -(1 << 20) || from_adr >= 1 << 20 {
        return None;
    }
    let low = (from_adr as u32 & 3) << 29;
    let high = (from_adr as u32 >> 2 & 0x7_ffff) << 5;
    Some(bytes([BTI_C, ADR_X17 | low | high, JUMP[0], JUMP[1]]))
}

const fn bytes(words: [u32; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut at = 0;
    while at < 16 {
        bytes[at] = words[at / 4].to_le_bytes()[at % 4];
        at += 1;
    }
    bytes
}
