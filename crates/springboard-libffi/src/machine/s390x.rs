//! s390x: src/s390/ffitarget.h, and closures found in `r0`.

use super::{MOST, Machine};

pub(crate) const MACHINE: Machine = Machine { trampoline: 32, place: 24, wide_align: 8, last_abi: 2, ..MOST };

/// The code of a closure that lies `distance` bytes after it, an even number: `larl r1, closure`; `lgr r0, r1`;
/// `lg r1, 24(r1)`; `br r1`. `None` where that is out of reach.
pub(crate) fn code(distance: isize) -> Option<[u8; MACHINE.place]> {
    let halfwords = i32::try_from(distance / 2).ok()?;
    let mut code = [MACHINE.trap; MACHINE.place];
    code[..2].copy_from_slice(&[0xc0, 0x10]);
    code[2..6].copy_from_slice(&halfwords.to_be_bytes());
    code[6..10].copy_from_slice(&[0xb9, 0x04, 0x00, 0x01]);
    code[10..16].copy_from_slice(&[0xe3, 0x10, 0x10, 0x18, 0x00, 0x04]);
    code[16..18].copy_from_slice(&[0x07, 0xf1]);
    Some(code)
}
