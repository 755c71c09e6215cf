//! Machine code as a list of decoded instructions.

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand};

use super::super::super::Code;
use crate::template::HoleKind;

/// An instruction where it stands.
pub(super) struct Line {
    pub(super) offset: usize,
    pub(super) instruction: Instruction,
    pub(super) flow: Flow,
}

/// To what an instruction refers by its distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    None,
    Literal(HoleKind),
    /// To the code at this offset.
    Branch(usize),
    /// Over a literal that follows.
    Over,
}

impl Line {
    /// All operands that are not distances.
    pub(super) fn operands(&self) -> Vec<Operand> {
        let is_distance = |operand: &Operand| matches!(operand, Operand::PCOffset(_));
        self.instruction.operands.iter().filter(|operand| !is_distance(operand)).copied().collect()
    }
}

/// The instructions of `code`. `None` where one is unknown, or refers to what is neither code nor a hole.
pub(super) fn lines(code: &Code) -> Option<Vec<Line>> {
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
