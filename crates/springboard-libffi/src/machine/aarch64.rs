//! aarch64: src/aarch64/ffitarget.h, and closures found in `x17`.

use super::{MOST, Machine, words};

pub(crate) const MACHINE: Machine = Machine {
    // Four numbers of 16 bytes (AAPCS64 6.8.2).
    small_bytes: 64,
    ..MOST
};

/// The code of a closure that lies `distance` bytes after it: `bti c`; `adr x17, closure`; `ldr x16, [x17, #16]`; `br x16`.
/// `None` where that is out of reach: a megabyte.
pub(crate) fn code(distance: isize) -> Option<[u8; MACHINE.place]> {
    let from_adr = distance - 4;
    if !(-(1 << 20)..1 << 20).contains(&from_adr) {
        return None;
    }
    let low = (from_adr as u32 & 3) << 29;
    let high = (from_adr as u32 >> 2 & 0x7_ffff) << 5;
    Some(words([0xd503_245f, 0x1000_0011 | low | high, 0xf940_0a30, 0xd61f_0200]))
}
