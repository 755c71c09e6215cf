//! RISC-V with 64-bit registers, as capstone decodes it.

use std::cell::OnceCell;

use capstone::{
    Capstone,
    arch::{self, BuildsCapstone},
};

use super::text::{self, Line, PerThread};
use crate::{
    machine::{Condition, Cpu, Flow, Machine},
    refusal::Refusal,
    terms::{Byte, Op, Word, ZERO, constant, sign_extended, zero_extended},
};

pub(crate) static CPU: Cpu = Cpu {
    step,
    stack_pointer: 2,
    link: Some(1),
    zero: Some(0),
    frame_pointer: Some(8),
    stack_align: 16,
    big_endian: false,
    signs: false,
    // There are none.
    lands: |_| true,
};

thread_local! {
    static DECODER: OnceCell<Option<Capstone>> = const { OnceCell::new() };
}
static PER_THREAD: &PerThread = &DECODER;

fn decoder() -> capstone::CsResult<Capstone> {
    Capstone::new().riscv().mode(arch::riscv::ArchMode::RiscV64).build()
}

const NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];
const FLOATS: [&str; 32] = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4",
    "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8",
    "ft9", "ft10", "ft11",
];

fn step(machine: &mut Machine<'_>) -> Result<Flow, Refusal> {
    let line = text::decode(machine, PER_THREAD, decoder)?;
    Step { machine, line }.run()
}

struct Step<'a, 'b> {
    machine: &'a mut Machine<'b>,
    line: Line,
}

impl Step<'_, '_> {
    fn run(&mut self) -> Result<Flow, Refusal> {
        let name = self.line.name.clone();
        match name.as_str() {
            "nop" => {}
            "mv" => {
                let value = self.gpr(1)?;
                self.set(0, value)?;
            }
            "li" => self.set(0, constant(self.line.number(1)? as u64))?,
            "lui" => {
                let value = (self.line.number(1)? << 44 >> 32) as u64;
                self.set(0, constant(value))?;
            }
            "auipc" => {
                let by = self.line.number(1)? << 44 >> 32;
                let value = self.machine.code_address(self.machine.pc);
                let value = self.machine.terms.plus(&value, by);
                self.set(0, value)?;
            }
            "addi" => {
                let (value, by) = (self.gpr(1)?, self.line.number(2)?);
                let value = self.machine.terms.plus(&value, by);
                self.set(0, value)?;
            }
            "addiw" => {
                let (value, by) = (self.gpr(1)?, self.line.number(2)?);
                let value = self.machine.terms.plus(&value, by);
                self.set(0, sign_extended(&value, 4))?;
            }
            "sext.w" => {
                let value = self.gpr(1)?;
                self.set(0, sign_extended(&value, 4))?;
            }
            "zext.b" => {
                let value = self.gpr(1)?;
                self.set(0, zero_extended(&value, 1))?;
            }
            "andi" | "ori" | "xori" | "and" | "or" | "xor" | "add" | "sub" | "mul" => {
                self.arithmetic(&name)?
            }
            "slli" | "srli" | "srai" => {
                let (value, bits) = (self.gpr(1)?, self.line.number(2)?);
                let op = shift(&name[..3]);
                let value = self.machine.terms.shift(op, &value, bits as u32 & 63);
                self.set(0, value)?;
            }
            "sll" | "srl" | "sra" | "srlw" => {
                let (mut value, bits) = (self.gpr(1)?, self.gpr(2)?);
                let narrow = name == "srlw";
                if narrow {
                    value = zero_extended(&value, 4);
                }
                let bits = self.machine.terms.and(&bits, &constant(if narrow { 31 } else { 63 }));
                let value = self.machine.terms.op(shift(&name[..3]), &value, &bits);
                self.set(0, if narrow { sign_extended(&value, 4) } else { value })?;
            }
            "lb" => self.load(1, true)?,
            "lbu" => self.load(1, false)?,
            "lh" => self.load(2, true)?,
            "lhu" => self.load(2, false)?,
            "lw" => self.load(4, true)?,
            "lwu" => self.load(4, false)?,
            "ld" => self.load(8, false)?,
            "sb" => self.store(1)?,
            "sh" => self.store(2)?,
            "sw" => self.store(4)?,
            "sd" => self.store(8)?,
            "fld" | "flw" => {
                let bytes = if name == "fld" { 8 } else { 4 };
                let address = self.address(1)?;
                let value = self.machine.load(&address, bytes)?;
                self.set_float(0, value, bytes)?;
            }
            "fsd" | "fsw" => {
                let address = self.address(1)?;
                let value = self.float(0)?;
                self.machine.store(&address, &value, if name == "fsd" { 8 } else { 4 })?;
            }
            "fmv.x.d" => {
                let value = self.float(1)?;
                self.set(0, value)?;
            }
            "fmv.x.w" => {
                let value = self.float(1)?;
                self.set(0, sign_extended(&value, 4))?;
            }
            "fmv.d.x" | "fmv.w.x" => {
                let value = self.gpr(1)?;
                self.set_float(0, value, if name == "fmv.d.x" { 8 } else { 4 })?;
            }
            "fmv.d" => {
                let value = self.float(1)?;
                self.set_float(0, value, 8)?;
            }
            // Exact, so that no rounding matters.
            "fcvt.d.s" => {
                let value = zero_extended(&self.float(1)?, 4);
                let value = self.machine.terms.op(Op::FloatToDouble, &value, &ZERO);
                self.set_float(0, value, 8)?;
            }
            "fcvt.s.d" | "fcvt.d.l" | "fcvt.s.l" if self.line.operand(2)? == "rne" => {
                let (value, op) = match name.as_str() {
                    "fcvt.s.d" => (self.float(1)?, Op::DoubleToFloat),
                    "fcvt.d.l" => (self.gpr(1)?, Op::IntToDouble),
                    _ => (self.gpr(1)?, Op::IntToFloat),
                };
                let value = self.machine.terms.op(op, &value, &ZERO);
                self.set_float(0, value, if name == "fcvt.d.l" { 8 } else { 4 })?;
            }
            "sltu" | "slt" | "sltiu" | "slti" | "seqz" | "snez" => self.compare(&name)?,
            "j" => return Ok(Flow::Jump(self.place(0)?)),
            "jal" => {
                let back = self.machine.code_address(self.machine.pc + self.line.length);
                let (link, to) = if self.line.count() == 2 { (self.register(0)?, 1) } else { (1, 0) };
                let to = self.place(to)?;
                self.machine.gprs[link] = back;
                return Ok(Flow::Jump(to));
            }
            "jr" => return Ok(Flow::Jump(self.gpr(0)?)),
            "ret" => return Ok(Flow::Jump(self.machine.gprs[1])),
            "jalr" if self.line.count() == 1 => {
                let to = self.gpr(0)?;
                self.machine.gprs[1] = self.machine.code_address(self.machine.pc + self.line.length);
                return Ok(Flow::Jump(to));
            }
            _ if name.starts_with('b') => return self.branch(&name),
            _ => return Err(self.line.refused()),
        }
        Ok(Flow::Next(self.line.length))
    }

    fn arithmetic(&mut self, name: &str) -> Result<(), Refusal> {
        let a = self.gpr(1)?;
        let b = if name.ends_with('i') { constant(self.line.number(2)? as u64) } else { self.gpr(2)? };
        let terms = &mut self.machine.terms;
        let value = match name.trim_end_matches('i') {
            "and" => terms.and(&a, &b),
            "or" => terms.or(&a, &b),
            "xor" => terms.xor(&a, &b),
            "add" => terms.add(&a, &b),
            "sub" => terms.sub(&a, &b),
            _ => terms.mul(&a, &b),
        };
        self.set(0, value)
    }

    fn compare(&mut self, name: &str) -> Result<(), Refusal> {
        let a = self.gpr(1)?;
        let b = match name {
            "seqz" | "snez" => ZERO,
            "slti" | "sltiu" => constant(self.line.number(2)? as u64),
            _ => self.gpr(2)?,
        };
        self.machine.compare(&a, &b, 8);
        let value = self.machine.condition(match name {
            "seqz" => Condition::Equal,
            "snez" => Condition::NotEqual,
            "slt" | "slti" => Condition::Less,
            _ => Condition::Below,
        })?;
        self.set(0, value)
    }

    fn branch(&mut self, name: &str) -> Result<Flow, Refusal> {
        let condition = match name.trim_end_matches('z') {
            "beq" => Condition::Equal,
            "bne" => Condition::NotEqual,
            "bltu" => Condition::Below,
            "bgeu" => Condition::NotBelow,
            "blt" => Condition::Less,
            "bge" => Condition::NotLess,
            "bgt" => Condition::Greater,
            "ble" => Condition::NotGreater,
            _ => return Err(self.line.refused()),
        };
        let with_zero = name.ends_with('z');
        let (a, b) = (self.gpr(0)?, if with_zero { ZERO } else { self.gpr(1)? });
        self.machine.compare(&a, &b, 8);
        let condition = self.machine.condition(condition)?;
        let by = self.line.number(if with_zero { 1 } else { 2 })?;
        let to = usize::try_from(self.machine.pc as i64 + by).map_err(|_| self.line.refused())?;
        Ok(Flow::Branch { condition, to, length: self.line.length })
    }

    /// Where a jump by so many bytes goes.
    fn place(&mut self, index: usize) -> Result<Word, Refusal> {
        let by = self.line.number(index)?;
        let here = self.machine.code_address(self.machine.pc);
        Ok(self.machine.terms.plus(&here, by))
    }

    fn load(&mut self, bytes: usize, signed: bool) -> Result<(), Refusal> {
        let address = self.address(1)?;
        let value = self.machine.load(&address, bytes)?;
        self.set(0, if signed { sign_extended(&value, bytes) } else { value })
    }

    fn store(&mut self, bytes: usize) -> Result<(), Refusal> {
        let address = self.address(1)?;
        let value = self.gpr(0)?;
        self.machine.store(&address, &value, bytes)
    }

    /// `offset(register)`
    fn address(&mut self, index: usize) -> Result<Word, Refusal> {
        let refused = self.line.refused();
        let text = self.line.operand(index)?.to_owned();
        let parts = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let (offset, register) = parts.ok_or(refused.clone())?;
        let offset = text::number(offset).ok_or(refused.clone())?;
        let register = NAMES.iter().position(|name| *name == register).ok_or(refused)?;
        let base = self.machine.gprs[register];
        Ok(self.machine.terms.plus(&base, offset))
    }

    fn register(&self, index: usize) -> Result<usize, Refusal> {
        let text = self.line.operand(index)?;
        NAMES.iter().position(|name| *name == text).ok_or(self.line.refused())
    }

    fn gpr(&self, index: usize) -> Result<Word, Refusal> {
        Ok(self.machine.gprs[self.register(index)?])
    }

    fn set(&mut self, index: usize, value: Word) -> Result<(), Refusal> {
        let register = self.register(index)?;
        if register != 0 {
            self.machine.gprs[register] = value;
        }
        Ok(())
    }

    fn float_register(&self, index: usize) -> Result<usize, Refusal> {
        let text = self.line.operand(index)?;
        FLOATS.iter().position(|name| *name == text).ok_or(self.line.refused())
    }

    fn float(&self, index: usize) -> Result<Word, Refusal> {
        Ok(self.machine.vecs[self.float_register(index)?][0])
    }

    /// A value narrower than the register has ones above it.
    fn set_float(&mut self, index: usize, value: Word, bytes: usize) -> Result<(), Refusal> {
        let register = self.float_register(index)?;
        self.machine.vecs[register][0] =
            std::array::from_fn(|at| if at < bytes { value[at] } else { Byte::Const(0xff) });
        Ok(())
    }
}

fn shift(name: &str) -> Op {
    match name {
        "sll" => Op::Shl,
        "srl" => Op::Shr,
        _ => Op::Sar,
    }
}
