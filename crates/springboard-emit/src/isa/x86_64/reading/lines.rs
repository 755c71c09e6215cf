//! Machine code as a list of decoded instructions.

use iced_x86::{Code as Op, Decoder, DecoderOptions, Instruction, Register};

use super::super::super::Code;
use crate::template::HoleKind;

/// An instruction where it stands.
pub(super) struct Line {
    pub(super) instruction: Instruction,
    pub(super) hole: Option<HoleKind>,
}

/// The instructions of code. `None` where one is unknown, or a hole is not the operand of one that takes eight bytes.
pub(super) fn lines(code: &Code) -> Option<Vec<Line>> {
    let mut decoder = Decoder::new(64, &code.bytes, DecoderOptions::NONE);
    let mut lines = Vec::with_capacity(code.bytes.len() / 4);
    let mut holes = 0;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let end = instruction.next_ip();
        let hole = code.holes.iter().find(|hole| u64::from(hole.offset) + 8 == end);
        let takes_one = instruction.code() == Op::Mov_r64_imm64;
        let prefixed = instruction.has_lock_prefix()
            || instruction.has_rep_prefix()
            || instruction.has_repne_prefix()
            || instruction.segment_prefix() != Register::None;
        if instruction.is_invalid() || prefixed || (hole.is_some() && !takes_one) {
            return None;
        }
        holes += usize::from(hole.is_some());
        lines.push(Line { instruction, hole: hole.map(|hole| hole.kind) });
    }
    // A hole that is no operand is a change of the code between.
    (holes == code.holes.len()).then_some(lines)
}
