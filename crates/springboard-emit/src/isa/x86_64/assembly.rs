//! Machine code as a list of instructions whose distances are worked out last.

use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code as Op, Decoder, DecoderOptions, Encoder, Instruction,
    InstructionBlock, OpKind, Register,
};

use super::super::Code;
use crate::template::{Hole, HoleKind};

/// An instruction, and what it refers to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Item {
    pub(super) instruction: Instruction,
    pub(super) to: To,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum To {
    Nothing,
    /// Its operand of eight bytes is this hole.
    Hole(HoleKind),
    /// The item of this index, by distance.
    Item(usize),
}

impl Item {
    pub(super) fn plain(instruction: Instruction) -> Item {
        Item { instruction, to: To::Nothing }
    }

    /// `op to, from`, or another instruction of two registers.
    pub(super) fn registers(op: Op, to: Register, from: Register) -> Option<Item> {
        Instruction::with2(op, to, from).ok().map(Item::plain)
    }

    /// The base of its operand in memory, if it has one.
    pub(super) fn base(&self) -> Option<Register> {
        let mut kinds = (0..self.instruction.op_count()).map(|operand| self.instruction.op_kind(operand));
        kinds.any(|kind| kind == OpKind::Memory).then(|| self.instruction.memory_base())
    }

    pub(super) fn is(&self, op: Op) -> bool {
        self.instruction.code() == op
    }

    /// Whether it is this instruction of two registers.
    pub(super) fn is_between(&self, op: Op, to: Register, from: Register) -> bool {
        self.is(op)
            && self.instruction.op0_kind() == OpKind::Register
            && self.instruction.op1_kind() == OpKind::Register
            && (self.instruction.op0_register(), self.instruction.op1_register()) == (to, from)
    }
}

/// The instructions of code. `None` where one is unknown, or refers by distance to anything but an instruction.
pub(super) fn items(code: &Code) -> Option<Vec<Item>> {
    let mut decoder = Decoder::new(64, &code.bytes, DecoderOptions::NONE);
    let mut items = Vec::with_capacity(code.bytes.len() / 4);
    let mut branches = false;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() || instruction.is_ip_rel_memory_operand() {
            return None;
        }
        let hole = code.holes.iter().find(|hole| u64::from(hole.offset) + 8 == instruction.next_ip());
        let to = match hole {
            Some(hole) if instruction.code() == Op::Mov_r64_imm64 => To::Hole(hole.kind),
            Some(_) => return None,
            None => To::Nothing,
        };
        branches |= instruction.op0_kind() == OpKind::NearBranch64;
        items.push(Item { instruction, to });
    }
    if branches {
        for index in 0..items.len() {
            if items[index].instruction.op0_kind() == OpKind::NearBranch64 {
                let target = items[index].instruction.near_branch_target();
                let found = items.binary_search_by_key(&target, |item| item.instruction.ip());
                items[index].to = To::Item(found.ok()?);
            }
        }
    }
    Some(items)
}

/// `items` with others in place of those of a range. `None` where a branch leads into the middle of it.
pub(super) fn replaced(items: &[Item], range: std::ops::Range<usize>, others: &[Item]) -> Option<Vec<Item>> {
    let mut fresh = [&items[..range.start], others, &items[range.end..]].concat();
    for item in &mut fresh {
        if let To::Item(target) = item.to {
            item.to = To::Item(match target {
                _ if target <= range.start => target,
                _ if target >= range.end => target - range.len() + others.len(),
                _ => return None,
            });
        }
    }
    Some(fresh)
}

/// The code of instructions. `None` where there is no encoding for one.
pub(super) fn assemble(items: &[Item]) -> Option<Code> {
    let hole = |end: usize, item: &Item| match item.to {
        To::Hole(kind) => Some(Hole { offset: end as u32 - 8, kind }),
        To::Nothing | To::Item(_) => None,
    };
    if items.iter().all(|item| !matches!(item.to, To::Item(_))) {
        let mut encoder = Encoder::try_with_capacity(64, items.len() * 5).ok()?;
        let (mut holes, mut end) = (Vec::new(), 0);
        for item in items {
            end += encoder.encode(&item.instruction, end as u64).ok()?;
            holes.extend(hole(end, item));
        }
        return Some(Code { bytes: encoder.take_buffer(), holes });
    }
    // Every instruction gets an address of its own, by which branches find it.
    let address = |index: usize| 0x1000 + index as u64 * 16;
    let placed = items.iter().enumerate().map(|(index, item)| {
        let mut instruction = item.instruction;
        instruction.set_ip(address(index));
        if let To::Item(target) = item.to {
            instruction.set_near_branch64(address(target));
        }
        instruction
    });
    let placed: Vec<_> = placed.collect();
    let options = BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS;
    let block = BlockEncoder::encode(64, InstructionBlock::new(&placed, 0), options).ok()?;
    let ends = block.new_instruction_offsets.iter().skip(1).map(|offset| *offset as usize);
    let ends = ends.chain([block.code_buffer.len()]);
    let holes = ends.zip(items).filter_map(|(end, item)| hole(end, item)).collect();
    Some(Code { bytes: block.code_buffer, holes })
}
