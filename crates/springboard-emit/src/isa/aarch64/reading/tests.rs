//! Readings of stubs and of their mutants.

use springboard_abi::{Entry, Target, plan};
use springboard_ir::Signature;

use super::*;
use crate::template::Hole;

fn code(words: &[u32]) -> Code {
    Code { bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(), holes: Vec::new() }
}

const TWO_INTEGERS: Live = Live { gprs: 0b11, vecs: 0 };
/// `stp x29, x30, [sp, #-16]!`; `mov x29, sp`; `mov x9, x0`; `ldr x0, [x1]`; `ldr x1, [x1, #8]`; `blr x9`;
/// `ldp x29, x30, [sp], #16`; `ret`
const FRAMED: [u32; 8] =
    [0xa9bf_7bfd, 0x9100_03fd, 0xaa00_03e9, 0xf940_0020, 0xf940_0421, 0xd63f_0120, 0xa8c1_7bfd, 0xd65f_03c0];

#[test]
fn a_jump_is_a_call_with_nothing_after_it() {
    // mov x16, x0; ldp x0, x1, [x1]; br x16
    let jump = [0xaa00_03f0, 0xa940_0420, 0xd61f_0200];
    assert!(is_same(&code(&FRAMED), &code(&jump), TWO_INTEGERS));
    for (what, words) in [
        ("another register", [0xaa00_03f0, 0xa940_0020, 0xd61f_0200]),
        ("another slot", [0xaa00_03f0, 0xa940_8420, 0xd61f_0200]),
        ("another target: mov x16, x1", [0xaa01_03f0, 0xa940_0420, 0xd61f_0200]),
        ("a register that bti c keeps out: x9", [0xaa00_03e9, 0xa940_0420, 0xd61f_0120]),
        ("a callee-saved register: mov x19, x0", [0xaa00_03f3, 0xa940_0420, 0xd61f_0260]),
    ] {
        assert!(!is_same(&code(&FRAMED), &code(&words), TWO_INTEGERS), "{what}");
    }
}

/// Every bit of every instruction of many stubs, turned round: what is accepted does the same.
#[test]
fn mutants_are_refused() {
    let triple = "aarch64-unknown-linux-gnu".parse().expect("a triple");
    let Ok(mut compiler) = crate::Compiler::new(&triple) else { return };
    let target = Target::of(&triple).expect("a target");
    let (mut mutants, mut accepted) = (0, Vec::new());
    for text in [
        "int(int, int)",
        "double(double, double, long, long)",
        "struct { double x, y; }(struct { double x, y; }, double)",
        "void(long, long, long, long, long, long, long, long, long, float)",
    ] {
        let signature = Signature::parse(text).expect("a signature");
        for entry in [Entry::Slots, Entry::Bound, Entry::Callback] {
            let plan = plan(&signature, &target, entry).expect("a plan");
            let live = Live::of(&plan);
            let template = compiler.emit(&plan).expect("a template");
            let holes: Vec<Hole> = template.holes.to_vec();
            let whole = Code { bytes: template.code.to_vec(), holes };
            assert!(is_same(&whole, &whole, live), "{text} by {entry} can be read");
            let end = whole.holes.iter().map(|hole| hole.offset as usize).min().unwrap_or(whole.bytes.len());
            for bit in 0..end * 8 {
                let mut bytes = whole.bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                mutants += 1;
                if is_same(&whole, &Code { bytes, holes: whole.holes.clone() }, live) {
                    let word = &whole.bytes[bit / 32 * 4..][..4];
                    let word = u32::from_le_bytes(word.try_into().expect("four bytes"));
                    accepted.push((word, 1u32 << (bit % 32)));
                }
            }
        }
    }
    assert!(mutants > 4000, "{mutants} mutants");
    accepted.retain(|(word, bit)| !means_the_same(*word, *bit));
    assert!(accepted.is_empty(), "accepted: {accepted:08x?}");
}

/// The mutants that are the same program, or that the decoder does not tell apart.
fn means_the_same(word: u32, bit: u32) -> bool {
    let no_offset = word & 0x003f_fc00 == 0 || word & 0x001f_f000 == 0;
    match bit {
        // An access with an offset of zero in another form: scaled, not scaled, written back.
        0x0100_0000 | 0x0000_0400 => word & 0x3a00_0000 == 0x3800_0000 && no_offset,
        // add and sub of zero
        0x4000_0000 => word & 0x3f80_0000 == 0x1100_0000 && word & 0x003f_fc00 == 0,
        // sub sp, x29 in place of sub sp, sp, right after both became the same
        0x0000_0040 => word & 0xff80_03ff == 0xd100_03ff,
        // A register shifted by nothing, any way
        0x0040_0000 | 0x0080_0000 => {
            word & 0x7f20_fc00 == 0x2a00_0000 || (word == 0x0e04_3c00 && bit == 0x0080_0000)
        }
        _ => false,
    }
}
