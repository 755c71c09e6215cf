//! Words that are pushed.
//!
//! Cranelift's code makes room for the whole frame, and stores each word there after loading it into a register. One
//! `push` does both, and makes the room.

use iced_x86::{Code as Op, FlowControl, Instruction, MemoryOperand, OpKind, Register};

use super::{
    assembly::{Item, To, replaced},
    frame::begins_with_frame,
};

/// The instructions with the lowest words of their frame pushed: those that are stored before the first call, one after
/// the other down to the stack pointer. `None` where there are none, or branches before them, or where it
/// saves nothing.
pub(super) fn pushed(items: &[Item]) -> Option<Vec<Item>> {
    let [push, frame, room, ..] = items else { return None };
    let is_room = matches!(room.instruction.code(), Op::Sub_rm64_imm8 | Op::Sub_rm64_imm32)
        && room.instruction.op0_register() == Register::RSP;
    if !begins_with_frame(items) || !is_room {
        return None;
    }
    let bytes = room.instruction.try_immediate(1).ok()? as i64;
    let straight =
        items.iter().take_while(|item| item.instruction.flow_control() == FlowControl::Next).count();
    let stores = words(&items[..straight]);
    let count = stores.len() as i64;
    let end = stores.last().map_or(0, |last| last + 1);
    let is_last = items[end..straight].iter().all(|item| at_stack(item).is_none());
    let is_branched = items.iter().any(|item| matches!(item.to, To::Item(target) if target < straight));
    // A landing finds its words by the stack pointer.
    let has_landing = items.iter().any(|item| item.is(Op::Call_rel32_64));
    if count == 0 || is_branched || has_landing {
        return None;
    }
    // Whatever is not pushed of the stub's own stack is found by the frame pointer, which does not move.
    let by_frame = |item: &Item| {
        let mut item = *item;
        if let Some(at) = at_stack(&item) {
            item.instruction.set_memory_base(Register::RBP);
            item.instruction.set_memory_displacement64((at - bytes) as u64);
            item.instruction.set_memory_displ_size(if at - bytes >= -128 { 1 } else { 8 });
        }
        item
    };
    let room = match bytes - count * 8 {
        0 => None,
        rest => {
            let op = if rest < 128 { Op::Sub_rm64_imm8 } else { Op::Sub_rm64_imm32 };
            Some(Item::plain(Instruction::with2(op, Register::RSP, rest as i32).ok()?))
        }
    };
    let mut fresh = Vec::with_capacity(straight);
    fresh.extend([*push, *frame]);
    fresh.extend(room);
    let mut done = 3;
    for store in stores {
        let from = items[store].instruction.op1_register();
        let is_loaded = is_load(&items[store - 1], from) && is_dead(&items[store + 1..], from);
        let end = if is_loaded { store - 1 } else { store };
        fresh.extend(items[done..end].iter().map(by_frame));
        fresh.push(Item::plain(if is_loaded {
            let load = items[store - 1].instruction;
            let memory = match load.memory_displacement64() as i64 {
                0 => MemoryOperand::with_base(load.memory_base()),
                displacement => MemoryOperand::with_base_displ(load.memory_base(), displacement),
            };
            Instruction::with1(Op::Push_rm64, memory).ok()?
        } else {
            // There is none for a vector register.
            Instruction::with1(Op::Push_r64, from).ok()?
        }));
        done = store + 1;
    }
    fresh.extend(items[done..straight].iter().map(by_frame));
    // Among other stores, one by the frame pointer does as well.
    if !is_last && fresh.len() == straight {
        return None;
    }
    let all: Vec<Item> = items.iter().map(by_frame).collect();
    replaced(&all, 0..straight, &fresh)
}

/// Whether an instruction loads eight bytes, and nothing else, into this register.
fn is_load(item: &Item, to: Register) -> bool {
    let load = &item.instruction;
    matches!(load.code(), Op::Mov_r64_rm64 | Op::Movsd_xmm_xmmm64)
        && load.op1_kind() == OpKind::Memory
        && load.op0_register() == to
        && load.memory_index() == Register::None
}

/// Where the words that are pushed are stored, in order: as many as follow each other down to the stack pointer, whatever is
/// stored above them in between.
fn words(items: &[Item]) -> Vec<usize> {
    let mut stores: Vec<usize> = Vec::new();
    for (index, item) in items.iter().enumerate().rev() {
        let Some(at) = at_stack(item) else { continue };
        let is_word = item.is(Op::Mov_rm64_r64)
            || (item.is(Op::Movsd_xmmm64_xmm) && items[index - 1].is(Op::Movsd_xmm_xmmm64));
        let next = stores.len() as i64 * 8;
        if is_word && at == next {
            stores.push(index);
        } else if at < next {
            return Vec::new();
        }
    }
    stores.reverse();
    stores
}

/// The offset from the stack pointer at which an instruction stores or loads.
fn at_stack(item: &Item) -> Option<i64> {
    (item.base() == Some(Register::RSP)).then(|| item.instruction.memory_displacement64() as i64)
}

/// Whether nobody reads a register any more: it is written first, or never.
fn is_dead(items: &[Item], register: Register) -> bool {
    for item in items {
        let instruction = &item.instruction;
        let is = |operand: u32| {
            instruction.op_kind(operand) == OpKind::Register
                && instruction.op_register(operand).full_register() == register.full_register()
        };
        if item.base() == Some(register) || (1..instruction.op_count()).any(is) {
            return false;
        }
        if is(0) {
            let is_load = instruction.op1_kind() == OpKind::Memory;
            return match instruction.code() {
                // From another register they change a part of it.
                Op::Movsd_xmm_xmmm64 | Op::Movss_xmm_xmmm32 => is_load,
                Op::Mov_r64_rm64 | Op::Mov_rm64_r64 | Op::Mov_r64_imm64 | Op::Movsxd_r64_rm32 => true,
                Op::Mov_r32_rm32 | Op::Movzx_r32_rm8 | Op::Movzx_r32_rm16 => true,
                _ => false,
            };
        }
    }
    true
}
