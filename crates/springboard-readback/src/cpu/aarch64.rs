//! aarch64, as capstone decodes it.

mod memory;

use super::text::{self, Dialect, Line};
use crate::{
    machine::{Condition, Cpu, Flags, Flow, Machine},
    refusal::Refusal,
    terms::{Beyond, Byte, Node, Op, Relations, Word, ZERO, constant, sign_extended, zero_extended},
};

pub(crate) static CPU: Cpu = Cpu {
    step,
    stack_pointer: SP as u8,
    link: Some(30),
    zero: None,
    frame_pointer: Some(29),
    // udf
    fillers: &[0],
    stack_align: 16,
    big_endian: false,
    signs: true,
    // bti c; paciasp is one as well
    lands: |code| code.starts_with(&[0x5f, 0x24, 0x03, 0xd5]) || code.starts_with(&[0x3f, 0x23, 0x03, 0xd5]),
};

const SP: usize = 31;

fn step(machine: &mut Machine<'_>) -> Result<Flow, Refusal> {
    let line = text::decode(machine, Dialect::Arm64)?;
    Step { machine, line }.run()
}

struct Step<'a, 'b> {
    machine: &'a mut Machine<'b>,
    line: Line,
}

/// A register as an operand names it.
#[derive(Clone, Copy)]
enum Name {
    Zero(usize),
    /// Its number, and its size in bytes.
    Gpr(usize, usize),
    Vec(usize, usize),
}

impl Step<'_, '_> {
    fn run(&mut self) -> Result<Flow, Refusal> {
        let name = self.line.name.clone();
        let next = Flow::Next(self.line.length);
        if let Some(value) = self.made(&name)? {
            self.set(0, value)?;
            return Ok(next);
        }
        match name.as_str() {
            "nop" | "bti" => {}
            "paciasp" => {
                let (link, sp) = (self.machine.gprs[30], self.machine.gprs[SP]);
                self.machine.gprs[30] = self.machine.terms.word(Node::Signed(link, sp));
            }
            "autiasp" => {
                let (link, sp) = (self.machine.gprs[30], self.machine.gprs[SP]);
                let (term, _) = self.machine.terms.split(&link);
                match *self.machine.terms.node(term) {
                    Node::Signed(plain, with) if with == sp => self.machine.gprs[30] = plain,
                    _ => return Err(self.line.refused()),
                }
            }
            "mov" if self.line.operand(0)?.ends_with(".16b") => {
                let (to, from) = (self.vector(0)?, self.vector(1)?);
                self.machine.vecs[to] = self.machine.vecs[from];
            }
            "movi" if self.line.number(1)? == 0 => {
                let to = self.vector(0)?;
                self.machine.vecs[to] = [ZERO, ZERO];
            }
            "fcvt" | "scvtf" => self.convert(&name)?,
            "fcmp" if self.size(0)? == 8 => {
                self.machine.flags = Flags::Doubles([self.value(0)?, self.value(1)?]);
            }
            "cmp" | "cmn" | "tst" => {
                let bytes = self.size(0)?;
                let (a, b) = (self.value(0)?, zero_extended(&self.second(1)?, bytes));
                match name.as_str() {
                    "cmp" => self.machine.compare(&a, &b, bytes),
                    "tst" => {
                        let value = self.machine.terms.and(&a, &b);
                        self.machine.compare(&value, &ZERO, bytes);
                    }
                    // Carry is another than of a comparison with the negated number.
                    _ => {
                        let sum = self.machine.terms.add(&a, &b);
                        self.machine.computed(&sum, bytes);
                    }
                }
            }
            "b" => return Ok(Flow::Jump { to: self.place(0)?, length: self.line.length }),
            "bl" => {
                let to = self.place(0)?;
                self.link();
                return Ok(Flow::Jump { to, length: self.line.length });
            }
            "br" => return Ok(Flow::Jump { to: self.value(0)?, length: self.line.length }),
            "blr" => {
                let to = self.value(0)?;
                self.link();
                return Ok(Flow::Jump { to, length: self.line.length });
            }
            "ret" if self.line.count() == 0 => {
                return Ok(Flow::Jump { to: self.machine.gprs[30], length: self.line.length });
            }
            "cbz" | "cbnz" => {
                let (bytes, value) = (self.size(0)?, self.value(0)?);
                self.machine.compare(&value, &ZERO, bytes);
                return self.branch(if name == "cbz" { "eq" } else { "ne" }, 1);
            }
            "tbz" | "tbnz" => {
                let (value, bit) = (self.value(0)?, self.line.number(1)?);
                let value = self.machine.terms.and(&value, &constant(1 << (bit & 63)));
                self.machine.compare(&value, &ZERO, 8);
                return self.branch(if name == "tbz" { "eq" } else { "ne" }, 2);
            }
            _ => {
                if let Some(named) = name.strip_prefix("b.") {
                    return self.branch(named, 0);
                }
                if name.starts_with("ld") || name.starts_with("st") {
                    self.memory(&name)?;
                } else {
                    return Err(self.line.refused());
                }
            }
        }
        Ok(next)
    }

    /// What an instruction writes to its first operand, where that is all it does beside setting flags.
    fn made(&mut self, name: &str) -> Result<Option<Word>, Refusal> {
        Ok(Some(match name {
            "mov" if self.line.operand(0)?.ends_with(".16b") => return Ok(None),
            "mov" | "fmov" | "movz" => self.second(1)?,
            // A NaN becomes zero (Arm ARM, FPToFixed).
            "fcvtzs" if [self.size(0)?, self.size(1)?] == [8, 8] => {
                let value = self.value(1)?;
                self.machine.terms.op(Op::DoubleToInt(Beyond::Nearest), &value, &ZERO)
            }
            "movn" => {
                let value = self.second(1)?;
                self.machine.terms.xor(&value, &constant(u64::MAX))
            }
            "movk" => {
                let mut value = self.get(0)?;
                let shift =
                    self.line.operand(2).map_or(Some(0), |shift| text::number(shift.strip_prefix("lsl ")?));
                let at = shift.ok_or(self.line.refused())? as usize / 8;
                let part = (self.line.number(1)? as u16).to_le_bytes().map(Byte::Const);
                value[at..at + 2].copy_from_slice(&part);
                value
            }
            "add" | "sub" | "and" | "orr" | "eor" | "mul" | "adds" | "subs" | "ands" => {
                let (a, b) = (self.value(1)?, self.second(2)?);
                self.arithmetic(name, &a, &b)
            }
            "madd" => {
                let (a, b, sum) = (self.value(1)?, self.value(2)?, self.value(3)?);
                let product = self.machine.terms.mul(&a, &b);
                self.machine.terms.add(&product, &sum)
            }
            "neg" => {
                let b = self.second(1)?;
                self.machine.terms.sub(&ZERO, &b)
            }
            "lsl" | "lsr" | "asr" => {
                let bytes = self.size(0)?;
                let value = self.value(1)?;
                let op = shift(name).ok_or(self.line.refused())?;
                let value = if op == Op::Sar { sign_extended(&value, bytes) } else { value };
                let bits = self.value(2)?;
                let bits = self.machine.terms.and(&bits, &constant(bytes as u64 * 8 - 1));
                self.machine.terms.op(op, &value, &bits)
            }
            "sxtb" | "sxth" | "sxtw" | "uxtb" | "uxth" | "uxtw" => {
                let value = self.value(1)?;
                extended(&value, name).ok_or(self.line.refused())?
            }
            "cset" | "csetm" => {
                let named = self.line.operand(1)?.to_owned();
                let holds = self.holds(&named)?;
                if name == "cset" { holds } else { self.machine.terms.sub(&ZERO, &holds) }
            }
            "csel" => {
                let named = self.line.operand(3)?.to_owned();
                let (holds, a, b) = (self.holds(&named)?, self.value(1)?, self.value(2)?);
                self.machine.select(&holds, &a, &b)?
            }
            "adr" => self.place(1)?,
            _ => return Ok(None),
        }))
    }

    /// Whether a condition holds, as a word.
    fn holds(&mut self, named: &str) -> Result<Word, Refusal> {
        if let Flags::Doubles(_) = self.machine.flags {
            return self.machine.related(relations(named));
        }
        self.machine.condition(condition(named).ok_or(self.line.refused())?)
    }

    fn arithmetic(&mut self, name: &str, a: &Word, b: &Word) -> Word {
        let terms = &mut self.machine.terms;
        let value = match name.trim_end_matches('s') {
            "add" => terms.add(a, b),
            "and" => terms.and(a, b),
            "orr" => terms.or(a, b),
            "eor" => terms.xor(a, b),
            "mul" => terms.mul(a, b),
            _ => terms.sub(a, b),
        };
        let bytes = self.size(0).unwrap_or(8);
        match name {
            "subs" => self.machine.compare(a, b, bytes),
            "ands" => self.machine.compare(&value, &ZERO, bytes),
            "adds" => self.machine.computed(&value, bytes),
            _ => {}
        }
        value
    }

    fn convert(&mut self, name: &str) -> Result<(), Refusal> {
        let value = self.value(1)?;
        let (Name::Vec(to, bytes), from) = (self.register(0)?, self.register(1)?) else {
            return Err(self.line.refused());
        };
        let (op, value) = match (name, from, bytes) {
            ("fcvt", Name::Vec(_, 4), 8) => (Op::FloatToDouble, value),
            ("fcvt", Name::Vec(_, 8), 4) => (Op::DoubleToFloat, value),
            ("scvtf", Name::Gpr(_, width), 8) => (Op::IntToDouble, sign_extended(&value, width)),
            ("scvtf", Name::Gpr(_, width), 4) => (Op::IntToFloat, sign_extended(&value, width)),
            _ => return Err(self.line.refused()),
        };
        let value = self.machine.terms.op(op, &value, &ZERO);
        self.machine.vecs[to] = [zero_extended(&value, bytes), ZERO];
        Ok(())
    }

    fn link(&mut self) {
        self.machine.gprs[30] = self.machine.code_address(self.machine.pc + self.line.length);
    }

    fn branch(&mut self, named: &str, index: usize) -> Result<Flow, Refusal> {
        let condition = self.holds(named)?;
        let to = usize::try_from(self.line.number(index)?).map_err(|_| self.line.refused())?;
        Ok(Flow::Branch { condition, to, length: self.line.length })
    }

    /// An address in the code, which capstone counts from its first byte.
    fn place(&mut self, index: usize) -> Result<Word, Refusal> {
        let to = self.line.number(index)?;
        let here = self.machine.code_address(0);
        Ok(self.machine.terms.plus(&here, to))
    }

    /// The second operand of an arithmetic instruction, with what is done to it first.
    fn second(&mut self, index: usize) -> Result<Word, Refusal> {
        let value = self.value(index)?;
        let modifier = self.line.operand(index + 1).unwrap_or_default().to_owned();
        self.modified(&value, &modifier)
    }

    /// A word shifted or extended as `lsl #3` or `sxtw #3` say.
    fn modified(&mut self, value: &Word, modifier: &str) -> Result<Word, Refusal> {
        if modifier.is_empty() {
            return Ok(*value);
        }
        let (name, bits) = modifier.split_once(' ').unwrap_or((modifier, "#0"));
        let bits = text::number(bits).ok_or(self.line.refused())? as u32 & 63;
        match shift(name) {
            Some(op) => Ok(self.machine.terms.shift(op, value, bits)),
            None => {
                let value = extended(value, name).ok_or(self.line.refused())?;
                Ok(self.machine.terms.shift(Op::Shl, &value, bits))
            }
        }
    }

    fn register(&self, index: usize) -> Result<Name, Refusal> {
        self.named(self.line.operand(index)?)
    }

    fn named(&self, text: &str) -> Result<Name, Refusal> {
        let refused = self.line.refused();
        let text = match text {
            "xzr" => return Ok(Name::Zero(8)),
            "wzr" => return Ok(Name::Zero(4)),
            "sp" => return Ok(Name::Gpr(SP, 8)),
            "fp" => "x29",
            "lr" => "x30",
            _ => text,
        };
        let (class, number) = text.split_at_checked(1).ok_or(refused.clone())?;
        let number = number.parse::<usize>().ok().filter(|number| *number < 32).ok_or(refused.clone())?;
        Ok(match class {
            "x" if number < 31 => Name::Gpr(number, 8),
            "w" if number < 31 => Name::Gpr(number, 4),
            "b" => Name::Vec(number, 1),
            "h" => Name::Vec(number, 2),
            "s" => Name::Vec(number, 4),
            "d" => Name::Vec(number, 8),
            "q" => Name::Vec(number, 16),
            _ => return Err(refused),
        })
    }

    /// A vector register, however it is divided.
    fn vector(&self, index: usize) -> Result<usize, Refusal> {
        let text = self.line.operand(index)?;
        match text.strip_prefix('v').and_then(|text| text.split_once('.')) {
            Some((number, _)) => {
                number.parse::<usize>().ok().filter(|number| *number < 32).ok_or(self.line.refused())
            }
            None => match self.named(text)? {
                Name::Vec(number, _) => Ok(number),
                _ => Err(self.line.refused()),
            },
        }
    }

    fn size(&self, index: usize) -> Result<usize, Refusal> {
        Ok(match self.register(index)? {
            Name::Zero(bytes) | Name::Gpr(_, bytes) | Name::Vec(_, bytes) => bytes,
        })
    }

    fn read(&self, name: Name) -> Word {
        match name {
            Name::Zero(_) => ZERO,
            Name::Gpr(number, bytes) => zero_extended(&self.machine.gprs[number], bytes),
            Name::Vec(number, bytes) => zero_extended(&self.machine.vecs[number][0], bytes.min(8)),
        }
    }

    fn get(&self, index: usize) -> Result<Word, Refusal> {
        Ok(self.read(self.register(index)?))
    }

    /// A register, the first element of one, or a number.
    fn value(&mut self, index: usize) -> Result<Word, Refusal> {
        let text = self.line.operand(index)?;
        if let Some(value) = text::number(text) {
            return Ok(constant(value as u64));
        }
        let element = [(".s[0]", 4), (".d[0]", 8)];
        match element.iter().find_map(|(element, bytes)| Some((text.strip_suffix(element)?, bytes))) {
            Some((_, bytes)) => Ok(zero_extended(&self.machine.vecs[self.vector(index)?][0], *bytes)),
            None => self.get(index),
        }
    }

    fn set(&mut self, index: usize, value: Word) -> Result<(), Refusal> {
        match self.register(index)? {
            Name::Zero(_) => {}
            Name::Gpr(number, bytes) => self.machine.gprs[number] = zero_extended(&value, bytes),
            Name::Vec(number, bytes) => {
                self.machine.vecs[number] = [zero_extended(&value, bytes.min(8)), ZERO]
            }
        }
        Ok(())
    }
}

fn inside(text: &str) -> Option<Vec<&str>> {
    let text = text.trim_end_matches('!').strip_prefix('[')?.strip_suffix(']')?;
    Some(text.split(',').map(str::trim).collect())
}

fn shift(name: &str) -> Option<Op> {
    Some(match name {
        "lsl" => Op::Shl,
        "lsr" => Op::Shr,
        "asr" => Op::Sar,
        _ => return None,
    })
}

fn extended(value: &Word, name: &str) -> Option<Word> {
    Some(match name {
        "sxtb" => sign_extended(value, 1),
        "sxth" => sign_extended(value, 2),
        "sxtw" => sign_extended(value, 4),
        "uxtb" => zero_extended(value, 1),
        "uxth" => zero_extended(value, 2),
        "uxtw" => zero_extended(value, 4),
        _ => return None,
    })
}

/// After a comparison of doubles (Arm ARM, FPCompare: without an order it is carry and overflow).
fn relations(name: &str) -> Option<Relations> {
    let (less, equal, greater) = (Relations::LESS, Relations::EQUAL, Relations::GREATER);
    Some(match name {
        "eq" => equal,
        "ne" => equal.not(),
        "mi" | "lo" | "cc" => less,
        "pl" | "hs" | "cs" => less.not(),
        "ls" => less.or(equal),
        "hi" => less.or(equal).not(),
        "gt" => greater,
        "le" => greater.not(),
        "ge" => greater.or(equal),
        "lt" => greater.or(equal).not(),
        _ => return None,
    })
}

fn condition(name: &str) -> Option<Condition> {
    Some(match name {
        "eq" => Condition::Equal,
        "ne" => Condition::NotEqual,
        "lo" | "cc" => Condition::Below,
        "hs" | "cs" => Condition::NotBelow,
        "hi" => Condition::Above,
        "ls" => Condition::NotAbove,
        "lt" => Condition::Less,
        "ge" => Condition::NotLess,
        "gt" => Condition::Greater,
        "le" => Condition::NotGreater,
        "mi" => Condition::Negative,
        "pl" => Condition::NotNegative,
        _ => return None,
    })
}
