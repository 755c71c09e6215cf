//! An independent reading of A64 machine code: what a stub reads, writes and calls, in symbols.
//!
//! It runs straight code in registers and stack words that hold symbols, and knows nothing of how the code came about:
//! instructions are decoded by a library. Two stubs are the same if they read the same memory, store the same values at
//! the same addresses, call the same functions with the same arguments, and return or jump with the same registers.
//! Code with any branch but the last, or with an instruction that is not listed here, is not read at all.

use springboard_abi::{Direction, Place, Plan};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, SIMDSizeCode, SizeCode};

use super::super::Code;
use crate::template::HoleKind;

/// A value, as an index in [`Values`].
type Id = usize;

const FP: usize = 29;
const LR: usize = 30;
const SP: usize = 31;

/// Whether `after` does what `before` does, for stubs whose calls pass arguments in the `live` registers.
pub(super) fn is_same(before: &Code, after: &Code, live: Live) -> bool {
    let mut values = Values::default();
    let before = Reader::read(&mut values, before, live);
    before.is_some() && before == Reader::read(&mut values, after, live)
}

/// Whether `after` is `before` with literals elsewhere: the same instructions in the same order, without branches that
/// lead over literals; branches to the same instructions, and literals of the same kind.
pub(super) fn moves_literals_only(before: &Code, after: &Code) -> bool {
    let (Some(before), Some(after)) = (lines(before), lines(after)) else { return false };
    let plain: Vec<_> = before.iter().filter(|line| line.flow != Flow::Over).collect();
    let place = |lines: &[&Line], target: usize| lines.iter().position(|line| line.offset >= target);
    let after: Vec<_> = after.iter().collect();
    plain.len() == after.len()
        && plain.iter().zip(&after).all(|(line, moved)| {
            let same_target = match (line.flow, moved.flow) {
                (Flow::Branch(before), Flow::Branch(now)) => place(&plain, before) == place(&after, now),
                (before, now) => before == now,
            };
            same_target
                && line.instruction.opcode == moved.instruction.opcode
                && line.operands() == moved.operands()
        })
}

/// Whether an indirect branch may land at the first instruction: `bti c`, or `paciasp` (Arm ARM, D8.4.2).
pub(super) fn begins_with_landing_pad(code: &Code) -> bool {
    let first = lines(code).and_then(|lines| Some(lines.first()?.instruction));
    first.is_some_and(|first| match first.opcode {
        Opcode::PACIASP => true,
        Opcode::HINT => matches!(first.operands[..2], [Operand::ControlReg(4), Operand::Immediate(2)]),
        _ => false,
    })
}

/// The registers in which calls of a stub pass arguments, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Live {
    gprs: u32,
    vecs: u32,
}

impl Live {
    /// Those of the native call, or of the call of the host.
    pub(super) fn of(plan: &Plan) -> Live {
        if plan.entry().direction() == Direction::Upcall {
            return Live { gprs: 0b1111, vecs: 0 };
        }
        let mut live = Live { gprs: 0, vecs: 0 };
        for step in &plan.moves {
            match step.place {
                Place::Gpr { reg, .. } => live.gprs |= 1 << reg,
                Place::Vec { reg, .. } => live.vecs |= 1 << reg,
                Place::Stack { .. } => {}
            }
        }
        live
    }
}

/// An instruction where it stands.
struct Line {
    offset: usize,
    instruction: Instruction,
    flow: Flow,
}

/// To what an instruction refers by its distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    None,
    Literal(HoleKind),
    /// To the code at this offset.
    Branch(usize),
    /// Over a literal that follows.
    Over,
}

impl Line {
    /// All operands that are not distances.
    fn operands(&self) -> Vec<Operand> {
        let is_distance = |operand: &Operand| matches!(operand, Operand::PCOffset(_));
        self.instruction.operands.iter().filter(|operand| !is_distance(operand)).copied().collect()
    }
}

/// The instructions of `code`. `None` where one is unknown, or refers to what is neither code nor a hole.
fn lines(code: &Code) -> Option<Vec<Line>> {
    let decoder = InstDecoder::default();
    let end = code.holes.iter().map(|hole| hole.offset as usize + 8).max().unwrap_or(0).max(code.bytes.len());
    let hole_at = |at: usize| code.holes.iter().find(|hole| hole.offset as usize == at);
    let mut lines = Vec::new();
    let mut offset = 0;
    while offset < code.bytes.len() {
        if hole_at(offset).is_some() {
            offset += 8;
            continue;
        }
        let word = code.bytes.get(offset..offset + 4)?;
        if word == [0; 4] && hole_at(offset + 4).is_some() {
            // Padding before a literal, which nothing falls into: the code before it ends.
            offset += 4;
            continue;
        }
        let instruction = decoder.decode(&mut U8Reader::new(word)).ok()?;
        let distance = instruction.operands.iter().find_map(|operand| match operand {
            Operand::PCOffset(distance) => Some(*distance),
            _ => None,
        });
        let flow = match (distance, instruction.opcode) {
            (None, _) => Flow::None,
            (Some(distance), Opcode::LDR) => {
                Flow::Literal(hole_at(usize::try_from(offset as i64 + distance).ok()?)?.kind)
            }
            (Some(12), Opcode::B) if hole_at(offset + 4).is_some() => Flow::Over,
            (Some(_), Opcode::ADR | Opcode::ADRP) => return None,
            (Some(distance), _) => {
                let target = usize::try_from(offset as i64 + distance).ok()?;
                if target >= end {
                    return None;
                }
                Flow::Branch(target)
            }
        };
        lines.push(Line { offset, instruction, flow });
        offset += 4;
    }
    Some(lines)
}

/// What a value is made of. Equal values have one index.
#[derive(PartialEq, Debug)]
enum Value {
    /// What a general register held at first.
    Gpr(usize),
    /// What a vector register held at first.
    Vec(usize),
    /// What a stamp writes.
    Hole(HoleKind),
    /// A value and a distance.
    Sum(Id, i64),
    /// What an instruction loads from an address: how, and after how many events.
    Load { address: Id, how: Opcode, size: Size, epoch: usize },
    /// What an instruction without side effects makes of its sources.
    Made { opcode: Opcode, operands: [Operand; 4], sources: [Option<Id>; 4] },
    /// A signed return address.
    Signed(Id),
    /// What a call leaves in a register: its number among the events.
    Left(usize, Register),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Register {
    Gpr(usize),
    Vec(usize),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Size {
    Gpr(SizeCode),
    Vec(SIMDSizeCode),
}

#[derive(Default)]
struct Values(Vec<Value>);

impl Values {
    fn id(&mut self, value: Value) -> Id {
        self.0.iter().position(|known| *known == value).unwrap_or_else(|| {
            self.0.push(value);
            self.0.len() - 1
        })
    }

    fn sum(&mut self, base: Id, distance: i64) -> Id {
        match self.0[base] {
            _ if distance == 0 => base,
            Value::Sum(base, more) => self.sum(base, more + distance),
            _ => self.id(Value::Sum(base, distance)),
        }
    }
}

/// What code does that others can tell.
#[derive(PartialEq, Debug)]
enum Event {
    Store {
        address: Id,
        bytes: u8,
        value: Id,
    },
    Call {
        target: Id,
        arguments: Vec<Id>,
        frame: Id,
        stack: Vec<(Id, u8, Id)>,
    },
    /// The registers that are not as the last call left them.
    Return {
        results: Vec<(Register, Id)>,
    },
    Jump {
        target: Id,
        arguments: Vec<Id>,
    },
}

#[derive(PartialEq, Debug)]
struct Effect {
    events: Vec<Event>,
    loads: Vec<Id>,
}

struct Reader<'v> {
    values: &'v mut Values,
    gprs: [Id; 32],
    vecs: [Id; 32],
    /// Words of the stub's own stack: address, size in bytes, value.
    stack: Vec<(Id, u8, Id)>,
    events: Vec<Event>,
    loads: Vec<Id>,
    live: Live,
}

impl<'v> Reader<'v> {
    fn read(values: &'v mut Values, code: &Code, live: Live) -> Option<Effect> {
        let gprs = std::array::from_fn(|index| values.id(Value::Gpr(index)));
        let vecs = std::array::from_fn(|index| values.id(Value::Vec(index)));
        let mut reader =
            Reader { values, gprs, vecs, stack: Vec::new(), events: Vec::new(), loads: Vec::new(), live };
        let lines = lines(code)?;
        let (last, body) = lines.split_last()?;
        for line in body {
            reader.step(line)?;
        }
        reader.end(last)?;
        let Reader { mut events, mut loads, .. } = reader;
        loads.sort_unstable();
        loads.dedup();
        Reader::join(&mut events);
        Some(Effect { events, loads })
    }

    /// A call whose results are returned as they are, with nothing on the stack for it, is a jump.
    fn join(events: &mut Vec<Event>) {
        let calls = events.len();
        if let [.., Event::Call { target, arguments, stack, .. }, Event::Return { results }] = &mut events[..]
            && stack.is_empty()
            && results.is_empty()
        {
            let jump = Event::Jump { target: *target, arguments: std::mem::take(arguments) };
            events.truncate(calls - 2);
            events.push(jump);
        }
    }

    fn step(&mut self, line: &Line) -> Option<()> {
        let Instruction { opcode, operands, .. } = line.instruction;
        match (opcode, line.flow) {
            (_, Flow::Over) => {}
            (Opcode::LDR, Flow::Literal(kind)) => {
                let Operand::Register(SizeCode::X, reg) = operands[0] else { return None };
                let value = self.values.id(Value::Hole(kind));
                self.set_gpr(reg, value)?;
            }
            (_, Flow::Branch(_) | Flow::Literal(_)) => return None,
            // bti: where code may be entered is compared by whoever asks.
            (Opcode::HINT, _) => {}
            (Opcode::PACIASP, _) => self.gprs[LR] = self.values.id(Value::Signed(self.gprs[LR])),
            (Opcode::AUTIASP, _) => {
                let Value::Signed(plain) = self.values.0[self.gprs[LR]] else { return None };
                self.gprs[LR] = plain;
            }
            (Opcode::ADD | Opcode::SUB, _) if matches!(operands[2], Operand::Immediate(_)) => {
                let (Operand::RegisterOrSP(SizeCode::X, to), Operand::RegisterOrSP(SizeCode::X, from)) =
                    (operands[0], operands[1])
                else {
                    return None;
                };
                let Operand::Immediate(distance) = operands[2] else { return None };
                let distance = if opcode == Opcode::ADD { i64::from(distance) } else { -i64::from(distance) };
                self.gprs[usize::from(to)] = self.values.sum(self.gprs[usize::from(from)], distance);
            }
            (Opcode::BLR, _) => {
                let Operand::Register(SizeCode::X, reg) = operands[0] else { return None };
                self.call(self.gprs[usize::from(reg)]);
            }
            (Opcode::LDP | Opcode::STP, _) => {
                let (base, offset) = self.address(operands[2])?;
                let bytes = i64::from(bytes_of(opcode, operands[0])?);
                for (operand, offset) in [(operands[0], offset), (operands[1], offset + bytes)] {
                    let address = self.values.sum(base, offset);
                    match opcode {
                        Opcode::LDP => self.load(Opcode::LDR, operand, address)?,
                        _ => self.store(Opcode::STR, operand, address)?,
                    }
                }
                self.write_back(operands[2], base)?;
            }
            _ if is_load(opcode) || is_store(opcode) => {
                let (base, offset) = self.address(operands[1])?;
                let address = self.values.sum(base, offset);
                if is_load(opcode) {
                    self.load(scaled(opcode), operands[0], address)?;
                } else {
                    self.store(scaled(opcode), operands[0], address)?;
                }
                self.write_back(operands[1], base)?;
            }
            _ => self.make(opcode, operands)?,
        }
        Some(())
    }

    /// The last instruction: a return, or a jump through a register that `bti c` lets through (Arm ARM, D8.4.2).
    fn end(&mut self, line: &Line) -> Option<()> {
        let kept = (19..=FP).chain([SP]).all(|reg| self.gprs[reg] == reg)
            && self.gprs[LR] == LR
            && (8..16).all(|reg| self.vecs[reg] == 32 + reg);
        if !kept {
            return None;
        }
        match (line.instruction.opcode, line.instruction.operands[0]) {
            (Opcode::RET, Operand::Register(SizeCode::X, 30)) => {
                let results = (0..8).map(|reg| (self.gprs[reg], Register::Gpr(reg)));
                let results = results.chain((0..8).map(|reg| (self.vecs[reg], Register::Vec(reg))));
                let last = self.events.iter().rposition(|event| matches!(event, Event::Call { .. }));
                let changed = results.filter(|(id, register)| match (last, &self.values.0[*id]) {
                    (Some(last), Value::Left(call, left)) => (*call, *left) != (last, *register),
                    _ => true,
                });
                let results = changed.map(|(id, register)| (register, id)).collect();
                self.events.push(Event::Return { results });
            }
            (Opcode::BR, Operand::Register(SizeCode::X, reg @ (16 | 17))) => {
                let (target, arguments) = (self.gprs[usize::from(reg)], self.arguments());
                self.events.push(Event::Jump { target, arguments });
            }
            _ => return None,
        }
        Some(())
    }

    fn arguments(&self) -> Vec<Id> {
        let gprs = (0..32).filter(|reg| self.live.gprs >> reg & 1 == 1).map(|reg| self.gprs[reg]);
        gprs.chain((0..32).filter(|reg| self.live.vecs >> reg & 1 == 1).map(|reg| self.vecs[reg])).collect()
    }

    fn call(&mut self, target: Id) {
        // What the stub keeps for its own frame is no business of whoever is called.
        let own = |entry: &&(Id, u8, Id)| {
            !(matches!(self.values.0[entry.2], Value::Gpr(FP | LR) | Value::Signed(LR)))
        };
        let mut stack: Vec<_> = self.stack.iter().filter(own).copied().collect();
        stack.sort_unstable();
        let event = self.events.len();
        self.events.push(Event::Call { target, arguments: self.arguments(), frame: self.gprs[FP], stack });
        for reg in (0..19).chain([LR]) {
            self.gprs[reg] = self.values.id(Value::Left(event, Register::Gpr(reg)));
        }
        for reg in (0..8).chain(16..32) {
            self.vecs[reg] = self.values.id(Value::Left(event, Register::Vec(reg)));
        }
    }

    fn set_gpr(&mut self, reg: u16, value: Id) -> Option<()> {
        // As a destination, 31 is the zero register, which nothing here writes to.
        *self.gprs[..SP].get_mut(usize::from(reg))? = value;
        Some(())
    }

    fn set(&mut self, operand: Operand, value: Id) -> Option<()> {
        match operand {
            Operand::Register(_, reg) => self.set_gpr(reg, value),
            Operand::SIMDRegister(_, reg) => {
                self.vecs[usize::from(reg)] = value;
                Some(())
            }
            _ => None,
        }
    }

    /// The address before writing back, and the offset of the access from it.
    fn address(&self, operand: Operand) -> Option<(Id, i64)> {
        match operand {
            Operand::RegPreIndex(reg, offset, _) => Some((self.gprs[usize::from(reg)], offset.into())),
            Operand::RegPostIndex(reg, _) => Some((self.gprs[usize::from(reg)], 0)),
            _ => None,
        }
    }

    fn write_back(&mut self, operand: Operand, base: Id) -> Option<()> {
        if let Operand::RegPreIndex(reg, offset, true) | Operand::RegPostIndex(reg, offset) = operand {
            // A register of its own for everything but the stack is never written back.
            if usize::from(reg) != SP {
                return None;
            }
            self.gprs[SP] = self.values.sum(base, offset.into());
        }
        Some(())
    }

    /// Where on the stub's own stack an address is, if it is there.
    fn on_stack(&self, address: Id) -> Option<i64> {
        match self.values.0[address] {
            Value::Gpr(SP) => Some(0),
            Value::Sum(SP, distance) => Some(distance),
            _ => None,
        }
    }

    fn load(&mut self, how: Opcode, to: Operand, address: Id) -> Option<()> {
        let bytes = bytes_of(how, to)?;
        if let Some(start) = self.on_stack(address) {
            let overlaps = |(other, size, _): &&(Id, u8, Id)| {
                let other = self.on_stack(*other).unwrap_or(i64::MIN);
                other < start + i64::from(bytes) && start < other + i64::from(*size)
            };
            if let Some(&(at, size, value)) = self.stack.iter().rev().find(overlaps) {
                let whole = at == address && size == bytes && bytes == 8 && how == Opcode::LDR;
                return whole.then(|| self.set(to, value)).flatten();
            }
        }
        let size = match to {
            Operand::Register(size, _) => Size::Gpr(size),
            Operand::SIMDRegister(size, _) => Size::Vec(size),
            _ => return None,
        };
        let value = self.values.id(Value::Load { address, how, size, epoch: self.events.len() });
        self.loads.push(value);
        self.set(to, value)
    }

    fn store(&mut self, how: Opcode, from: Operand, address: Id) -> Option<()> {
        let bytes = bytes_of(how, from)?;
        let value = match from {
            Operand::Register(_, 31) => self.values.id(Value::Sum(SP, i64::MIN)),
            Operand::Register(_, reg) => self.gprs[usize::from(reg)],
            Operand::SIMDRegister(_, reg) => self.vecs[usize::from(reg)],
            _ => return None,
        };
        match self.on_stack(address) {
            Some(_) => {
                self.stack.retain(|(at, size, _)| (*at, *size) != (address, bytes));
                self.stack.push((address, bytes, value));
            }
            None => self.events.push(Event::Store { address, bytes, value }),
        }
        Some(())
    }

    /// An instruction that makes a register of others, and does nothing else.
    fn make(&mut self, opcode: Opcode, operands: [Operand; 4]) -> Option<()> {
        if !is_pure(opcode) {
            return None;
        }
        let mut sources = [None; 4];
        let mut shape = operands;
        for (index, operand) in shape.iter_mut().enumerate().skip(1) {
            match operand {
                Operand::Register(_, 31) => {}
                Operand::Register(_, reg) | Operand::RegShift(_, _, _, reg) if *reg != 31 => {
                    sources[index] = Some(self.gprs[usize::from(*reg)]);
                    *reg = 0;
                }
                Operand::SIMDRegister(_, reg) | Operand::SIMDRegisterElementsLane(_, reg, _, _) => {
                    sources[index] = Some(self.vecs[usize::from(*reg)]);
                    *reg = 0;
                }
                Operand::RegisterOrSP(..) | Operand::RegShift(..) => return None,
                _ => {}
            }
        }
        let to = operands[0];
        // mov: the whole of another register.
        if let (
            Opcode::ORR,
            Operand::Register(SizeCode::X, 31),
            Operand::RegShift(_, 0, SizeCode::X, _),
            Some(whole),
        ) = (opcode, operands[1], operands[2], sources[2])
        {
            return self.set(to, whole);
        }
        match &mut shape[0] {
            Operand::Register(_, reg) | Operand::RegisterOrSP(_, reg) | Operand::SIMDRegister(_, reg)
                if *reg != 31 =>
            {
                if opcode == Opcode::MOVK {
                    sources[0] = Some(self.gprs[usize::from(*reg)]);
                }
                *reg = 0;
            }
            _ => return None,
        }
        let value = self.values.id(Value::Made { opcode, operands: shape, sources });
        match to {
            Operand::RegisterOrSP(_, reg) => self.set_gpr(reg, value),
            _ => self.set(to, value),
        }
    }
}

fn is_pure(opcode: Opcode) -> bool {
    use Opcode::{AND, EOR, FMOV, MOVI, MOVK, MOVN, MOVZ, ORR, SBFM, UBFM, UMOV};
    matches!(opcode, AND | EOR | FMOV | MOVI | MOVK | MOVN | MOVZ | ORR | SBFM | UBFM | UMOV)
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

#[cfg(test)]
mod tests {
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
    const FRAMED: [u32; 8] = [
        0xa9bf_7bfd,
        0x9100_03fd,
        0xaa00_03e9,
        0xf940_0020,
        0xf940_0421,
        0xd63f_0120,
        0xa8c1_7bfd,
        0xd65f_03c0,
    ];

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
                let end =
                    whole.holes.iter().map(|hole| hole.offset as usize).min().unwrap_or(whole.bytes.len());
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
}
