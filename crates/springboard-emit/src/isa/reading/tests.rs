//! Readings of stubs and of their mutants.

use springboard_abi::{FastCall, Guard, Narrow, Options, Target, plan, plan_fast_call};
use springboard_ir::Signature;

use super::{
    super::{aarch64, riscv64, s390x},
    step::is_literals,
    *,
};
use crate::Compiler;

fn plans(target: &Target) -> Vec<(String, Plan)> {
    let mut plans = Vec::new();
    for text in [
        "int(int, int)",
        "double(double, double, long, long)",
        "struct { double x, y; }(struct { double x, y; }, double)",
        "void(long, long, long, long, long, long, long, long, long, float)",
    ] {
        let signature = Signature::parse(text).expect("a signature");
        for entry in [Entry::Slots, Entry::Bound, Entry::Relay, Entry::Direct, Entry::Callback] {
            // Some have too many arguments for a direct call.
            if let Ok(plan) = plan(&signature, target, entry) {
                plans.push((format!("{text} by {entry}"), plan));
            }
        }
    }
    for text in ["int(int, double)", "short(short, long)"] {
        let signature = Signature::parse(text).expect("a signature");
        let call = FastCall {
            guard: Guard::Closed,
            narrow: Narrow::Check,
            options: Options::Always,
            ..FastCall::new(signature)
        };
        plans.push((format!("{text} by v8"), plan_fast_call(&call, target).expect("a plan")));
    }
    plans
}

/// Turns round every bit of every instruction of many stubs. What is accepted must be the same program, by these rules of
/// the CPU and no other: they are told the instruction and the bit.
fn mutants_are_refused(
    triple: &str,
    cpu: &'static Cpu,
    bytes_of: fn(u8) -> usize,
    means_the_same: fn(&[u8], usize) -> bool,
) {
    let triple = triple.parse().expect("a triple");
    let Ok(mut compiler) = Compiler::new(&triple) else { return };
    let target = Target::of(&triple).expect("a target");
    let (mut mutants, mut accepted) = (0, Vec::new());
    for (name, plan) in plans(&target) {
        let live = Live::of(cpu, &plan);
        let template = compiler.emit(&plan).expect("a template");
        let whole = Code { bytes: template.code.to_vec(), holes: template.holes.to_vec() };
        assert!(is_same(cpu, &whole, &whole, live), "{name} can be read: {:#?}", (cpu.program)(&whole));
        // Nothing comes to what is between the instructions and the literals.
        let starts = starts(&whole, bytes_of);
        let end = starts[starts.len() - 1];
        for bit in 0..end * 8 {
            let mut bytes = whole.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            mutants += 1;
            if is_same(cpu, &whole, &Code { bytes, holes: whole.holes.clone() }, live) {
                let after = starts.partition_point(|start| *start <= bit / 8);
                let (start, next) = (starts[after - 1], starts[after]);
                let instruction = &whole.bytes[start..next];
                if !means_the_same(instruction, bit - start * 8) {
                    accepted.push(format!("{name}: bit {} of {instruction:02x?}", bit - start * 8));
                }
            }
        }
    }
    assert!(mutants > 7000, "{mutants} mutants");
    assert!(accepted.is_empty(), "{} accepted:\n{}", accepted.len(), accepted.join("\n"));
}

/// Where each instruction begins, and where the last one ends. Its first byte says how long it is.
fn starts(code: &Code, bytes_of: fn(u8) -> usize) -> Vec<usize> {
    let (mut starts, mut at) = (Vec::new(), 0);
    while at < code.bytes.len() && !is_literals(code, at) {
        starts.push(at);
        at += bytes_of(code.bytes[at]);
    }
    starts.push(at);
    starts
}

#[test]
fn mutants_of_aarch64() {
    mutants_are_refused(
        "aarch64-unknown-linux-gnu",
        &aarch64::CPU,
        |_| 4,
        |instruction, bit| {
            let word = u32::from_le_bytes(instruction[..4].try_into().expect("four bytes"));
            let no_offset = word & 0x003f_fc00 == 0 || word & 0x001f_f000 == 0;
            match 1 << bit {
                // An access with an offset of zero in another form: scaled, not scaled, written back.
                0x0100_0000 | 0x0000_0400 => word & 0x3a00_0000 == 0x3800_0000 && no_offset,
                // add and sub of zero
                0x4000_0000 => word & 0x3f80_0000 == 0x1100_0000 && word & 0x003f_fc00 == 0,
                // sub sp, x29 in place of sub sp, sp, right after both became the same
                0x0000_0040 => word & 0xff80_03ff == 0xd100_03ff,
                // A register shifted by nothing, any way
                0x0040_0000 | 0x0080_0000 => word & 0x7f20_fc00 == 0x2a00_0000,
                // mov x0, x1 in place of mov x0, x5, which is a copy of it
                0x0004_0000 => word == 0xaa05_03e0,
                _ => false,
            }
        },
    );
}

#[test]
fn mutants_of_riscv64() {
    // sext.w to a4 and t3 in place of a2, where the same was before
    mutants_are_refused(
        "riscv64gc-unknown-linux-gnu",
        &riscv64::CPU,
        |_| 4,
        |instruction, bit| instruction == [0x1b, 0x06, 0x07, 0x00] && matches!(bit, 8 | 11),
    );
}

#[test]
fn mutants_of_s390x() {
    // lg and ld by r5 in place of r4, which is a copy of it
    let bytes_of = |first: u8| [2, 4, 4, 6][usize::from(first >> 6)];
    mutants_are_refused("s390x-unknown-linux-gnu", &s390x::CPU, bytes_of, |instruction, bit| {
        let copied = bit == 20
            && matches!(instruction, [0xe3, 0x20, 0x40, 0x10, 0x00, 0x04] | [0x68, 0x00, 0x40, 0x08]);
        // lg of a word on the caller's stack, by r1 in place of r3: the prologue has left the caller's stack pointer there
        copied
            || bit == 21 && matches!(instruction, [0xe3, 0x20, 0x30, 0xa0 | 0xa8 | 0xb0 | 0xb8, 0x00, 0x04])
    });
}

#[test]
fn a_jump_is_a_call_with_nothing_after_it() {
    let cpu = &aarch64::CPU;
    let code = |words: &[u32]| Code {
        bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        holes: Vec::new(),
    };
    let two_integers = Live { native: 0b11, host: 0b1111, stack_bytes: 0 };
    // stp x29, x30, [sp, #-16]!; mov x29, sp; mov x9, x0; ldr x0, [x1]; ldr x1, [x1, #8]; blr x9;
    // ldp x29, x30, [sp], #16; ret
    let framed = code(&[
        0xa9bf_7bfd,
        0x9100_03fd,
        0xaa00_03e9,
        0xf940_0020,
        0xf940_0421,
        0xd63f_0120,
        0xa8c1_7bfd,
        0xd65f_03c0,
    ]);
    // mov x16, x0; ldp x0, x1, [x1]; br x16
    assert!(is_same(cpu, &framed, &code(&[0xaa00_03f0, 0xa940_0420, 0xd61f_0200]), two_integers));
    for (what, words) in [
        ("another register", [0xaa00_03f0, 0xa940_0020, 0xd61f_0200]),
        ("another slot", [0xaa00_03f0, 0xa940_8420, 0xd61f_0200]),
        ("another target: mov x16, x1", [0xaa01_03f0, 0xa940_0420, 0xd61f_0200]),
        ("a register that bti c keeps out: x9", [0xaa00_03e9, 0xa940_0420, 0xd61f_0120]),
        ("a callee-saved register: mov x19, x0", [0xaa00_03f3, 0xa940_0420, 0xd61f_0260]),
    ] {
        assert!(!is_same(cpu, &framed, &code(&words), two_integers), "{what}");
    }
}
