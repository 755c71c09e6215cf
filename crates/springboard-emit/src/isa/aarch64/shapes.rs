//! How stubs of this CPU are written, and how they are written shorter.

use super::{
    super::{
        Code,
        assembly::{Encoding, Item, To, plain, signed, word_at, words},
        reading::Register,
        shorten::{Saved, Shapes},
    },
    pairs::pairs,
    reading::CPU,
};

pub(super) static SHAPES: Shapes = Shapes {
    encoding: Encoding { item, with_distance, big_endian: false },
    cpu: &CPU,
    prologue,
    epilogue,
    // blr
    called: |item| (item.word & 0xffff_fc1f == 0xd63f_0000).then_some((item.word >> 5 & 0x1f) as Register),
    call: |register| plain(0xd63f_0000 | u64::from(register) << 5),
    // br
    jump: |register| plain(0xd61f_0000 | u64::from(register) << 5),
    // One of the two that a function that begins with `bti c` lets in (Arm ARM, D8.4.2).
    jump_register: 16,
    register: 0x1f,
    copied: |item| is_copy(item).then_some([0, 16]),
    copy: |to, from| plain(0xaa00_03e0 | u64::from(from) << 16 | u64::from(to)),
    made,
    unframed,
    further: pairs,
    // str x, [sp, #-16]! and ldr x, [sp], #16, which make and end its room as well
    saved: |item| {
        let room = match item.word & !0x1f {
            0xf81f_0fe0 => 0xd100_43ff,
            0xf841_07e0 => 0x9100_43ff,
            _ => return None,
        };
        Some(Saved { register: (item.word & 0x1f) as Register, at: 0, rest: Some(plain(room)) })
    },
    named,
    // x8, in which the address of a result comes, and nobody expects it back
    spare: &[8, 9, 10, 11, 12, 13, 14, 15],
};

/// `bti c`
pub(super) const LANDING_PAD: Item = plain(0xd503_245f);
const PACIASP: Item = plain(0xd503_233f);
const AUTIASP: Item = plain(0xd503_23bf);
const B_OVER_LITERAL: u32 = 0x1400_0003;

/// Where an instruction has a distance in words: first bit and width.
fn distance_field(word: u64) -> Option<(u32, u32)> {
    match word {
        _ if word & 0x7c00_0000 == 0x1400_0000 => Some((0, 26)), // b, bl
        _ if word & 0xff00_0010 == 0x5400_0000 => Some((5, 19)), // b.cond
        _ if word & 0x7e00_0000 == 0x3400_0000 => Some((5, 19)), // cbz, cbnz
        _ if word & 0x7e00_0000 == 0x3600_0000 => Some((5, 14)), // tbz, tbnz
        _ if word & 0x3b00_0000 == 0x1800_0000 => Some((5, 19)), // ldr of a literal
        _ => None,
    }
}

fn item(code: &Code, at: usize) -> Option<(Item, usize)> {
    let whole = u64::from(word_at(&code.bytes, at)?);
    let Some((first, width)) = distance_field(whole) else {
        // adr, adrp
        return (whole & 0x1f00_0000 != 0x1000_0000).then_some((plain(whole), 4));
    };
    let target = usize::try_from(at as i64 + signed(whole, first, width) * 4).ok()?;
    let is_load = whole & 0x3b00_0000 == 0x1800_0000;
    let to = match code.hole_at(target) {
        Some(kind) if is_load => To::Literal(kind),
        None if !is_load => To::Item(target),
        _ => return None,
    };
    let literal = word_at(&code.bytes, at + 4) == Some(B_OVER_LITERAL) && code.hole_at(at + 8).is_some();
    let field = ((1 << width) - 1) << first;
    Some((Item { word: whole & !field, bytes: 4, to }, if literal { 16 } else { 4 }))
}

fn with_distance(item: Item, distance: i64) -> u64 {
    let Some((first, width)) = distance_field(item.word) else { return item.word };
    item.word | ((distance / 4) as u64 & ((1 << width) - 1)) << first
}

/// `stp x29, x30, [sp, #-16]!`; `mov x29, sp`, with what comes before and after them.
fn prologue(items: &[Item]) -> Option<(usize, u64)> {
    let pad = usize::from(matches!(*items.first()?, LANDING_PAD | PACIASP));
    let rest = items[pad..].strip_prefix(&[plain(0xa9bf_7bfd), plain(0x9100_03fd)])?;
    let before = items.len() - rest.len();
    match rest.first().filter(|item| moves_stack(**item, 0xd100_03ff)) {
        // Shifted by twelve bits it is more than any stub has.
        Some(room) => Some((before + 1, 16 + (room.word >> 10 & 0xfff))),
        None => Some((before, 16)),
    }
}

/// `ldp x29, x30, [sp], #16`; `ret`, with what comes before and between them.
fn epilogue(items: &[Item]) -> Option<usize> {
    let room = usize::from(moves_stack(*items.first()?, 0x9100_03ff));
    let rest = items[room..].strip_prefix(&[plain(0xa8c1_7bfd)])?;
    let rest = rest.strip_prefix(&[AUTIASP]).unwrap_or(rest).strip_prefix(&[plain(0xd65f_03c0)])?;
    Some(items.len() - rest.len())
}

/// Whether an instruction adds a number to the stack pointer, or subtracts it.
fn moves_stack(item: Item, opcode: u64) -> bool {
    item.word & 0xff80_03ff == opcode
}

/// `mov`
fn is_copy(item: Item) -> bool {
    item.word & 0xffe0_ffe0 == 0xaa00_03e0
}

fn made(item: Item) -> Option<&'static [u32]> {
    let known = is_copy(item)
        || item.word & 0xffc0_0000 == 0xf940_0000 // ldr x, with an offset in words
        || item.word & 0xffe0_0c00 == 0xf840_0000 // ldur x
        || item.word & 0xff00_0000 == 0x5800_0000; // ldr of a literal
    known.then_some(&[0])
}

/// Whether code stores registers of its caller's other than the frame pointer below its stack pointer, one or two at once:
/// as Cranelift's prologues save them.
pub(super) fn names_saved(code: &[u8]) -> bool {
    words(code).any(|word| {
        let pair = matches!(word & 0xffc0_03e0, 0xa980_03e0 | 0x6d80_03e0) && word & 0x1f != 29;
        pair || matches!(word & 0xffe0_0fe0, 0xf800_0fe0 | 0xfc00_0fe0)
    })
}

/// The first bits of destination and sources, where they are general registers.
fn named(item: Item) -> &'static [u32] {
    match item.word >> 25 & 0xf {
        // data processing, with numbers and of registers
        0b1000 | 0b1001 => &[0, 5],
        0b0101 | 0b1101 => &[0, 5, 16],
        // br, blr
        0b1011 => &[5],
        // loads and stores: literals, pairs, others; of vectors
        0b1100 if item.word & 0x3b00_0000 == 0x1800_0000 => &[0],
        0b0100 | 0b1100 if item.word & 0x3a00_0000 == 0x2800_0000 => &[0, 5, 10],
        0b0100 | 0b1100 => &[0, 5],
        0b0110 | 0b1110 => &[5],
        _ => &[],
    }
}

/// A load with an offset in words, from above the frame.
fn unframed(item: Item, frame: u64) -> Item {
    let (offset, base) = (item.word >> 10 & 0xfff, item.word >> 5 & 0x1f);
    let is_load = matches!(item.word & 0xffc0_0000, 0xf940_0000 | 0xfd40_0000);
    let words = match base {
        29 => 2,
        31 => frame / 8,
        _ => return item,
    };
    if !is_load || offset < words {
        return item;
    }
    Item { word: item.word & !(0xfff << 10 | 0x1f << 5) | (offset - words) << 10 | 31 << 5, ..item }
}

#[cfg(test)]
mod tests {
    use super::names_saved;

    #[test]
    fn a_saved_register_is_seen() {
        for (text, word, saves) in [
            ("str x19, [sp, #-16]!", 0xf81f_0ff3_u32, true),
            ("stp x19, x20, [sp, #-16]!", 0xa9bf_53f3, true),
            ("stp d8, d9, [sp, #-16]!", 0x6dbf_27e8, true),
            ("stp x29, x30, [sp, #-16]!", 0xa9bf_7bfd, false),
            ("str x19, [sp, #8]", 0xf900_07f3, false),
        ] {
            assert_eq!(names_saved(&word.to_le_bytes()), saves, "{text}");
        }
    }
}
