//! What instructions do. They are decoded by a library.

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, SIMDSizeCode, SizeCode};

use super::super::{
    Code,
    reading::{Cpu, FLAGS, Register, Step, VECTOR, ZERO, program},
};

const SP: Register = 31;
const LR: Register = 30;

pub(in crate::isa) static CPU: Cpu = Cpu {
    program: |code| program(code, decode),
    stack: SP,
    frame: Some(29),
    link: Some(LR),
    saves: 0,
    aligned: 16,
    // x18 to x29; v8 to v15
    preserved: 0xfff << 18 | 0xff << (VECTOR + 8),
    results: 0xff | 0xff << VECTOR,
    // x16 and x17, which a function that begins with `bti c` lets in (Arm ARM, D8.4.2).
    jumps: 1 << 16 | 1 << 17,
    // x8 has the address of a result.
    gprs: &[0, 1, 2, 3, 4, 5, 6, 7, 8],
    vecs: &[32, 33, 34, 35, 36, 37, 38, 39],
};

/// Whether an indirect branch may land at the first instruction: `bti c`, or `paciasp` (Arm ARM, D8.4.2).
pub(super) fn begins_with_landing_pad(code: &Code) -> bool {
    let first = InstDecoder::default().decode(&mut U8Reader::new(&code.bytes));
    first.is_ok_and(|first| match first.opcode {
        Opcode::PACIASP => true,
        Opcode::HINT => matches!(first.operands[..2], [Operand::ControlReg(4), Operand::Immediate(2)]),
        _ => false,
    })
}

fn decode(code: &Code, at: usize, steps: &mut Vec<Step>) -> Option<usize> {
    let bytes = code.bytes.get(at..at + 4)?;
    let word = u64::from(u32::from_le_bytes(bytes.try_into().ok()?));
    let Instruction { opcode, operands } = InstDecoder::default().decode(&mut U8Reader::new(bytes)).ok()?;
    let distance = operands.iter().find_map(|operand| match operand {
        Operand::PCOffset(distance) => Some(*distance),
        _ => None,
    });
    let target = |distance: i64| usize::try_from(at as i64 + distance).ok();
    match (opcode, distance) {
        (Opcode::LDR, Some(distance)) => {
            let kind = code.hole_at(target(distance)?)?;
            let Operand::Register(SizeCode::X, _) = operands[0] else { return None };
            steps.push(Step::Literal { to: register(operands[0])?, kind });
        }
        (Opcode::B, Some(12)) if code.hole_at(at + 4).is_some() => return Some(12),
        (Opcode::B, Some(distance)) => steps.push(Step::Goto(target(distance)?)),
        (Opcode::CBZ | Opcode::CBNZ, Some(distance)) => {
            let how = word & 0xff00_0000;
            steps.push(Step::Branch {
                how,
                from: [Some(register(operands[0])?), None],
                to: target(distance)?,
            });
        }
        (Opcode::Bcc(condition), Some(distance)) => {
            let from = [Some(FLAGS), None];
            steps.push(Step::Branch { how: condition.into(), from, to: target(distance)? });
        }
        (_, Some(_)) => return None,
        // bti: where code may be entered is looked at by whoever asks.
        (Opcode::HINT, _) => {}
        (Opcode::PACIASP, _) => steps.push(Step::Sign),
        (Opcode::AUTIASP, _) => steps.push(Step::Authenticate),
        (Opcode::BLR, _) => steps.push(Step::Call(register(operands[0])?)),
        (Opcode::BR, _) => steps.push(Step::Jump(register(operands[0])?)),
        (Opcode::RET, _) if register(operands[0]) == Some(LR) => steps.push(Step::Return),
        (Opcode::ADD | Opcode::SUB, _) if matches!(operands[2], Operand::Immediate(_)) => {
            let (Operand::RegisterOrSP(SizeCode::X, to), Operand::RegisterOrSP(SizeCode::X, from)) =
                (operands[0], operands[1])
            else {
                return other(word, steps);
            };
            let Operand::Immediate(distance) = operands[2] else { return None };
            let distance = if opcode == Opcode::ADD { i64::from(distance) } else { -i64::from(distance) };
            steps.push(Step::Add { to: to as Register, from: from as Register, distance });
        }
        (Opcode::LDP | Opcode::STP, _) => {
            let bytes = bytes_of(opcode, operands[0])?;
            let how = if opcode == Opcode::LDP { Opcode::LDR } else { Opcode::STR };
            return accesses(steps, how, &[(operands[0], 0), (operands[1], i64::from(bytes))], operands[2]);
        }
        _ if is_load(opcode) || is_store(opcode) => {
            return accesses(steps, scaled(opcode), &[(operands[0], 0)], operands[1])
                .or_else(|| other(word, steps));
        }
        _ => return make(steps, opcode, operands, word).or_else(|| other(word, steps)),
    }
    Some(4)
}

/// An instruction without a distance that no stub is shortened around.
fn other(word: u64, steps: &mut Vec<Step>) -> Option<usize> {
    steps.push(Step::Other(word));
    Some(4)
}

/// Accesses to memory at distances from one place.
fn accesses(steps: &mut Vec<Step>, how: Opcode, parts: &[(Operand, i64)], place: Operand) -> Option<usize> {
    let (base, before, after) = match place {
        Operand::RegPreIndex(base, offset, false) => (base as Register, i64::from(offset), None),
        Operand::RegPreIndex(base, offset, true) => (base as Register, 0, Some((true, offset))),
        Operand::RegPostIndex(base, offset) => (base as Register, 0, Some((false, offset))),
        _ => return None,
    };
    // A register of its own for everything but the stack is never written back.
    if after.is_some() && base != SP {
        return None;
    }
    let move_base = |steps: &mut Vec<Step>, wanted: bool| {
        if let Some((first, distance)) = after
            && first == wanted
        {
            steps.push(Step::Add { to: base, from: base, distance: distance.into() });
        }
    };
    let mut accesses = Vec::with_capacity(2);
    for (operand, offset) in parts {
        let bytes = bytes_of(how, *operand)?;
        let (register, offset) = (register(*operand)?, before + offset);
        accesses.push(match is_load(how) {
            true => Step::Load { to: register, base, offset, bytes, how: how_loaded(how, *operand) },
            false => Step::Store { from: register, base, offset, bytes },
        });
    }
    // What replaces the base comes last.
    accesses.sort_by_key(|step| matches!(step, Step::Load { to, .. } if *to == base));
    move_base(steps, true);
    steps.extend(accesses);
    move_base(steps, false);
    Some(4)
}

/// An instruction that makes a register or the flags of others, and does nothing else.
fn make(steps: &mut Vec<Step>, opcode: Opcode, operands: [Operand; 4], word: u64) -> Option<usize> {
    use Opcode::{AND, EOR, FMOV, MOVI, MOVK, MOVN, MOVZ, ORR, SBFM, SUBS, UBFM, UMOV};
    if !matches!(opcode, AND | EOR | FMOV | MOVI | MOVK | MOVN | MOVZ | ORR | SBFM | SUBS | UBFM | UMOV) {
        return None;
    }
    let mut from = [None; 2];
    let mut fields = 0x1f;
    // Where a source has its field.
    for (source, operand, first) in [(0, operands[1], 5), (1, operands[2], 16)] {
        match operand {
            Operand::Register(..) | Operand::SIMDRegister(..) | Operand::RegShift(..) => {
                from[source] = Some(register(operand)?);
                fields |= 0x1f << first;
            }
            Operand::SIMDRegisterElementsLane(_, reg, ..) => {
                from[source] = Some(VECTOR + reg as Register);
                fields |= 0x1f << first;
            }
            Operand::RegisterOrSP(..) => return None,
            _ => {}
        }
    }
    let to = match operands[0] {
        Operand::RegisterOrSP(_, reg) if opcode != SUBS => reg as Register,
        Operand::SIMDRegisterElements(_, reg, _) => VECTOR + reg as Register,
        operand => register(operand)?,
    };
    let whole = matches!(operands[2], Operand::RegShift(_, 0, SizeCode::X, _));
    steps.push(match opcode {
        SUBS if to != ZERO => return None,
        SUBS => Step::Make { to: FLAGS, how: word & !fields, from },
        MOVK => Step::Make { to, how: word & !fields, from: [Some(to), None] },
        // mov: the whole of another register.
        ORR if whole && from[0] == Some(ZERO) && matches!(operands[0], Operand::Register(SizeCode::X, _)) => {
            Step::Add { to, from: from[1]?, distance: 0 }
        }
        _ => Step::Make { to, how: word & !fields, from },
    });
    Some(4)
}

/// A register that is not the stack pointer.
fn register(operand: Operand) -> Option<Register> {
    match operand {
        Operand::Register(_, 31) | Operand::RegShift(_, _, _, 31) => Some(ZERO),
        Operand::Register(_, reg) | Operand::RegShift(_, _, _, reg) => Some(reg as Register),
        Operand::SIMDRegister(_, reg) => Some(VECTOR + reg as Register),
        _ => None,
    }
}

fn is_load(opcode: Opcode) -> bool {
    use Opcode::{LDR, LDRB, LDRH, LDRSB, LDRSH, LDRSW, LDUR, LDURB, LDURH, LDURSB, LDURSH, LDURSW};
    matches!(
        opcode,
        LDR | LDRB | LDRH | LDRSB | LDRSH | LDRSW | LDUR | LDURB | LDURH | LDURSB | LDURSH | LDURSW
    )
}

fn is_store(opcode: Opcode) -> bool {
    use Opcode::{STR, STRB, STRH, STUR, STURB, STURH};
    matches!(opcode, STR | STRB | STRH | STUR | STURB | STURH)
}

/// The same access with another form of its offset.
fn scaled(opcode: Opcode) -> Opcode {
    match opcode {
        Opcode::LDUR => Opcode::LDR,
        Opcode::LDURB => Opcode::LDRB,
        Opcode::LDURH => Opcode::LDRH,
        Opcode::LDURSB => Opcode::LDRSB,
        Opcode::LDURSH => Opcode::LDRSH,
        Opcode::LDURSW => Opcode::LDRSW,
        Opcode::STUR => Opcode::STR,
        Opcode::STURB => Opcode::STRB,
        Opcode::STURH => Opcode::STRH,
        other => other,
    }
}

/// How many bytes an access moves for one register.
fn bytes_of(opcode: Opcode, register: Operand) -> Option<u8> {
    Some(match (scaled(opcode), register) {
        (Opcode::LDRB | Opcode::LDRSB | Opcode::STRB, _) => 1,
        (Opcode::LDRH | Opcode::LDRSH | Opcode::STRH, _) => 2,
        (Opcode::LDRSW, _) | (_, Operand::Register(SizeCode::W, _)) => 4,
        (_, Operand::Register(SizeCode::X, _)) => 8,
        (_, Operand::SIMDRegister(SIMDSizeCode::S, _)) => 4,
        (_, Operand::SIMDRegister(SIMDSizeCode::D, _)) => 8,
        (_, Operand::SIMDRegister(SIMDSizeCode::Q, _)) => 16,
        _ => return None,
    })
}

/// A number for what a load makes of the bytes: 0 for eight bytes as they are.
fn how_loaded(opcode: Opcode, register: Operand) -> u64 {
    let signed = matches!(opcode, Opcode::LDRSB | Opcode::LDRSH | Opcode::LDRSW);
    match register {
        Operand::Register(SizeCode::X, _) | Operand::SIMDRegister(SIMDSizeCode::D, _) if !signed => 0,
        Operand::Register(SizeCode::X, _) => 1,
        Operand::Register(SizeCode::W, _) if signed => 2,
        Operand::Register(SizeCode::W, _) => 3,
        _ => 4,
    }
}
