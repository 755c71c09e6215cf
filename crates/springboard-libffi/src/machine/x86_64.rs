//! x86_64: src/x86/ffitarget.h, and closures found in `r10`.

/// `FFI_TRAMPOLINE_SIZE`, in bytes.
pub(crate) const TRAMPOLINE: usize = 32;
/// Fields of a cif after those that every CPU has.
pub(crate) const CIF_WORDS: usize = 0;
/// Alignment of `long double` and `__int128`, in bytes.
pub(crate) const WIDE_ALIGN: u16 = 16;
/// Size up to which what is in an aggregate decides how it is passed (psABI 3.2.3).
pub(crate) const SMALL_BYTES: usize = 16;
/// Whether an aggregate is passed by what each of its eightbytes holds, in whichever members.
pub(crate) const BY_EIGHTBYTES: bool = true;
/// Whether arguments after the dots go elsewhere than declared ones.
pub(crate) const DOTS_MATTER: bool = false;
/// Whether libffi 3.6, as it is linked in, has complex types.
pub(crate) const BUNDLED_COMPLEX: bool = true;

/// `ffi_abi`. Valid values lie strictly between the first and the last.
pub(crate) mod abi {
    pub(crate) const FIRST: u32 = 1;
    pub(crate) const DEFAULT: u32 = 2;
    pub(crate) const LAST: u32 = 5;

    /// Windows', where a `long double` is what it is to GCC (`FFI_GNUW64`).
    pub(crate) const GNU_WINDOWS: u32 = 4;

    /// Whether it is Windows' (`FFI_WIN64`, `FFI_GNUW64`).
    pub(crate) fn is_windows(abi: u32) -> bool {
        matches!(abi, 3 | GNU_WINDOWS)
    }
}

/// The code of a closure in memory of the program's own.
pub(crate) const CODE: [u8; TRAMPOLINE - 8] = [
    0xf3, 0x0f, 0x1e, 0xfa, // endbr64
    0x4c, 0x8d, 0x15, 0xf5, 0xff, 0xff, 0xff, // lea r10, [rip - 11]: the closure
    0xff, 0x25, 0x07, 0x00, 0x00, 0x00, // jmp [rip + 7]
    0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00, // nop
];

/// `int3`, where there is no code.
pub(crate) const TRAP: u8 = 0xcc;

/// Bytes of code for a closure elsewhere.
pub(crate) const PLACE: usize = 16;

/// The code of a closure that lies `distance` bytes after it. `None` where that is out of reach.
pub(crate) fn code(distance: isize) -> Option<[u8; PLACE]> {
    let mut code = [TRAP; 16];
    code[..7].copy_from_slice(&[0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15]); // endbr64; lea r10, [rip + …]
    code[7..11].copy_from_slice(&i32::try_from(distance - 11).ok()?.to_le_bytes());
    code[11..15].copy_from_slice(&[0x41, 0xff, 0x62, TRAMPOLINE as u8 - 8]); // jmp [r10 + 24]
    Some(code)
}
