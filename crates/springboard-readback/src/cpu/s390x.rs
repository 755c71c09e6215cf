//! z/Architecture, as capstone decodes it. A floating point register is the first word of a vector register.

mod names;

use self::names::{Width, compared, condition, half, loaded, relations, stored};
use super::text::{self, Dialect, Line};
use crate::{
    machine::{Cpu, Flags, Flow, Machine},
    refusal::Refusal,
    terms::{Beyond, Byte, Op, Word, ZERO, constant, sign_extended, zero_extended},
};

pub(crate) static CPU: Cpu = Cpu {
    step,
    stack_pointer: 15,
    link: Some(14),
    zero: None,
    // Stubs have none, and no unwinder goes through them.
    frame_pointer: None,
    // No instruction begins so.
    fillers: &[0],
    stack_align: 8,
    big_endian: true,
    signs: false,
    // There are none.
    lands: |_| true,
};

fn step(machine: &mut Machine<'_>) -> Result<Flow, Refusal> {
    let line = text::decode(machine, Dialect::Sysz)?;
    Step { machine, line }.run()
}

struct Step<'a, 'b> {
    machine: &'a mut Machine<'b>,
    line: Line,
}

impl Step<'_, '_> {
    fn run(&mut self) -> Result<Flow, Refusal> {
        let name = self.line.name.clone();
        let next = Flow::Next(self.line.length);
        if let Some((width, to)) = loaded(&name) {
            let value = self.operand(1, width)?;
            self.set(0, value, to)?;
            return Ok(next);
        }
        if let Some((word, bytes)) = self.made(&name)? {
            self.set(0, word, bytes)?;
            return Ok(next);
        }
        if let Some(bytes) = stored(&name) {
            let address = self.address(1)?;
            let value = self.gpr(0)?;
            self.machine.store(&address, &value, bytes)?;
            return Ok(next);
        }
        if let Some((width, logical)) = compared(&name) {
            let (a, b) = (self.gpr(0)?, self.operand(1, width)?);
            let bytes = width.bytes;
            let [a, b] = [a, b].map(|word| {
                if width.signed { sign_extended(&word, bytes) } else { zero_extended(&word, bytes) }
            });
            self.compare(a, b, logical);
            return Ok(next);
        }
        match name.as_str() {
            "aghi" | "agfi" | "aghik" | "ag" | "agr" | "agrk" | "sg" | "sgr" | "sgrk" | "ng" | "ngr"
            | "ngrk" | "og" | "ogr" | "msg" | "ogrk" | "xg" | "xgr" | "xgrk" | "msgrkc" | "msgr"
            | "msgfi" | "mghi" | "lcgr" => {
                self.arithmetic(&name)?;
            }
            "oill" | "oilh" | "oihl" | "oihh" | "oilf" | "oihf" | "xilf" | "xihf" => {
                let (value, mask) = (self.gpr(0)?, (self.line.number(1)? as u64) << half(&name));
                let value = if name.starts_with('o') {
                    self.machine.terms.or(&value, &constant(mask))
                } else {
                    self.machine.terms.xor(&value, &constant(mask))
                };
                self.set(0, value, 8)?;
                self.machine.flags = Flags::Unknown;
            }
            "nill" | "nilh" | "nihl" | "nihh" | "nilf" | "nihf" => {
                let bits: u64 = if name.ends_with('f') { 0xffff_ffff } else { 0xffff };
                let mask = !((bits & !(self.line.number(1)? as u64)) << half(&name));
                let value = self.gpr(0)?;
                let value = self.machine.terms.and(&value, &constant(mask));
                self.set(0, value, 8)?;
                self.machine.flags = Flags::Unknown;
            }
            "sllg" | "srlg" | "srag" | "srlk" => self.shift(&name)?,
            "ltgr" => {
                let value = self.gpr(1)?;
                self.set(0, value, 8)?;
                self.compare(value, ZERO, false);
            }
            "mvhi" | "mvghi" | "mvhhi" | "mvi" => {
                let bytes = match name.as_str() {
                    "mvi" => 1,
                    "mvhhi" => 2,
                    "mvhi" => 4,
                    _ => 8,
                };
                let address = self.address(0)?;
                let value = constant(self.line.number(1)? as u64);
                self.machine.store(&address, &value, bytes)?;
            }
            "lmg" | "stmg" => self.several(&name)?,
            "ld" | "ldy" | "le" | "ley" | "std" | "stdy" | "ste" | "stey" | "vleg" | "vsteg" | "vlef"
            | "vstef" | "vl" | "vst" => {
                self.vector_memory(&name)?;
            }
            "vlr" => {
                let (to, from) = (self.vector(0)?, self.vector(1)?);
                self.machine.vecs[to] = self.machine.vecs[from];
            }
            "ldr" | "lzdr" | "ldgr" | "ler" | "lzer" => {
                let to = self.vector(0)?;
                let word = match name.as_str() {
                    "ldr" | "ler" => self.machine.vecs[self.vector(1)?][0],
                    "ldgr" => self.gpr(1)?,
                    _ => ZERO,
                };
                let from = if name == "ler" || name == "lzer" { 4 } else { 0 };
                self.machine.vecs[to][0][from..].copy_from_slice(&word[from..]);
            }
            "vlgvg" | "vlgvf" if self.line.number(2)? == 0 => {
                let word = self.machine.vecs[self.vector(1)?][0];
                let high: Word = std::array::from_fn(|at| if at < 4 { word[at + 4] } else { Byte::Const(0) });
                self.set(0, if name == "vlgvg" { word } else { high }, 8)?;
            }
            "vlvgg" | "vlvgf" if self.line.number(2)? == 0 => {
                let (to, word) = (self.vector(0)?, self.gpr(1)?);
                match name.as_str() {
                    "vlvgg" => self.machine.vecs[to][0] = word,
                    _ => self.machine.vecs[to][0][4..].copy_from_slice(&word[..4]),
                }
            }
            "ldebr" | "wldeb" | "ledbr" | "ledbra" | "wledb" | "wcdgb" | "cdgbr" => self.convert(&name)?,
            // Towards zero; a NaN becomes the least (PoP, CONVERT TO FIXED).
            "wcgdb" if self.line.number(3)? == 5 => {
                let (to, word) = (self.vector(0)?, self.machine.vecs[self.vector(1)?][0]);
                let op = Op::DoubleToInt(Beyond::Nearest);
                self.machine.vecs[to] =
                    [self.machine.terms.op(op, &word, &constant(1 << 63)), self.machine.terms.unknown()];
            }
            "cdbr" | "wfcdb" => {
                let (a, b) = (self.vector(0)?, self.vector(1)?);
                self.machine.flags = Flags::Doubles([self.machine.vecs[a][0], self.machine.vecs[b][0]]);
            }
            "basr" | "bras" | "brasl" => {
                let to = if name == "basr" { self.gpr(1)? } else { self.place(1)? };
                let back = self.machine.code_address(self.machine.pc + self.line.length);
                self.set(0, back, 8)?;
                return Ok(Flow::Jump { to, length: self.line.length });
            }
            "br" => return Ok(Flow::Jump { to: self.gpr(0)?, length: self.line.length }),
            "j" | "jg" | "brc" => return Ok(Flow::Jump { to: self.place(0)?, length: self.line.length }),
            _ => {
                if let Some(named) = name.strip_prefix("locghi") {
                    let (holds, old) = (self.holds(named)?, self.gpr(0)?);
                    let new = constant(self.line.number(1)? as u64);
                    let value = self.machine.select(&holds, &new, &old)?;
                    self.set(0, value, 8)?;
                    return Ok(next);
                }
                let named = name.strip_prefix("jg").or(name.strip_prefix('j'));
                let condition = self.holds(named.ok_or(self.line.refused())?)?;
                let to = usize::try_from(self.line.number(0)?).map_err(|_| self.line.refused())?;
                return Ok(Flow::Branch { condition, to, length: self.line.length });
            }
        }
        Ok(next)
    }

    /// Whether a condition holds, as a word.
    fn holds(&mut self, named: &str) -> Result<Word, Refusal> {
        if let Flags::Doubles(_) = self.machine.flags {
            return self.machine.related(relations(named));
        }
        self.machine.condition(condition(named).ok_or(self.line.refused())?)
    }

    /// What an instruction writes to a general register, and to how many bytes of it, where that is all it does.
    fn made(&mut self, name: &str) -> Result<Option<(Word, usize)>, Refusal> {
        let word = match name {
            "la" | "lay" => self.address(1)?,
            "larl" => self.place(1)?,
            "lgrl" => {
                let place = self.place(1)?;
                self.machine.load(&place, 8)?
            }
            "lghi" | "lgfi" | "llilf" | "lhi" | "iilf" => constant(self.line.number(1)? as u64),
            "llill" | "llilh" | "llihl" | "llihh" | "llihf" => {
                constant((self.line.number(1)? as u64) << half(name))
            }
            "iihf" => {
                let mut value = self.gpr(0)?;
                let high = (self.line.number(1)? as u32).to_le_bytes();
                value[4..].copy_from_slice(&high.map(Byte::Const));
                value
            }
            "lgdr" => self.machine.vecs[self.vector(1)?][0],
            _ => return Ok(None),
        };
        Ok(Some((word, if matches!(name, "lhi" | "iilf") { 4 } else { 8 })))
    }

    /// A comparison of logical numbers has other results than one of signed ones, and both are asked for by one condition:
    /// logical numbers are compared as signed ones after their highest bit has been turned over.
    fn compare(&mut self, a: Word, b: Word, logical: bool) {
        let operands = match logical {
            false => [a, b],
            true => [a, b].map(|word| self.machine.terms.xor(&word, &constant(1 << 63))),
        };
        self.machine.flags = Flags::Compared { unsigned: [a, b], signed: operands };
    }

    fn arithmetic(&mut self, name: &str) -> Result<(), Refusal> {
        let three = name.ends_with('k') || name == "msgrkc";
        let (a, b) = if name == "lcgr" {
            (ZERO, self.gpr(1)?)
        } else if three {
            (self.gpr(1)?, self.operand(2, Width { bytes: 8, signed: false })?)
        } else {
            (self.gpr(0)?, self.operand(1, Width { bytes: 8, signed: false })?)
        };
        let terms = &mut self.machine.terms;
        let value = match &name[..1] {
            "a" => terms.add(&a, &b),
            "s" | "l" => terms.sub(&a, &b),
            "n" => terms.and(&a, &b),
            "o" => terms.or(&a, &b),
            "x" => terms.xor(&a, &b),
            _ => terms.mul(&a, &b),
        };
        self.set(0, value, 8)?;
        match &name[..1] {
            "m" => self.machine.flags = Flags::Unknown,
            _ => self.machine.computed(&value, 8),
        }
        Ok(())
    }

    /// The number of bits is the low six of an address.
    fn shift(&mut self, name: &str) -> Result<(), Refusal> {
        let value = self.gpr(1)?;
        let op = match &name[..3] {
            "sll" => Op::Shl,
            "srl" => Op::Shr,
            _ => Op::Sar,
        };
        let narrow = name == "srlk";
        let value = if narrow { zero_extended(&value, 4) } else { value };
        let bits = self.line.number(2).map(|bits| constant(bits as u64)).or_else(|_| self.address(2))?;
        let bits = self.machine.terms.and(&bits, &constant(63));
        let value = self.machine.terms.op(op, &value, &bits);
        if op == Op::Sar {
            self.machine.computed(&value, 8);
        }
        self.set(0, value, if narrow { 4 } else { 8 })
    }

    /// Registers from the first to the second, around 15, to or from neighbouring words.
    fn several(&mut self, name: &str) -> Result<(), Refusal> {
        let (first, last) = (self.register(0)?, self.register(1)?);
        let address = self.address(2)?;
        let count = (last + 16 - first) % 16 + 1;
        let mut loaded = Vec::new();
        for index in 0..count {
            let register = (first + index) % 16;
            let address = self.machine.terms.plus(&address, index as i64 * 8);
            if name == "lmg" {
                loaded.push((register, self.machine.load(&address, 8)?));
            } else {
                let value = self.machine.gprs[register];
                self.machine.store(&address, &value, 8)?;
            }
        }
        for (register, value) in loaded {
            self.machine.gprs[register] = value;
        }
        Ok(())
    }

    fn vector_memory(&mut self, name: &str) -> Result<(), Refusal> {
        let register = self.vector(0)?;
        let address = self.address(1)?;
        let half = match name {
            "vleg" | "vsteg" => self.line.number(2)? as usize & 1,
            "vlef" | "vstef" if self.line.number(2)? != 0 => return Err(self.line.refused()),
            _ => 0,
        };
        match name {
            "le" | "ley" | "vlef" => {
                let word = self.machine.load(&address, 4)?;
                self.machine.vecs[register][0][4..].copy_from_slice(&word[..4]);
            }
            "ste" | "stey" | "vstef" => {
                let word = self.machine.vecs[register][0];
                let high: Word = std::array::from_fn(|at| word[4 + at % 4]);
                self.machine.store(&address, &high, 4)?;
            }
            "vl" | "vst" => {
                for half in 0..2 {
                    let address = self.machine.terms.plus(&address, half as i64 * 8);
                    if name == "vl" {
                        self.machine.vecs[register][half] = self.machine.load(&address, 8)?;
                    } else {
                        let word = self.machine.vecs[register][half];
                        self.machine.store(&address, &word, 8)?;
                    }
                }
            }
            "ld" | "ldy" | "vleg" => self.machine.vecs[register][half] = self.machine.load(&address, 8)?,
            _ => {
                let word = self.machine.vecs[register][half];
                self.machine.store(&address, &word, 8)?;
            }
        }
        Ok(())
    }

    fn convert(&mut self, name: &str) -> Result<(), Refusal> {
        let to = self.vector(0)?;
        // Rounded to the nearest, or as the program has set it.
        let (from, rounded) = match name {
            "ledbra" => (self.vector(2)?, matches!(self.line.number(1)?, 0 | 4) && self.line.number(3)? == 0),
            "wcdgb" => (self.vector(1)?, self.line.number(2)? == 0),
            "wledb" => (self.vector(1)?, self.line.number(2)? == 0 && matches!(self.line.number(3)?, 0 | 4)),
            _ => (self.vector(1).or_else(|_| self.register(1))?, true),
        };
        if !rounded {
            return Err(self.line.refused());
        }
        let word = self.machine.vecs[from][0];
        match name {
            "ldebr" | "wldeb" => {
                let float: Word =
                    std::array::from_fn(|at| if at < 4 { word[at + 4] } else { Byte::Const(0) });
                self.machine.vecs[to][0] = self.machine.terms.op(Op::FloatToDouble, &float, &ZERO);
            }
            "ledbr" | "ledbra" | "wledb" => {
                let float = self.machine.terms.rounded_to_float(&word);
                self.machine.vecs[to][0][4..].copy_from_slice(&float[..4]);
            }
            "cdgbr" => {
                let word = self.machine.gprs[from];
                self.machine.vecs[to][0] = self.machine.terms.op(Op::IntToDouble, &word, &ZERO);
            }
            _ => {
                let op = match self.line.number(3)? {
                    0 | 4 => Op::IntToDouble,
                    3 => Op::IntToDoubleForFloat,
                    _ => return Err(self.line.refused()),
                };
                self.machine.vecs[to] =
                    [self.machine.terms.op(op, &word, &ZERO), self.machine.terms.unknown()];
            }
        }
        Ok(())
    }

    /// An address in the code, which capstone counts from its first byte.
    fn place(&mut self, index: usize) -> Result<Word, Refusal> {
        let to = self.line.number(index)?;
        let here = self.machine.code_address(0);
        Ok(self.machine.terms.plus(&here, to))
    }

    /// `offset(base)` or `offset(index,base)`
    fn address(&mut self, index: usize) -> Result<Word, Refusal> {
        let (offset, registers) = self.line.memory(index)?;
        let mut address = constant(offset as u64);
        for register in registers.split(',') {
            let number = number_of(register.trim(), "%r").filter(|number| *number != 0);
            let register = self.machine.gprs[number.ok_or(self.line.refused())?];
            address = self.machine.terms.add(&address, &register);
        }
        Ok(address)
    }

    /// A register, number or memory, widened.
    fn operand(&mut self, index: usize, width: Width) -> Result<Word, Refusal> {
        let text = self.line.operand(index)?.to_owned();
        let word = if let Some(value) = text::number(&text) {
            return Ok(constant(value as u64));
        } else if text.starts_with("%r") {
            self.gpr(index)?
        } else {
            let address = self.address(index)?;
            self.machine.load(&address, width.bytes)?
        };
        Ok(match width.signed {
            true => sign_extended(&word, width.bytes),
            false => zero_extended(&word, width.bytes),
        })
    }

    fn register(&self, index: usize) -> Result<usize, Refusal> {
        number_of(self.line.operand(index)?, "%r").ok_or(self.line.refused())
    }

    fn gpr(&self, index: usize) -> Result<Word, Refusal> {
        Ok(self.machine.gprs[self.register(index)?])
    }

    /// Writes the lowest bytes of a register, and leaves the others.
    fn set(&mut self, index: usize, value: Word, bytes: usize) -> Result<(), Refusal> {
        let register = self.register(index)?;
        self.machine.gprs[register][..bytes].copy_from_slice(&value[..bytes]);
        Ok(())
    }

    fn vector(&self, index: usize) -> Result<usize, Refusal> {
        let text = self.line.operand(index)?;
        number_of(text, "%f").or(number_of(text, "%v")).ok_or(self.line.refused())
    }
}

fn number_of(text: &str, class: &str) -> Option<usize> {
    text.strip_prefix(class)?.parse::<usize>().ok().filter(|number| *number < 32)
}
