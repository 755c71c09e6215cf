//! Loads and stores.

use super::{Name, Step, inside};
use crate::{
    cpu::text,
    refusal::Refusal,
    terms::{Word, ZERO, constant, sign_extended},
};

impl Step<'_, '_> {
    /// Loads and stores of one or two registers.
    pub(super) fn memory(&mut self, name: &str) -> Result<(), Refusal> {
        let pair = matches!(name, "ldp" | "stp");
        let count = if pair { 2 } else { 1 };
        let narrow = match name
            .trim_start_matches("ldu")
            .trim_start_matches("ldr")
            .trim_start_matches("stu")
            .trim_start_matches("str")
        {
            "" | "p" => None,
            "b" => Some((1, false)),
            "h" => Some((2, false)),
            "sb" => Some((1, true)),
            "sh" => Some((2, true)),
            "sw" => Some((4, true)),
            _ if pair => None,
            "r" => None,
            "rb" => Some((1, false)),
            "rh" => Some((2, false)),
            "rsb" => Some((1, true)),
            "rsh" => Some((2, true)),
            "rsw" => Some((4, true)),
            _ => return Err(self.line.refused()),
        };
        let mut address = self.address(count)?;
        for index in 0..count {
            let full = self.size(index)?;
            let (bytes, signed) = narrow.unwrap_or((full, false));
            let halves = if bytes == 16 { vec![(0, 8), (1, 8)] } else { vec![(0, bytes)] };
            let mut words = [ZERO, ZERO];
            for (half, bytes) in halves {
                if name.starts_with("ld") {
                    let value = self.machine.load(&address, bytes)?;
                    words[half] = if signed { sign_extended(&value, bytes) } else { value };
                } else {
                    let value = match self.register(index)? {
                        Name::Vec(number, _) => self.machine.vecs[number][half],
                        _ => self.value(index)?,
                    };
                    self.machine.store(&address, &value, bytes)?;
                }
                address = self.machine.terms.plus(&address, bytes as i64);
            }
            if name.starts_with("ld") {
                match self.register(index)? {
                    Name::Vec(number, _) => self.machine.vecs[number] = words,
                    _ => self.set(index, words[0])?,
                }
            }
        }
        self.write_back(count)
    }

    /// `[base]`, `[base, #offset]`, `[base, index]`, `[base, index, extend #shift]`, with `!` where the base is written
    /// before; or a place in the code.
    fn address(&mut self, index: usize) -> Result<Word, Refusal> {
        let text = self.line.operand(index)?.to_owned();
        if text.starts_with('#') {
            return self.place(index);
        }
        let parts = inside(&text).ok_or(self.line.refused())?;
        let base = self.named(parts.first().copied().unwrap_or_default())?;
        let mut address = self.read(base);
        if let Some(offset) = parts.get(1) {
            let by = match text::number(offset) {
                Some(by) => constant(by as u64),
                None => {
                    let register = self.named(offset)?;
                    let value = self.read(register);
                    self.modified(&value, parts.get(2).copied().unwrap_or_default())?
                }
            };
            address = self.machine.terms.add(&address, &by);
        }
        if text.ends_with('!') {
            let Name::Gpr(number, 8) = base else { return Err(self.line.refused()) };
            self.machine.gprs[number] = address;
        }
        Ok(address)
    }

    /// The base of an address that is written after the access.
    fn write_back(&mut self, index: usize) -> Result<(), Refusal> {
        let Some(by) = self.line.operand(index + 1).ok().map(str::to_owned) else { return Ok(()) };
        let text = self.line.operand(index)?.to_owned();
        let base = inside(&text).and_then(|parts| parts.first().copied());
        let base = self.named(base.unwrap_or_default())?;
        let (Name::Gpr(number, 8), Some(by)) = (base, text::number(&by)) else {
            return Err(self.line.refused());
        };
        self.machine.gprs[number] = self.machine.terms.plus(&self.machine.gprs[number], by);
        Ok(())
    }
}
