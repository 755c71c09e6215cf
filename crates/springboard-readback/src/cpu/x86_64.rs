//! x86_64, by the decoder of iced-x86.

mod conditions;

use iced_x86::{
    Code, ConditionCode, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register as Name,
};

use crate::{
    machine::{Cpu, Flags, Flow, Machine},
    refusal::Refusal,
    terms::{Beyond, Node, Op, Word, ZERO, constant, sign_extended, zero_extended},
};

pub(crate) static CPU: Cpu = Cpu {
    step,
    stack_pointer: RSP,
    link: None,
    zero: None,
    frame_pointer: Some(5),
    // int3, ud2, and what aligns constants
    fillers: &[0xcc, 0x0f, 0x0b, 0],
    stack_align: 16,
    big_endian: false,
    signs: false,
    // endbr64
    lands: |code| code.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]),
};

const RSP: u8 = 4;

fn step(machine: &mut Machine<'_>) -> Result<Flow, Refusal> {
    let at = machine.pc;
    let rest = machine.code.get(at..).unwrap_or_default();
    let instruction = Decoder::with_ip(64, rest, at as u64, DecoderOptions::NONE).decode();
    if instruction.is_invalid() || instruction.has_lock_prefix() {
        return machine.unknown_instruction();
    }
    Step { machine, instruction: &instruction }.run()
}

struct Step<'a, 'b> {
    machine: &'a mut Machine<'b>,
    instruction: &'a Instruction,
}

impl Step<'_, '_> {
    fn run(&mut self) -> Result<Flow, Refusal> {
        let instruction = self.instruction;
        let next = Flow::Next(instruction.len());
        if let Some(hole) = self.machine.hole_within(instruction.len()) {
            let whole = instruction.code() == Code::Mov_r64_imm64 && hole == self.machine.pc + 2;
            let filled = self.machine.hole(hole, 8)?.filter(|_| whole);
            let value = filled.ok_or(Refusal::Hole { at: self.machine.pc })?;
            self.set_gpr(instruction.op0_register(), &value)?;
            return Ok(next);
        }
        match instruction.mnemonic() {
            Mnemonic::Endbr64 | Mnemonic::Nop => {}
            Mnemonic::Mov | Mnemonic::Movzx => {
                let value = self.read(1)?;
                self.write(0, &value)?;
            }
            Mnemonic::Movsx | Mnemonic::Movsxd => {
                let value = sign_extended(&self.read(1)?, self.bytes(1)?);
                self.write(0, &value)?;
            }
            Mnemonic::Lea => {
                if instruction.op0_register().size() != 8 {
                    return self.machine.unknown_instruction();
                }
                let address = self.address()?;
                self.write(0, &address)?;
            }
            Mnemonic::Push => {
                let value = self.read(0)?;
                if self.bytes(0)? != 8 {
                    return self.machine.unknown_instruction();
                }
                self.push(&value)?;
            }
            Mnemonic::Pop => {
                let value = self.pop();
                if self.bytes(0)? != 8 {
                    return self.machine.unknown_instruction();
                }
                self.write(0, &value)?;
            }
            Mnemonic::Leave => {
                self.machine.gprs[usize::from(RSP)] = self.machine.gprs[5];
                self.machine.gprs[5] = self.pop();
            }
            Mnemonic::Add
            | Mnemonic::Sub
            | Mnemonic::And
            | Mnemonic::Or
            | Mnemonic::Xor
            | Mnemonic::Cmp
            | Mnemonic::Test => self.arithmetic()?,
            Mnemonic::Imul if matches!(instruction.op_count(), 2 | 3) => {
                let (a, b) = match instruction.op_count() {
                    2 => (self.read(0)?, self.read(1)?),
                    _ => (self.read(1)?, self.read(2)?),
                };
                let product = self.machine.terms.mul(&a, &b);
                self.write(0, &product)?;
                self.machine.flags = Flags::Unknown;
            }
            Mnemonic::Shl | Mnemonic::Shr | Mnemonic::Sar => self.shift()?,
            Mnemonic::Movq | Mnemonic::Movd => {
                let value = self.read(1)?;
                self.write_scalar(&value)?;
            }
            Mnemonic::Movss => self.scalar(4)?,
            Mnemonic::Movsd
                if instruction.op0_kind() == OpKind::Register
                    || instruction.op1_kind() == OpKind::Register =>
            {
                self.scalar(8)?;
            }
            Mnemonic::Movups
            | Mnemonic::Movupd
            | Mnemonic::Movdqu
            | Mnemonic::Movaps
            | Mnemonic::Movapd
            | Mnemonic::Movdqa => {
                let value = self.read_vector(1)?;
                self.write_vector(&value)?;
            }
            Mnemonic::Movlhps => {
                let (to, from) = (vector(instruction.op0_register()), vector(instruction.op1_register()));
                let (Some(to), Some(from)) = (to, from) else { return self.machine.unknown_instruction() };
                self.machine.vecs[to][1] = self.machine.vecs[from][0];
            }
            Mnemonic::Xorps | Mnemonic::Xorpd | Mnemonic::Pxor => {
                let (a, b) = (self.read_vector(0)?, self.read_vector(1)?);
                let halves = [0, 1].map(|half| self.machine.terms.xor(&a[half], &b[half]));
                self.write_vector(&halves)?;
            }
            Mnemonic::Cvttsd2si if instruction.op0_register().size() == 8 => {
                let value = self.read(1)?;
                let whole = self.machine.terms.op(Op::DoubleToInt(Beyond::Least), &value, &constant(1 << 63));
                self.write(0, &whole)?;
            }
            Mnemonic::Ucomisd => self.machine.flags = Flags::Doubles([self.read(0)?, self.read(1)?]),
            Mnemonic::Cvtsi2sd | Mnemonic::Cvtsi2ss | Mnemonic::Cvtss2sd | Mnemonic::Cvtsd2ss => {
                self.convert()?
            }
            Mnemonic::Call => {
                let target = self.target()?;
                let back = self.machine.code_address(self.machine.pc + instruction.len());
                self.push(&back)?;
                return Ok(Flow::Jump { to: target, length: instruction.len() });
            }
            Mnemonic::Jmp => return Ok(Flow::Jump { to: self.target()?, length: instruction.len() }),
            Mnemonic::Ret if instruction.op_count() == 0 => {
                return Ok(Flow::Jump { to: self.pop(), length: instruction.len() });
            }
            _ if instruction.is_jcc_short_or_near() => {
                let condition = self.holds()?;
                let to = instruction.near_branch_target() as usize;
                return Ok(Flow::Branch { condition, to, length: instruction.len() });
            }
            _ if instruction.condition_code() != ConditionCode::None => {
                let holds = self.holds()?;
                match instruction.op_count() {
                    1 => self.write(0, &holds)?,
                    _ => {
                        let (old, new) = (self.read(0)?, self.read(1)?);
                        let value = self.machine.select(&holds, &new, &old)?;
                        self.write(0, &value)?;
                    }
                }
            }
            _ => return self.machine.unknown_instruction(),
        }
        Ok(next)
    }

    fn arithmetic(&mut self) -> Result<(), Refusal> {
        let (a, b) = (self.read(0)?, self.read(1)?);
        let bytes = self.bytes(0)?;
        // An immediate operand is as wide as the operation.
        let b = zero_extended(&b, bytes);
        let terms = &mut self.machine.terms;
        let result = match self.instruction.mnemonic() {
            Mnemonic::Add => terms.add(&a, &b),
            Mnemonic::Sub | Mnemonic::Cmp => {
                self.machine.compare(&a, &b, bytes);
                if self.instruction.mnemonic() == Mnemonic::Cmp {
                    return Ok(());
                }
                self.machine.terms.sub(&a, &b)
            }
            Mnemonic::Or => terms.or(&a, &b),
            Mnemonic::Xor => terms.xor(&a, &b),
            _ => terms.and(&a, &b),
        };
        match self.instruction.mnemonic() {
            Mnemonic::Add => self.machine.computed(&result, bytes),
            Mnemonic::Sub => {}
            // Neither carry nor overflow.
            _ => self.machine.compare(&result, &ZERO, bytes),
        }
        if self.instruction.mnemonic() == Mnemonic::Test { Ok(()) } else { self.write(0, &result) }
    }

    fn shift(&mut self) -> Result<(), Refusal> {
        let bytes = self.bytes(0)?;
        let value = self.read(0)?;
        let op = match self.instruction.mnemonic() {
            Mnemonic::Shl => Op::Shl,
            Mnemonic::Shr => Op::Shr,
            _ => Op::Sar,
        };
        let value = if op == Op::Sar { sign_extended(&value, bytes) } else { value };
        let count = self.read(1)?;
        let mask = if bytes == 8 { 63 } else { 31 };
        let count = self.machine.terms.and(&count, &constant(mask));
        let result = self.machine.terms.op(op, &value, &count);
        self.machine.flags = Flags::Unknown;
        self.write(0, &result)
    }

    fn convert(&mut self) -> Result<(), Refusal> {
        let bytes = self.bytes(1)?;
        let value = match self.instruction.op1_kind() {
            OpKind::Register if vector(self.instruction.op1_register()).is_none() => {
                self.gpr(self.instruction.op1_register())?
            }
            _ => self.read(1)?,
        };
        let op = match self.instruction.mnemonic() {
            Mnemonic::Cvtsi2sd => Op::IntToDouble,
            Mnemonic::Cvtsi2ss => Op::IntToFloat,
            Mnemonic::Cvtss2sd => Op::FloatToDouble,
            _ => Op::DoubleToFloat,
        };
        let value = match op {
            Op::IntToDouble | Op::IntToFloat => sign_extended(&value, bytes),
            Op::FloatToDouble => zero_extended(&value, 4),
            _ => value,
        };
        let result = self.machine.terms.op(op, &value, &ZERO);
        let width = if matches!(op, Op::IntToDouble | Op::FloatToDouble) { 8 } else { 4 };
        let Some(to) = vector(self.instruction.op0_register()) else {
            return self.machine.unknown_instruction();
        };
        self.machine.vecs[to][0][..width].copy_from_slice(&result[..width]);
        Ok(())
    }

    /// `movd`, `movq`: the rest of a vector register becomes zero.
    fn write_scalar(&mut self, value: &Word) -> Result<(), Refusal> {
        match self.instruction.op0_kind() {
            OpKind::Register => match vector(self.instruction.op0_register()) {
                Some(to) => {
                    let bytes = if self.instruction.mnemonic() == Mnemonic::Movd { 4 } else { 8 };
                    self.machine.vecs[to] = [zero_extended(value, bytes), ZERO];
                    Ok(())
                }
                None => self.write(0, value),
            },
            _ => self.write(0, value),
        }
    }

    /// `movss`, `movsd`: between registers the rest stays.
    fn scalar(&mut self, bytes: usize) -> Result<(), Refusal> {
        let value = self.read(1)?;
        let Some(to) = vector(self.instruction.op0_register()) else { return self.write(0, &value) };
        if self.instruction.op1_kind() == OpKind::Memory {
            self.machine.vecs[to] = [zero_extended(&value, bytes), ZERO];
        } else {
            self.machine.vecs[to][0][..bytes].copy_from_slice(&value[..bytes]);
        }
        Ok(())
    }

    /// How many bytes an operand has.
    fn bytes(&self, index: u32) -> Result<usize, Refusal> {
        let instruction = self.instruction;
        let bytes = match instruction.op_kind(index) {
            OpKind::Register => match vector(instruction.op_register(index)) {
                None => instruction.op_register(index).size(),
                Some(_)
                    if matches!(
                        instruction.mnemonic(),
                        Mnemonic::Movd | Mnemonic::Movss | Mnemonic::Cvtss2sd
                    ) =>
                {
                    4
                }
                Some(_) => 8,
            },
            OpKind::Memory => instruction.memory_size().size(),
            _ => 8,
        };
        if matches!(bytes, 1 | 2 | 4 | 8) { Ok(bytes) } else { self.machine.unknown_instruction() }
    }

    /// An operand, extended by zeros; an immediate as it is written.
    fn read(&mut self, index: u32) -> Result<Word, Refusal> {
        let instruction = self.instruction;
        match instruction.op_kind(index) {
            OpKind::Register => {
                let register = instruction.op_register(index);
                let bytes = self.bytes(index)?;
                match vector(register) {
                    Some(number) => Ok(zero_extended(&self.machine.vecs[number][0], bytes)),
                    None => Ok(zero_extended(&self.gpr(register)?, bytes)),
                }
            }
            OpKind::Memory => {
                let bytes = self.bytes(index)?;
                let address = self.address()?;
                self.machine.load(&address, bytes)
            }
            OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Ok(constant(instruction.immediate(index))),
            _ => self.machine.unknown_instruction(),
        }
    }

    fn write(&mut self, index: u32, value: &Word) -> Result<(), Refusal> {
        let instruction = self.instruction;
        match instruction.op_kind(index) {
            OpKind::Register => self.set_gpr(instruction.op_register(index), value),
            OpKind::Memory => {
                let bytes = self.bytes(index)?;
                let address = self.address()?;
                self.machine.store(&address, value, bytes)
            }
            _ => self.machine.unknown_instruction(),
        }
    }

    fn read_vector(&mut self, index: u32) -> Result<[Word; 2], Refusal> {
        match self.instruction.op_kind(index) {
            OpKind::Register => {
                let number = vector(self.instruction.op_register(index));
                let number = number.ok_or(Refusal::Instruction { at: self.machine.pc })?;
                Ok(self.machine.vecs[number])
            }
            OpKind::Memory => {
                let address = self.address()?;
                let low = self.machine.load(&address, 8)?;
                let address = self.machine.terms.plus(&address, 8);
                Ok([low, self.machine.load(&address, 8)?])
            }
            _ => self.machine.unknown_instruction(),
        }
    }

    fn write_vector(&mut self, value: &[Word; 2]) -> Result<(), Refusal> {
        match self.instruction.op0_kind() {
            OpKind::Register => {
                let number = vector(self.instruction.op0_register());
                self.machine.vecs[number.ok_or(Refusal::Instruction { at: self.machine.pc })?] = *value;
                Ok(())
            }
            _ => {
                let address = self.address()?;
                self.machine.store(&address, &value[0], 8)?;
                let address = self.machine.terms.plus(&address, 8);
                self.machine.store(&address, &value[1], 8)
            }
        }
    }

    /// The address of the memory operand.
    fn address(&mut self) -> Result<Word, Refusal> {
        let instruction = self.instruction;
        let mut address = match instruction.segment_prefix() {
            Name::None => ZERO,
            Name::FS => self.machine.terms.word(Node::Thread),
            _ => return self.machine.unknown_instruction(),
        };
        if instruction.memory_base() == Name::RIP {
            let place = self.machine.code_address(instruction.memory_displacement64() as usize);
            return Ok(place);
        }
        if instruction.memory_base() != Name::None {
            let base = self.address_register(instruction.memory_base())?;
            address = self.machine.terms.add(&address, &base);
        }
        if instruction.memory_index() != Name::None {
            let index = self.address_register(instruction.memory_index())?;
            let scaled = self.machine.terms.mul(&index, &constant(instruction.memory_index_scale().into()));
            address = self.machine.terms.add(&address, &scaled);
        }
        Ok(self.machine.terms.plus(&address, instruction.memory_displacement64() as i64))
    }

    fn address_register(&mut self, register: Name) -> Result<Word, Refusal> {
        if register.size() == 8 { self.gpr(register) } else { self.machine.unknown_instruction() }
    }

    /// The whole of a general register.
    fn gpr(&self, register: Name) -> Result<Word, Refusal> {
        let number = general(register).ok_or(Refusal::Instruction { at: self.machine.pc })?;
        Ok(self.machine.gprs[number])
    }

    /// Writes as much as the register's name says; a write of 32 bits clears the others.
    fn set_gpr(&mut self, register: Name, value: &Word) -> Result<(), Refusal> {
        let number = general(register).ok_or(Refusal::Instruction { at: self.machine.pc })?;
        let to = &mut self.machine.gprs[number];
        match register.size() {
            8 => *to = *value,
            4 => *to = zero_extended(value, 4),
            bytes => to[..bytes].copy_from_slice(&value[..bytes]),
        }
        Ok(())
    }

    fn push(&mut self, value: &Word) -> Result<(), Refusal> {
        let sp = self.machine.gprs[usize::from(RSP)];
        let below = self.machine.terms.plus(&sp, -8);
        self.machine.gprs[usize::from(RSP)] = below;
        self.machine.store(&below, value, 8)
    }

    fn pop(&mut self) -> Word {
        let sp = self.machine.gprs[usize::from(RSP)];
        let value = self.machine.load_word(&sp, 8);
        self.machine.gprs[usize::from(RSP)] = self.machine.terms.plus(&sp, 8);
        value
    }

    /// Where a call or jump goes.
    fn target(&mut self) -> Result<Word, Refusal> {
        match self.instruction.op0_kind() {
            OpKind::NearBranch64 => Ok(self.machine.code_address(self.instruction.near_branch64() as usize)),
            OpKind::Register | OpKind::Memory if self.bytes(0)? == 8 => self.read(0),
            _ => self.machine.unknown_instruction(),
        }
    }
}

/// The number of a general register. `None` of `ah` to `bh`, and of others.
fn general(register: Name) -> Option<usize> {
    let high = matches!(register, Name::AH | Name::BH | Name::CH | Name::DH);
    (register.is_gpr() && !high).then(|| register.full_register().number())
}

fn vector(register: Name) -> Option<usize> {
    register.is_xmm().then(|| register.number())
}
