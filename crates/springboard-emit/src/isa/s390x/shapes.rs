//! How stubs of this CPU are written, and how they are written shorter.
//!
//! Instructions have two, four or six bytes; distances are counted in units of two.

use super::{
    super::{
        Code,
        assembly::{Encoding, Item, To, signed},
        reading::Register,
        shorten::Shapes,
    },
    reading::CPU,
};

pub(super) static SHAPES: Shapes = Shapes {
    encoding: Encoding { item, with_distance, big_endian: true },
    cpu: &CPU,
    prologue,
    epilogue,
    // basr %r14
    called: |item| (item.bytes == 2 && item.word & 0xfff0 == 0x0de0).then_some(register(item, 0)),
    call: |register| Item::plain(0x0de0 | u64::from(register), 2),
    // br
    jump: |register| Item::plain(0x07f0 | u64::from(register), 2),
    jump_register: 1,
    register: 0xf,
    copied: |item| is_copy(item).then_some([4, 0]),
    copy: |to, from| Item::plain(0xb904_0000 | u64::from(to) << 4 | u64::from(from), 4),
    made: |item| match item.bytes {
        4 => is_copy(item).then_some(&[4]),
        6 => (is_load(item) || item.word >> 32 & 0xff0f == LGRL).then_some(&[36]),
        _ => None,
    },
    unframed,
    further: addressed,
    // Nobody unwinds through stubs of this CPU.
    saved: |_| None,
    named: |_| &[],
    spare: &[],
};

const LGRL: u64 = 0xc408;
/// Bytes of the smallest frame: a register save area for whoever is called.
const FRAME: u64 = 160;

fn register(item: Item, first: u32) -> Register {
    (item.word >> first & 0xf) as Register
}

/// `lgr`
fn is_copy(item: Item) -> bool {
    item.bytes == 4 && item.word >> 16 == 0xb904
}

/// `lg`
fn is_load(item: Item) -> bool {
    item.bytes == 6 && item.word >> 40 == 0xe3 && item.word & 0xff == 0x04
}

fn word(code: &Code, at: usize) -> Option<(u64, usize)> {
    let bytes = match code.bytes.get(at)? >> 6 {
        0 => 2,
        3 => 6,
        _ => 4,
    };
    let word = code.bytes.get(at..at + bytes)?.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    Some((word, bytes))
}

fn item(code: &Code, at: usize) -> Option<(Item, usize)> {
    let (whole, bytes) = word(code, at)?;
    let opcode = whole >> (bytes * 8 - 8);
    let function = whole >> (bytes * 8 - 16) & 0xf;
    let (distance, field) = match (opcode, function) {
        // bras %r1, over; lg reg, 0(%r1)
        (0xa7, 5) if whole == 0xa715_0006 => {
            let (load, size) = word(code, at + 12)?;
            let register = load >> 36 & 0xf;
            let kind = code.hole_at(at + 4).filter(|_| load == 0xe300_1000_0004 | register << 36)?;
            let item = Item { word: (LGRL | register << 4) << 32, bytes: 6, to: To::Literal(kind) };
            return Some((item, 12 + size));
        }
        // brc, brcl
        (0xa7, 4) => (signed(whole, 0, 16) * 2, 0xffff),
        (0xc0, 4) => (signed(whole, 0, 32) * 2, 0xffff_ffff),
        // Whatever else may refer to something by distance.
        (0xa7, 5..=7) | (0xc0, 0 | 5) | (0xc4..=0xc7 | 0x84 | 0x85, _) | (0xcc, 6) => return None,
        (0xec, _) if !matches!(whole & 0xff, 0x51 | 0x54..=0x59 | 0x5d | 0xd8..=0xdb) => return None,
        _ => return Some((Item::plain(whole, bytes as u8), bytes)),
    };
    let target = usize::try_from(at as i64 + distance).ok()?;
    Some((Item { word: whole & !field, bytes: bytes as u8, to: To::Item(target) }, bytes))
}

fn with_distance(item: Item, distance: i64) -> u64 {
    item.word | (distance / 2) as u64 & if item.bytes == 4 { 0xffff } else { 0xffff_ffff }
}

/// `stmg reg, %r15, (%r15)`; `lgr %r1, %r15`; `aghi %r15, -160`; `stg %r1, (%r15)`
fn prologue(items: &[Item]) -> Option<(usize, u64)> {
    const REST: [Item; 3] =
        [Item::plain(0xb904_001f, 4), Item::plain(0xa7fb_ff60, 4), Item::plain(0xe310_f000_0024, 6)];
    let (first, rest) = items.split_first()?;
    let saves = first.word & 0xff0f_f000_ffff == 0xeb0f_f000_0024;
    (saves && rest.starts_with(&REST)).then_some((4, FRAME))
}

/// `lmg reg, %r15, (%r15)`; `br %r14`
fn epilogue(items: &[Item]) -> Option<usize> {
    let [restore, ret, ..] = items else { return None };
    let restores = restore.word & 0xff0f_f000_ffff == 0xeb0f_f000_0004;
    (restores && *ret == Item::plain(0x07fe, 2)).then_some(2)
}

/// A load by the stack pointer from above the frame, where there is none.
fn unframed(item: Item, frame: u64) -> Item {
    let (by_stack, is_short, displacement) = match item.bytes {
        // ld, le
        4 => (item.word >> 12 & 0xff == 0x0f, matches!(item.word >> 24, 0x68 | 0x78), item.word & 0xfff),
        6 => (item.word >> 28 & 0xff == 0x0f, item.word >> 40 == 0xe3, item.word >> 16 & 0xfff),
        _ => return item,
    };
    if !by_stack || !is_short || displacement < frame + FRAME {
        return item;
    }
    Item { word: item.word - (frame << if item.bytes == 4 { 0 } else { 16 }), ..item }
}

/// The same instructions, with the addresses of the stub's own words in what loads or stores them right after.
fn addressed(items: &[Item]) -> Vec<Item> {
    if items.iter().any(|item| matches!(item.to, To::Item(_))) {
        return items.to_vec();
    }
    let mut shorter: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        let with = shorter.last().and_then(|address| at_address(*address, *item));
        if with.is_some() {
            shorter.pop();
        }
        shorter.push(with.unwrap_or(*item));
    }
    shorter
}

/// An instruction with the address that `la reg, …(%r15)` makes, in place of `…(reg)`.
fn at_address(address: Item, item: Item) -> Option<Item> {
    if address.bytes != 4 || address.word & 0xff0f_f000 != 0x4100_f000 {
        return None;
    }
    let (reg, displacement) = (address.word >> 20 & 0xf, address.word & 0xfff);
    let first = match (item.bytes, item.word >> (u64::from(item.bytes) * 8 - 8)) {
        // RX: st, l, ld, le, std, ste
        (4, 0x50 | 0x58 | 0x60 | 0x68 | 0x70 | 0x78) => 0,
        // RXY and VRX
        (6, 0xe3 | 0xe7) => 16,
        _ => return None,
    };
    let (base, further) = (item.word >> first & 0xf_f000, item.word >> first & 0xfff);
    let together = displacement + further;
    let word = item.word & !(0xf_ffff << first) | (0xf000 | together) << first;
    (base == reg << 12 && together < 0x1000).then_some(Item { word, ..item })
}
