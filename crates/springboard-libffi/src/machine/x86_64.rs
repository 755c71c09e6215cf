//! x86_64: src/x86/ffitarget.h, and closures found in `r10`.

use super::{MOST, Machine, Windows};

pub(crate) const MACHINE: Machine = Machine {
    trampoline: 32,
    // `int3`
    trap: 0xcc,
    // psABI 3.2.3
    by_eightbytes: true,
    first_abi: 1,
    last_abi: 5,
    windows: Some(Windows { microsoft: 3, gnu: 4 }),
    ..MOST
};

/// The code of a closure that lies `distance` bytes after it: `endbr64`; `lea r10, [rip + …]`; `jmp [r10 + 24]`. `None` where
/// that is out of reach.
pub(crate) fn code(distance: isize) -> Option<[u8; MACHINE.place]> {
    let mut code = [MACHINE.trap; MACHINE.place];
    code[..7].copy_from_slice(&[0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15]);
    code[7..11].copy_from_slice(&i32::try_from(distance - 11).ok()?.to_le_bytes());
    code[11..15].copy_from_slice(&[0x41, 0xff, 0x62, MACHINE.trampoline as u8 - 8]);
    Some(code)
}
