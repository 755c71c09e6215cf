//! RISC-V of 64 bits: src/riscv/ffitarget.h, and closures found in `t1`.

use super::{MOST, Machine, words};

pub(crate) const MACHINE: Machine =
    Machine { cif_words: 2, dots_matter: true, bundled_complex: false, last_abi: 5, ..MOST };

/// The code of a closure that lies `distance` bytes after it: `auipc t1, high`; `addi t1, t1, low`; `ld t2, 16(t1)`; `jr t2`.
/// `None` where that is out of reach.
pub(crate) fn code(distance: isize) -> Option<[u8; MACHINE.place]> {
    let distance = i32::try_from(distance).ok()?;
    // The low twelve bits are added with their sign.
    let high = distance.checked_add(0x800)? as u32 & 0xffff_f000;
    let low = distance as u32 & 0xfff;
    Some(words([0x317 | high, 0x0003_0313 | low << 20, 0x0103_3383, 0x0003_8067]))
}
