//! How stubs of this CPU are written, and how they are written shorter.

use super::{
    super::{
        Code,
        assembly::{Encoding, Item, To, plain, signed, word_at, words},
        reading::Register,
        shorten::{Saved, Shapes},
    },
    reading::CPU,
};

pub(super) static SHAPES: Shapes = Shapes {
    encoding: Encoding { item, with_distance, big_endian: false },
    cpu: &CPU,
    prologue,
    epilogue,
    // jalr
    called: |item| (item.word & 0xfff0_7fff == 0x0000_00e7).then_some(rs1(item)),
    call: |register| plain(0x0000_00e7 | u64::from(register) << 15),
    // jr
    jump: |register| plain(0x0000_0067 | u64::from(register) << 15),
    // t1: a jump through ra or t0 is taken for a return (RISC-V ISA, "Unconditional Jumps").
    jump_register: 6,
    // mv
    register: 0x1f,
    copied: |item| (item.word & 0xfff0_707f == 0x0000_0013).then_some([7, 15]),
    copy: |to, from| plain(0x0000_0013 | u64::from(to) << 7 | u64::from(from) << 15),
    made: |item| match item.word & 0x7f {
        LOAD | ADDI => Some(&[7]),
        AUIPC => Some(&[7, 39, 47]),
        _ => None,
    },
    unframed,
    further: <[Item]>::to_vec,
    // sd and ld of one of those, by the stack pointer
    saved: |item| {
        let (register, at) = match item.word & 0xf_f07f {
            0x1_3023 => (rs2(item), item.word >> 25 << 5 | item.word >> 7 & 0x1f),
            0x1_3003 => (rd(item), item.word >> 20),
            _ => return None,
        };
        is_saved(register).then_some(Saved { register, at, rest: None })
    },
    named,
    // t0 to t6, a0 to a7
    spare: &[5, 6, 7, 28, 29, 30, 31, 10, 11, 12, 13, 14, 15, 16, 17],
};

const LOAD: u64 = 0x03;
const LOAD_FLOAT: u64 = 0x07;
const ADDI: u64 = 0x13;
const AUIPC: u64 = 0x17;
const STORE: u64 = 0x23;
const BRANCH: u64 = 0x63;
const JALR: u64 = 0x67;
const JAL: u64 = 0x6f;
/// `j` over a literal that follows.
const J_OVER_LITERAL: u64 = 0x00c0_006f;

fn rd(item: Item) -> Register {
    (item.word >> 7 & 0x1f) as Register
}

fn rs1(item: Item) -> Register {
    (item.word >> 15 & 0x1f) as Register
}

fn rs2(item: Item) -> Register {
    (item.word >> 20 & 0x1f) as Register
}

fn item(code: &Code, at: usize) -> Option<(Item, usize)> {
    let whole = u64::from(word_at(&code.bytes, at)?);
    let (distance, field) = match whole & 0x7f {
        AUIPC => return literal(code, at),
        BRANCH => {
            let (low, high) =
                (whole >> 8 & 0xf | (whole >> 25 & 0x3f) << 4, whole >> 7 & 1 | (whole >> 31) << 1);
            (signed(low | high << 10, 0, 12) * 2, 0xfe00_0f80)
        }
        JAL => {
            let low = whole >> 21 & 0x3ff | (whole >> 20 & 1) << 10 | (whole >> 12 & 0xff) << 11;
            (signed(low | (whole >> 31) << 19, 0, 20) * 2, 0xffff_f000)
        }
        _ => return Some((plain(whole), 4)),
    };
    let target = usize::try_from(at as i64 + distance).ok()?;
    Some((Item { word: whole & !field, bytes: 4, to: To::Item(target) }, 4))
}

/// `auipc reg`; `ld reg, (reg)`, and the jump over the literal, if it follows.
fn literal(code: &Code, at: usize) -> Option<(Item, usize)> {
    let word = |at| word_at(&code.bytes, at).map(u64::from);
    let (upper, lower) = (word(at)?, word(at + 4)?);
    let register = upper >> 7 & 0x1f;
    let load = LOAD | 3 << 12 | register << 7 | register << 15;
    let distance = signed(upper, 12, 20) * 0x1000 + signed(lower, 20, 12);
    let kind = code.hole_at(usize::try_from(at as i64 + distance).ok()?)?;
    let follows = word(at + 8) == Some(J_OVER_LITERAL) && code.hole_at(at + 12).is_some();
    let item = Item { word: upper & 0xfff | load << 32, bytes: 8, to: To::Literal(kind) };
    (lower & 0xf_ffff == load).then_some((item, if follows { 20 } else { 8 }))
}

fn with_distance(item: Item, distance: i64) -> u64 {
    let bits = |first: u32, count: u32| distance as u64 >> first & ((1 << count) - 1);
    item.word
        | match item.word & 0x7f {
            AUIPC => {
                let upper = (distance + 0x800) >> 12;
                (upper as u64 & 0xf_ffff) << 12 | bits(0, 12) << 52
            }
            BRANCH => bits(12, 1) << 31 | bits(5, 6) << 25 | bits(1, 4) << 8 | bits(11, 1) << 7,
            _ => bits(20, 1) << 31 | bits(1, 10) << 21 | bits(11, 1) << 20 | bits(12, 8) << 12,
        }
}

/// `addi sp, sp, -16`; `sd ra, 8(sp)`; `sd s0, (sp)`; `mv s0, sp`, and the room that is made after that.
fn prologue(items: &[Item]) -> Option<(usize, u64)> {
    const FRAME: [Item; 4] = [plain(0xff01_0113), plain(0x0011_3423), plain(0x0081_3023), plain(0x0001_0413)];
    let (mut rest, mut bytes) = (items.strip_prefix(&FRAME)?, 16);
    if rest.first().is_some_and(moves_stack) {
        bytes += signed(rest[0].word, 20, 12).unsigned_abs();
        rest = &rest[1..];
    }
    Some((items.len() - rest.len(), bytes))
}

/// What undoes it, and `ret`.
fn epilogue(items: &[Item]) -> Option<usize> {
    const END: [Item; 4] = [plain(0x0081_3083), plain(0x0001_3403), plain(0x0101_0113), plain(0x0000_8067)];
    let mut rest = items;
    if !rest.starts_with(&END) && rest.first().is_some_and(moves_stack) {
        rest = &rest[1..];
    }
    Some(items.len() - rest.strip_prefix(&END)?.len())
}

/// `addi sp, sp, …`
fn moves_stack(item: &Item) -> bool {
    item.word & 0xf_ffff == 0x1_0113
}

/// `s1` to `s11`.
fn is_saved(register: Register) -> bool {
    matches!(register, 9 | 18..=27)
}

/// Whether code stores one of them on its stack.
pub(super) fn names_saved(code: &[u8]) -> bool {
    words(code).any(|word| {
        let register = (word >> 20 & 0x1f) as Register;
        match word & 0xf_f07f {
            // sd
            0x1_3023 => is_saved(register),
            // fsd; fs0 has the number of the frame pointer
            0x1_3027 => is_saved(register) || register == 8,
            _ => false,
        }
    })
}

/// The first bits of destination and sources, where they are general registers.
fn named(item: Item) -> &'static [u32] {
    match item.word & 0x7f {
        LOAD | ADDI | 0x1b | JALR => &[7, 15],
        LOAD_FLOAT => &[15],
        STORE | BRANCH => &[15, 20],
        0x27 => &[15],
        0x33 | 0x3b => &[7, 15, 20],
        0x37 => &[7],
        AUIPC => &[7, 39, 47],
        _ => &[],
    }
}

/// A load from above the frame.
fn unframed(item: Item, frame: u64) -> Item {
    let offset = item.word >> 20;
    let is_load = matches!(item.word & 0x7f, LOAD | LOAD_FLOAT) && item.to == To::Nothing;
    if !is_load || rs1(item) != 2 || offset < frame || offset >= 0x800 {
        return item;
    }
    Item { word: item.word - (frame << 20), ..item }
}

#[cfg(test)]
mod tests {
    use super::names_saved;

    #[test]
    fn a_saved_register_is_seen() {
        for (text, word, saves) in [
            ("sd s2, 88(sp)", 0x0521_3c23_u32, true),
            ("sd s1, 0(sp)", 0x0091_3023, true),
            ("fsd fs0, 8(sp)", 0x0081_3427, true),
            ("fsd fs2, 8(sp)", 0x0121_3427, true),
            ("sd s0, 0(sp)", 0x0081_3023, false),
            ("sd a0, 0(sp)", 0x00a1_3023, false),
        ] {
            assert_eq!(names_saved(&word.to_le_bytes()), saves, "{text}");
        }
    }
}
