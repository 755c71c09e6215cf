//! s390x: src/s390/ffitarget.h, and closures found in `r0`.

/// `FFI_TRAMPOLINE_SIZE`, in bytes.
pub(crate) const TRAMPOLINE: usize = 32;
/// Fields of a cif after those that every CPU has.
pub(crate) const CIF_WORDS: usize = 0;
/// Alignment of `long double` and `__int128`, in bytes.
pub(crate) const WIDE_ALIGN: u16 = 8;
/// Size up to which what is in an aggregate decides how it is passed.
pub(crate) const SMALL_BYTES: usize = 16;
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
    pub(crate) const LAST: u32 = 2;

    /// None has this number.
    pub(crate) const GNU_WINDOWS: u32 = FIRST;

    /// Whether springboard plans it as Windows'.
    pub(crate) fn is_windows(_: u32) -> bool {
        false
    }
}

/// The code of a closure in memory of the program's own.
pub(crate) const CODE: [u8; TRAMPOLINE - 8] = with_address([0xc0, 0x10, 0, 0, 0, 0]);

/// No instruction, where there is no code.
pub(crate) const TRAP: u8 = 0;

/// Bytes of code for a closure elsewhere.
pub(crate) const PLACE: usize = 24;

/// The code of a closure that lies `distance` bytes after it, an even number. `None` where that is out of reach.
pub(crate) fn code(distance: isize) -> Option<[u8; PLACE]> {
    let halfwords = i32::try_from(distance / 2).ok()?.to_be_bytes();
    Some(with_address([0xc0, 0x10, halfwords[0], halfwords[1], halfwords[2], halfwords[3]]))
}

/// `larl r1, closure`; `lgr r0, r1`; `lg r1, 24(r1)`; `br r1`
const fn with_address(larl: [u8; 6]) -> [u8; 24] {
    let [a, b, c, d, e, f] = larl;
    let [lgr, lg, br] =
        [[0xb9, 0x04, 0x00, 0x01, 0, 0], [0xe3, 0x10, 0x10, 0x18, 0, 0x04], [0x07, 0xf1, 0, 0, 0, 0]];
    [
        a, b, c, d, e, f, lgr[0], lgr[1], lgr[2], lgr[3], lg[0], lg[1], lg[2], lg[3], lg[4], lg[5], br[0],
        br[1], 0, 0, 0, 0, 0, 0,
    ]
}
