//! RISC-V with 64-bit registers, as capstone decodes it.

use super::text::{self, Dialect, Line};
use crate::{
    machine::{Condition, Cpu, Flow, Machine},
    refusal::Refusal,
    terms::{Beyond, Byte, Op, Relations, Word, ZERO, constant, sign_extended, zero_extended},
};

pub(crate) static CPU: Cpu = Cpu {
    step,
    stack_pointer: 2,
    link: Some(1),
    zero: Some(0),
    frame_pointer: Some(8),
    // unimp
    fillers: &[0],
    stack_align: 16,
    big_endian: false,
    signs: false,
    // There are none.
    lands: |_| true,
};

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
    let line = text::decode(machine, Dialect::Riscv64)?;
    Step { machine, line }.run()
}

struct Step<'a, 'b> {
    machine: &'a mut Machine<'b>,
    line: Line,
}

impl Step<'_, '_> {
    fn run(&mut self) -> Result<Flow, Refusal> {
        let name = self.line.name.clone();
        if let Some(word) = self.made(&name)? {
            let register = self.register(0)?;
            if register != 0 {
                self.machine.gprs[register] = word;
            }
            return Ok(Flow::Next(self.line.length));
        }
        match name.as_str() {
            "nop" => {}
            "sb" | "sh" | "sw" | "sd" => {
                let (address, value) = (self.address(1)?, self.gpr(0)?);
                self.machine.store(&address, &value, accessed(&name))?;
            }
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
            "j" => return Ok(Flow::Jump { to: self.place(0)?, length: self.line.length }),
            "jal" => {
                let back = self.machine.code_address(self.machine.pc + self.line.length);
                let (link, to) = if self.line.count() == 2 { (self.register(0)?, 1) } else { (1, 0) };
                let to = self.place(to)?;
                self.machine.gprs[link] = back;
                return Ok(Flow::Jump { to, length: self.line.length });
            }
            "jr" => return Ok(Flow::Jump { to: self.gpr(0)?, length: self.line.length }),
            "ret" => return Ok(Flow::Jump { to: self.machine.gprs[1], length: self.line.length }),
            "jalr" if self.line.count() == 1 => {
                let to = self.gpr(0)?;
                self.machine.gprs[1] = self.machine.code_address(self.machine.pc + self.line.length);
                return Ok(Flow::Jump { to, length: self.line.length });
            }
            _ if name.starts_with('b') => return self.branch(&name),
            _ => return Err(self.line.refused()),
        }
        Ok(Flow::Next(self.line.length))
    }

    /// What an instruction writes to a general register, where that is all it does.
    fn made(&mut self, name: &str) -> Result<Option<Word>, Refusal> {
        Ok(Some(match name {
            "mv" => self.gpr(1)?,
            "li" => constant(self.line.number(1)? as u64),
            "lui" => constant(self.upper()? as u64),
            "auipc" => {
                let here = self.machine.code_address(self.machine.pc);
                let by = self.upper()?;
                self.machine.terms.plus(&here, by)
            }
            "addi" => self.sum()?,
            "addiw" => sign_extended(&self.sum()?, 4),
            "sext.w" => sign_extended(&self.gpr(1)?, 4),
            "zext.b" => zero_extended(&self.gpr(1)?, 1),
            "andi" | "ori" | "xori" | "and" | "or" | "xor" | "add" | "sub" | "mul" => {
                self.arithmetic(name)?
            }
            "slli" | "srli" | "srai" | "sll" | "srl" | "sra" => self.shifted(name, 8)?,
            "srlw" => sign_extended(&self.shifted(name, 4)?, 4),
            "lb" | "lh" | "lw" => sign_extended(&self.load(name)?, accessed(name)),
            "lbu" | "lhu" | "lwu" | "ld" => self.load(name)?,
            "fmv.x.d" => self.float(1)?,
            "fmv.x.w" => sign_extended(&self.float(1)?, 4),
            // A NaN becomes the greatest (RISC-V, "F" 11.7).
            "fcvt.l.d" if self.line.operand(2)? == "rtz" => {
                let value = self.float(1)?;
                self.machine.terms.op(Op::DoubleToInt(Beyond::Nearest), &value, &constant(i64::MAX as u64))
            }
            "feq.d" => {
                let (a, b) = (self.float(1)?, self.float(2)?);
                self.machine.terms.op(Op::Related(Relations::EQUAL), &a, &b)
            }
            "neg" => {
                let value = self.gpr(1)?;
                self.machine.terms.sub(&ZERO, &value)
            }
            "sltu" | "slt" | "sltiu" | "slti" | "seqz" | "snez" => self.compare(name)?,
            _ => return Ok(None),
        }))
    }

    /// A register and a number.
    fn sum(&mut self) -> Result<Word, Refusal> {
        let (value, by) = (self.gpr(1)?, self.line.number(2)?);
        Ok(self.machine.terms.plus(&value, by))
    }

    /// A number of the upper 20 bits of 32.
    fn upper(&self) -> Result<i64, Refusal> {
        Ok(self.line.number(1)? << 44 >> 32)
    }

    /// The second source: a register or a number.
    fn second(&self) -> Result<Word, Refusal> {
        self.line.number(2).map(|number| constant(number as u64)).or_else(|_| self.gpr(2))
    }

    /// The low bytes of a register, shifted.
    fn shifted(&mut self, name: &str, bytes: usize) -> Result<Word, Refusal> {
        let (value, bits) = (zero_extended(&self.gpr(1)?, bytes), self.second()?);
        let bits = self.machine.terms.and(&bits, &constant(bytes as u64 * 8 - 1));
        Ok(self.machine.terms.op(shift(name), &value, &bits))
    }

    fn arithmetic(&mut self, name: &str) -> Result<Word, Refusal> {
        let (a, b) = (self.gpr(1)?, self.second()?);
        let terms = &mut self.machine.terms;
        Ok(match name.trim_end_matches('i') {
            "and" => terms.and(&a, &b),
            "or" => terms.or(&a, &b),
            "xor" => terms.xor(&a, &b),
            "add" => terms.add(&a, &b),
            "sub" => terms.sub(&a, &b),
            _ => terms.mul(&a, &b),
        })
    }

    fn compare(&mut self, name: &str) -> Result<Word, Refusal> {
        let a = self.gpr(1)?;
        let b = match name {
            "seqz" | "snez" => ZERO,
            _ => self.second()?,
        };
        self.machine.compare(&a, &b, 8);
        self.machine.condition(match name {
            "seqz" => Condition::Equal,
            "snez" => Condition::NotEqual,
            "slt" | "slti" => Condition::Less,
            _ => Condition::Below,
        })
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

    fn load(&mut self, name: &str) -> Result<Word, Refusal> {
        let address = self.address(1)?;
        self.machine.load(&address, accessed(name))
    }

    /// `offset(register)`
    fn address(&mut self, index: usize) -> Result<Word, Refusal> {
        let (offset, register) = self.line.memory(index)?;
        let register = NAMES.iter().position(|name| *name == register).ok_or(self.line.refused())?;
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

/// How many bytes a load or store of general registers accesses.
fn accessed(name: &str) -> usize {
    match name.as_bytes()[1] {
        b'b' => 1,
        b'h' => 2,
        b'w' => 4,
        _ => 8,
    }
}

fn shift(name: &str) -> Op {
    match &name[..3] {
        "sll" => Op::Shl,
        "srl" => Op::Shr,
        _ => Op::Sar,
    }
}
