//! What instructions do (The RISC-V Instruction Set Manual, volume I, RV64GC without compressed instructions). There is no
//! kept library that decodes the loads and stores of floating point registers.

use super::super::{
    Code,
    assembly::word_at,
    reading::{Cpu, Register, Step, VECTOR, ZERO, bits, program},
};

pub(in crate::isa) static CPU: Cpu = Cpu {
    program: |code| program(code, decode),
    stack: 2,
    frame: Some(8),
    link: Some(1),
    saves: 0,
    aligned: 16,
    // gp, tp, s0 to s11; fs0 to fs11 (RISC-V ELF psABI, "Register Convention")
    preserved: PRESERVED | (PRESERVED & !(1 << 3 | 1 << 4)) << VECTOR,
    results: bits(&[10, 11, VECTOR + 10, VECTOR + 11]),
    // t1, t2, a0 to a7, t3 to t6: neither ra nor t0, through which one returns.
    jumps: 0b11 << 6 | 0xff << 10 | 0xf << 28,
    gprs: &[10, 11, 12, 13, 14, 15, 16, 17],
    vecs: &[42, 43, 44, 45, 46, 47, 48, 49],
};

const PRESERVED: u64 = 1 << 3 | 1 << 4 | 1 << 8 | 1 << 9 | 0x3ff << 18;

fn decode(code: &Code, at: usize, steps: &mut Vec<Step>) -> Option<usize> {
    let word = word_at(&code.bytes, at)?;
    let field = |first: u32, bits: u32| word >> first & ((1 << bits) - 1);
    // Which of the registers a number means.
    let general = |first: u32| if field(first, 5) == 0 { ZERO } else { field(first, 5) as Register };
    let float = |first: u32| VECTOR + field(first, 5) as Register;
    let (rd, rs1, rs2, function) = (7, 15, 20, field(12, 3));
    let immediate = i64::from(word as i32 >> 20);
    let stored = i64::from((word as i32 >> 25) << 5) | i64::from(field(7, 5));
    let target = |distance: i32| usize::try_from(at as i64 + i64::from(distance)).ok();
    // The instruction without registers.
    let (unary, binary) = (u64::from(word & !0x000f_8f80), u64::from(word & !0x01ff_8f80));
    let step = match field(0, 7) {
        // lb, lh, lw, ld, lbu, lhu, lwu
        0x03 if function < 7 => {
            let how = if function == 3 { 0 } else { u64::from(function) + 1 };
            Step::Load {
                to: general(rd),
                base: general(rs1),
                offset: immediate,
                bytes: 1 << (function & 3),
                how,
            }
        }
        // flw, fld
        0x07 if function == 2 || function == 3 => {
            let how = if function == 3 { 0 } else { 16 };
            Step::Load { to: float(rd), base: general(rs1), offset: immediate, bytes: 1 << function, how }
        }
        // sb, sh, sw, sd
        0x23 if function < 4 => {
            Step::Store { from: general(rs2), base: general(rs1), offset: stored, bytes: 1 << function }
        }
        // fsw, fsd
        0x27 if function == 2 || function == 3 => {
            Step::Store { from: float(rs2), base: general(rs1), offset: stored, bytes: 1 << function }
        }
        // addi, from something
        0x13 if function == 0 && field(rs1, 5) != 0 => {
            Step::Add { to: general(rd), from: general(rs1), distance: immediate }
        }
        // with an immediate, of 64 bits and of 32
        0x13 | 0x1b => Step::Make { to: general(rd), how: unary, from: [Some(general(rs1)), None] },
        // of two registers, likewise
        0x33 | 0x3b => {
            Step::Make { to: general(rd), how: binary, from: [Some(general(rs1)), Some(general(rs2))] }
        }
        // lui
        0x37 => Step::Make { to: general(rd), how: u64::from(word & !0xf80), from: [None; 2] },
        0x53 => match field(20, 12) {
            // fmv.x.w, fmv.x.d
            0xe00 | 0xe20 if function == 0 => {
                Step::Make { to: general(rd), how: unary, from: [Some(float(rs1)), None] }
            }
            // fmv.w.x, fmv.d.x; fcvt.s.w, fcvt.s.l, fcvt.d.w, fcvt.d.l
            0xf00 | 0xf20 | 0xd00 | 0xd02 | 0xd20 | 0xd22 => {
                Step::Make { to: float(rd), how: unary, from: [Some(general(rs1)), None] }
            }
            // fcvt.w.s, fcvt.l.s, fcvt.w.d, fcvt.l.d
            0xc00 | 0xc02 | 0xc20 | 0xc22 => {
                Step::Make { to: general(rd), how: unary, from: [Some(float(rs1)), None] }
            }
            // fle, flt, feq
            compare if matches!(compare >> 5, 0x50 | 0x51) => {
                Step::Make { to: general(rd), how: binary, from: [Some(float(rs1)), Some(float(rs2))] }
            }
            // fcvt.s.d, fcvt.d.s
            0x401 | 0x420 => Step::Make { to: float(rd), how: unary, from: [Some(float(rs1)), None] },
            _ => Step::Other(word.into()),
        },
        0x63 if !matches!(function, 2 | 3) => {
            let (low, high) = (field(8, 4) << 1 | field(25, 6) << 5, field(7, 1) << 11 | field(31, 1) << 12);
            let from = [Some(general(rs1)), Some(general(rs2))];
            Step::Branch { how: function.into(), from, to: target(((low | high) << 19) as i32 >> 19)? }
        }
        // j
        0x6f if field(rd, 5) == 0 => {
            let low = field(21, 10) << 1 | field(20, 1) << 11 | field(12, 8) << 12 | field(31, 1) << 20;
            let distance = (low << 11) as i32 >> 11;
            if distance == 12 && code.hole_at(at + 4).is_some() {
                return Some(12);
            }
            Step::Goto(target(distance)?)
        }
        // jalr, jr, ret
        0x67 if function == 0 && immediate == 0 => match (field(rd, 5), field(rs1, 5)) {
            (1, _) => Step::Call(general(rs1)),
            (0, 1) => Step::Return,
            (0, _) => Step::Jump(general(rs1)),
            _ => return None,
        },
        // auipc, and the load of a literal by it
        0x17 => {
            let load = word_at(&code.bytes, at + 4)?;
            let by = field(rd, 5);
            let distance = (word & !0xfff) as i32 as i64 + i64::from(load as i32 >> 20);
            let kind = code.hole_at(usize::try_from(at as i64 + distance).ok()?)?;
            if by == 0 || load & 0xf_ffff != by << 15 | 3 << 12 | by << 7 | 0x03 {
                return None;
            }
            steps.push(Step::Literal { to: by as Register, kind });
            return Some(8);
        }
        // AMO, fused multiplications, fences and system calls refer to nothing by distance.
        0x2f | 0x43 | 0x47 | 0x4b | 0x4f | 0x0f | 0x73 => Step::Other(word.into()),
        _ => return None,
    };
    steps.push(step);
    Some(4)
}
