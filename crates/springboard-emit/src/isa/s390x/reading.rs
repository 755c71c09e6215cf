//! What instructions do (z/Architecture Principles of Operation). There is no library that decodes them in Rust alone.

use super::super::{
    Code,
    reading::{Cpu, FLAGS, Register, Step, VECTOR, bits, program},
};

pub(in crate::isa) static CPU: Cpu = Cpu {
    program: |code| program(code, decode),
    stack: 15,
    frame: None,
    link: Some(14),
    // The register save area (zSeries ELF ABI, "The Stack Frame").
    saves: 160,
    aligned: 8,
    // r6 to r13, f8 to f15
    preserved: 0xff << 6 | 0xff << (VECTOR + 8),
    results: bits(&[2, VECTOR]),
    // Through r0 nothing jumps.
    jumps: 0b11_1110,
    gprs: &[2, 3, 4, 5, 6],
    vecs: &[VECTOR, VECTOR + 2, VECTOR + 4, VECTOR + 6],
};

/// The instruction at an offset, and its bytes.
fn word(code: &Code, at: usize) -> Option<(u64, usize)> {
    let bytes = [2, 4, 4, 6][usize::from(code.bytes.get(at)? >> 6)];
    let word = code.bytes.get(at..at + bytes)?.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    Some((word, bytes))
}

fn decode(code: &Code, at: usize, steps: &mut Vec<Step>) -> Option<usize> {
    let (word, bytes) = word(code, at)?;
    match bytes {
        2 => short(word, steps),
        4 => middle(code, at, word, steps),
        _ => long(code, at, word, steps),
    }
    .map(|more| bytes + more)
}

fn register(word: u64, first: u32) -> Register {
    (word >> first & 0xf) as Register
}

/// Base and displacement, from the bit of the displacement on. `None` where there is no base, which is zero.
fn place(word: u64, first: u32) -> Option<(Register, i64)> {
    let base = register(word, first + 12);
    (base != 0).then_some((base, (word >> first & 0xfff) as i64))
}

fn offset_from(at: usize, halves: i64) -> Option<usize> {
    usize::try_from(at as i64 + halves * 2).ok()
}

fn short(word: u64, steps: &mut Vec<Step>) -> Option<usize> {
    let (first, second) = (register(word, 4), register(word, 0));
    let how = word >> 8;
    steps.push(match (how, first) {
        // basr %r14
        (0x0d, 14) if second != 0 => Step::Call(second),
        // br
        (0x07, 15) if second == 14 => Step::Return,
        (0x07, 15) if second != 0 => Step::Jump(second),
        // Whatever else may branch.
        (0x04..=0x0f, _) => return None,
        // clr, cr
        (0x15 | 0x19, _) => Step::Make { to: FLAGS, how, from: [Some(first), Some(second)] },
        // lr: the upper half stays.
        (0x18, _) => Step::Make { to: first, how, from: [Some(second), Some(first)] },
        _ => Step::Other(word),
    });
    Some(0)
}

/// Four bytes. Says how many more belong to it.
fn middle(code: &Code, at: usize, word: u64, steps: &mut Vec<Step>) -> Option<usize> {
    let (first, opcode) = (register(word, 20), word >> 24);
    let number = word as i16;
    let how = word & !0x00f0_0000;
    let step = match opcode {
        0xa7 => match word >> 16 & 0xf {
            // brc
            0x4 if first == 15 => Step::Goto(offset_from(at, number.into())?),
            0x4 => {
                let to = offset_from(at, number.into())?;
                Step::Branch { how: first.into(), from: [Some(FLAGS), None], to }
            }
            // bras %r1, over; lg reg, 0(%r1)
            0x5 if word == 0xa715_0006 => {
                let kind = code.hole_at(at + 4)?;
                let (load, bytes) = self::word(code, at + 12)?;
                let to = register(load, 36);
                if load != 0xe300_1000_0004 | u64::from(to) << 36 {
                    return None;
                }
                steps.push(Step::Make { to: 1, how: word, from: [None; 2] });
                steps.push(Step::Literal { to, kind });
                return Some(8 + bytes);
            }
            0x5..=0x7 => return None,
            // lhi: the upper half stays.
            0x8 => Step::Make { to: first, how, from: [Some(first), None] },
            // lghi
            0x9 => Step::Make { to: first, how, from: [None; 2] },
            // aghi
            0xb => {
                steps.push(Step::Make { to: FLAGS, how, from: [Some(first), None] });
                Step::Add { to: first, from: first, distance: number.into() }
            }
            // chi, cghi
            0xe | 0xf => Step::Make { to: FLAGS, how, from: [Some(first), None] },
            _ => Step::Other(word),
        },
        // la, without an index
        0x41 if register(word, 16) == 0 => match place(word, 0) {
            Some((from, distance)) => Step::Add { to: first, from, distance },
            None => Step::Other(word),
        },
        // sth, stc, st, std, ste; ld, le
        0x40 | 0x42 | 0x50 | 0x60 | 0x68 | 0x70 | 0x78 if register(word, 16) == 0 => {
            let Some((base, offset)) = place(word, 0) else { return other(word, steps) };
            match opcode {
                0x40 => Step::Store { from: first, base, offset, bytes: 2 },
                0x42 => Step::Store { from: first, base, offset, bytes: 1 },
                0x50 => Step::Store { from: first, base, offset, bytes: 4 },
                0x60 => Step::Store { from: VECTOR + first, base, offset, bytes: 8 },
                0x70 => Step::Store { from: VECTOR + first, base, offset, bytes: 4 },
                0x68 => Step::Load { to: VECTOR + first, base, offset, bytes: 8, how: 0 },
                _ => Step::Load { to: VECTOR + first, base, offset, bytes: 4, how: opcode },
            }
        }
        0xb9 | 0xb3 => return registers(word, steps),
        0x84 | 0x85 => return None,
        _ => Step::Other(word),
    };
    steps.push(step);
    Some(0)
}

/// Instructions of two or three registers.
fn registers(word: u64, steps: &mut Vec<Step>) -> Option<usize> {
    let (to, from) = (register(word, 4), register(word, 0));
    let how = word >> 16;
    let plain = word & 0xff00 == 0;
    let step = match how {
        // lgr
        0xb904 if plain => Step::Add { to, from, distance: 0 },
        // lgbr, lghr, lgfr, llgfr, llgcr, llghr
        0xb906 | 0xb907 | 0xb914 | 0xb916 | 0xb984 | 0xb985 if plain => {
            Step::Make { to, how, from: [Some(from), None] }
        }
        // lbr, lhr, llcr, llhr: the upper half stays.
        0xb926 | 0xb927 | 0xb994 | 0xb995 if plain => Step::Make { to, how, from: [Some(from), Some(to)] },
        // cgr, clgr
        0xb920 | 0xb921 if plain => Step::Make { to: FLAGS, how, from: [Some(to), Some(from)] },
        // lgdr, ldgr
        0xb3cd if plain => Step::Make { to, how, from: [Some(VECTOR + from), None] },
        0xb3c1 if plain => Step::Make { to: VECTOR + to, how, from: [Some(from), None] },
        _ => Step::Other(word),
    };
    steps.push(step);
    Some(0)
}

fn other(word: u64, steps: &mut Vec<Step>) -> Option<usize> {
    steps.push(Step::Other(word));
    Some(0)
}

fn long(code: &Code, at: usize, word: u64, steps: &mut Vec<Step>) -> Option<usize> {
    let (first, opcode) = (register(word, 36), word >> 40);
    let function = word & 0xff;
    let far = word as i32;
    // A displacement of 20 bits, whose upper ones follow.
    let placed = || {
        let (base, low) = place(word, 16)?;
        Some((base, i64::from((word >> 8) as i8) << 12 | low))
    };
    let indexed = register(word, 32) != 0;
    let step = match opcode {
        0xe3 if !indexed => {
            let Some((base, offset)) = placed() else { return other(word, steps) };
            let load = |bytes| Step::Load { to: first, base, offset, bytes, how: function };
            let store = |bytes| Step::Store { from: first, base, offset, bytes };
            match function {
                // lg; lgf, llgf; lgh, llgh; lgb, llgc
                0x04 => Step::Load { to: first, base, offset, bytes: 8, how: 0 },
                0x14 | 0x16 => load(4),
                0x15 | 0x91 => load(2),
                0x77 | 0x90 => load(1),
                // stg, sty, sthy, stcy
                0x24 => store(8),
                0x50 => store(4),
                0x70 => store(2),
                0x72 => store(1),
                // lay
                0x71 => Step::Add { to: first, from: base, distance: offset },
                _ => Step::Other(word),
            }
        }
        // vleg, vsteg of the first element
        0xe7 if matches!(word & 0xf7ff, 0x0002 | 0x000a) && !indexed => {
            let vector = VECTOR + first + if word & 0x0800 != 0 { 16 } else { 0 };
            match (place(word, 16), function) {
                (Some((base, offset)), 0x02) => Step::Load { to: vector, base, offset, bytes: 8, how: 0 },
                (Some((base, offset)), _) => Step::Store { from: vector, base, offset, bytes: 8 },
                (None, _) => Step::Other(word),
            }
        }
        // vlgv, vlvg: of an element that a number says, in one of the first 16 vectors
        0xe7 if matches!(function, 0x21 | 0x22) && word >> 28 & 0xf == 0 && word >> 8 & 0xf == 0 => {
            let (how, second) = (word & !(0xff << 32), register(word, 32));
            match function {
                0x21 => Step::Make { to: first, how, from: [Some(VECTOR + second), None] },
                _ => Step::Make { to: VECTOR + first, how, from: [Some(second), Some(VECTOR + first)] },
            }
        }
        // stmg, lmg
        0xeb if matches!(function, 0x24 | 0x04) => {
            let last = register(word, 32);
            let (base, offset) = placed().filter(|_| first <= last)?;
            let mut parts: Vec<(Register, i64)> =
                (first..=last).map(|register| (register, offset + i64::from(register - first) * 8)).collect();
            // What replaces the base comes last.
            parts.sort_by_key(|(register, _)| *register == base);
            steps.extend(parts.into_iter().map(|(register, offset)| match function {
                0x24 => Step::Store { from: register, base, offset, bytes: 8 },
                _ => Step::Load { to: register, base, offset, bytes: 8, how: 0 },
            }));
            return Some(0);
        }
        // srag, srlg, sllg, by a number
        0xeb if matches!(function, 0x0a | 0x0c | 0x0d) && register(word, 28) == 0 => {
            let how = word & !(0xff << 32);
            let from = [Some(register(word, 32)), None];
            if function == 0x0a {
                steps.push(Step::Make { to: FLAGS, how, from });
            }
            Step::Make { to: first, how, from }
        }
        0xc0 => match register(word, 32) {
            // brcl
            0x4 if first == 15 => Step::Goto(offset_from(at, far.into())?),
            0x4 => {
                let to = offset_from(at, far.into())?;
                Step::Branch { how: first.into(), from: [Some(FLAGS), None], to }
            }
            // larl, brasl
            0x0 | 0x5 => return None,
            _ => Step::Other(word),
        },
        // clgfi, cgfi
        0xc2 if matches!(register(word, 32), 0xc | 0xe) => {
            Step::Make { to: FLAGS, how: word & !(0xf << 36), from: [Some(first), None] }
        }
        // lgrl: its literal is aligned.
        0xc4 if register(word, 32) == 0x8 => {
            let target = offset_from(at, far.into())?;
            let kind = code.hole_at(target).filter(|_| target.is_multiple_of(8))?;
            Step::Literal { to: first, kind }
        }
        0xc4..=0xc7 => return None,
        0xcc if register(word, 32) == 0x6 => return None,
        0xec if !matches!(function, 0x51 | 0x54..=0x59 | 0x5d | 0xd8..=0xdb) => return None,
        _ => Step::Other(word),
    };
    steps.push(step);
    Some(0)
}
