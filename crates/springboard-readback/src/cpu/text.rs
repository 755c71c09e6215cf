//! Instructions as capstone writes them: a name and operands.

use std::cell::OnceCell;

use capstone::{
    Capstone, CsResult, Endian,
    arch::{self, BuildsCapstone, BuildsCapstoneEndian},
};

use crate::{machine::Machine, refusal::Refusal};

/// An instruction.
pub(super) struct Line {
    pub(super) name: String,
    /// Separated by commas that are in no brackets.
    operands: Vec<String>,
    pub(super) length: usize,
    at: usize,
}

/// A CPU whose instructions capstone decodes.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    #[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
    Arm64,
    #[cfg(any(feature = "all-targets", target_arch = "riscv64"))]
    Riscv64,
    #[cfg(any(feature = "all-targets", target_arch = "s390x"))]
    Sysz,
}

impl Dialect {
    fn decoder(self) -> CsResult<Capstone> {
        match self {
            #[cfg(any(feature = "all-targets", target_arch = "aarch64"))]
            Dialect::Arm64 => {
                Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).endian(Endian::Little).build()
            }
            #[cfg(any(feature = "all-targets", target_arch = "riscv64"))]
            Dialect::Riscv64 => Capstone::new().riscv().mode(arch::riscv::ArchMode::RiscV64).build(),
            #[cfg(any(feature = "all-targets", target_arch = "s390x"))]
            Dialect::Sysz => Capstone::new().sysz().mode(arch::sysz::ArchMode::Default).build(),
        }
    }
}

thread_local! {
    /// Each thread's own, because capstone's are not shared.
    static DECODERS: [OnceCell<Option<Capstone>>; 3] = const { [const { OnceCell::new() }; 3] };
}

/// The instruction at the machine's `pc`.
pub(super) fn decode(machine: &Machine<'_>, dialect: Dialect) -> Result<Line, Refusal> {
    let at = machine.pc;
    let refused = Refusal::Instruction { at };
    let rest = machine.code.get(at..).filter(|rest| !rest.is_empty()).ok_or(Refusal::Instruction { at })?;
    let line = DECODERS.with(|decoders| {
        let decoder = decoders[dialect as usize].get_or_init(|| dialect.decoder().ok()).as_ref()?;
        let found = decoder.disasm_count(&rest[..rest.len().min(8)], at as u64, 1).ok()?;
        let found = found.first()?;
        let operands = operands(found.op_str().unwrap_or_default());
        Some(Line { name: found.mnemonic()?.to_owned(), operands, length: found.bytes().len(), at })
    });
    let line = line.ok_or(refused)?;
    // A stamp writes into no instruction of these CPUs.
    if machine.hole_within(line.length).is_some() { Err(Refusal::Hole { at }) } else { Ok(line) }
}

fn operands(text: &str) -> Vec<String> {
    let mut depth = 0;
    let split = text.split(|character| {
        match character {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    split.map(|operand| operand.trim().to_owned()).filter(|operand| !operand.is_empty()).collect()
}

impl Line {
    /// What is refused of it, or missing in it.
    pub(super) fn refused(&self) -> Refusal {
        Refusal::Instruction { at: self.at }
    }

    pub(super) fn count(&self) -> usize {
        self.operands.len()
    }

    pub(super) fn operand(&self, index: usize) -> Result<&str, Refusal> {
        self.operands.get(index).map(String::as_str).ok_or(self.refused())
    }

    /// The parts of an operand `offset(registers)`.
    pub(super) fn memory(&self, index: usize) -> Result<(i64, &str), Refusal> {
        let parts = self.operand(index)?.strip_suffix(')').and_then(|text| text.split_once('('));
        parts.and_then(|(offset, registers)| Some((number(offset)?, registers))).ok_or(self.refused())
    }

    /// An operand that is a number.
    pub(super) fn number(&self, index: usize) -> Result<i64, Refusal> {
        number(self.operand(index)?).ok_or(self.refused())
    }
}

/// A number as capstone writes it, with a sign and in hexadecimal or not.
pub(super) fn number(text: &str) -> Option<i64> {
    let text = text.strip_prefix('#').unwrap_or(text);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()? as i64,
        None => digits.parse::<u64>().ok()? as i64,
    };
    Some(if negative { value.wrapping_neg() } else { value })
}
