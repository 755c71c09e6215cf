//! Runs straight code, and takes down what others can tell of it.

use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand, SizeCode};

use super::{
    super::super::Code,
    Live,
    access::{bytes_of, is_load, is_pure, is_store, scaled},
    lines::{Flow, Line, lines},
    values::{Id, Register, Size, Value, Values},
};

const FP: usize = 29;
const LR: usize = 30;
const SP: usize = 31;

/// What code does that others can tell.
#[derive(PartialEq, Debug)]
pub(super) enum Event {
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
pub(super) struct Effect {
    events: Vec<Event>,
    loads: Vec<Id>,
}

pub(super) struct Reader<'v> {
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
    pub(super) fn read(values: &'v mut Values, code: &Code, live: Live) -> Option<Effect> {
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
