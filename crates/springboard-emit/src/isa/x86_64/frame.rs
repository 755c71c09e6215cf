//! Frames that cost no more than they must.
//!
//! Cranelift gives a stub a frame, and takes it down by instructions of which some do nothing. A stub that does nothing
//! after its call, or jumps anyway, has no use for a frame at all: its call becomes a jump, which keeps no return address.

use iced_x86::{Code as Op, Instruction, OpKind, Register};

use super::assembly::{Item, To, replaced};

/// `push rbp`; `mov rbp, rsp`
const PROLOGUE: usize = 2;

pub(super) fn begins_with_frame(items: &[Item]) -> bool {
    let pushes = |item: &Item| item.is(Op::Push_r64) && item.instruction.op0_register() == Register::RBP;
    let [push, frame, ..] = items else { return false };
    pushes(push) && frame.is_between(Op::Mov_rm64_r64, Register::RBP, Register::RSP)
}

/// Whether two instructions take a frame down: `mov rsp, rbp`; `pop rbp`.
fn is_end(items: &[Item]) -> bool {
    let [back, pop, ..] = items else { return false };
    back.is_between(Op::Mov_rm64_r64, Register::RSP, Register::RBP)
        && pop.is(Op::Pop_r64)
        && pop.instruction.op0_register() == Register::RBP
}

/// The instructions without a frame, ending in a jump: those of a stub with one call or jump through a register, and
/// nothing after it. What arrived on the stack is found by the stack pointer.
pub(super) fn without(items: &[Item]) -> Option<Vec<Item>> {
    if !begins_with_frame(items) || items.iter().any(|item| matches!(item.to, To::Item(_))) {
        return None;
    }
    let body = &items[PROLOGUE..];
    let (body, target) = match body {
        [body @ .., call, back, pop, end] if call.is(Op::Call_rm64) && end.is(Op::Retnq) => {
            (is_end(&[*back, *pop]).then_some(body)?, call)
        }
        [body @ .., back, pop, jump] if jump.is(Op::Jmp_rm64) => {
            (is_end(&[*back, *pop]).then_some(body)?, jump)
        }
        _ => return None,
    };
    if target.instruction.op0_kind() != OpKind::Register {
        return None;
    }
    let mut bare = Vec::with_capacity(body.len() + 1);
    for item in body {
        let mut item = *item;
        if item.base() == Some(Register::RBP) {
            let at = item.instruction.memory_displacement64().checked_sub(8)?;
            item.instruction.set_memory_base(Register::RSP);
            item.instruction.set_memory_displacement64(at);
            item.instruction.set_memory_displ_size(if at < 128 { 1 } else { 8 });
        }
        bare.push(item);
    }
    bare.push(Item::plain(Instruction::with1(Op::Jmp_rm64, target.instruction.op0_register()).ok()?));
    Some(bare)
}

/// The instructions with each end of a frame as short as it can be: `leave`, and `pop rbp` where the stack pointer never
/// moved.
pub(super) fn left(items: &[Item]) -> Option<Vec<Item>> {
    if !begins_with_frame(items) {
        return None;
    }
    let moves = |item: &Item| {
        let sub = matches!(item.instruction.code(), Op::Sub_rm64_imm8 | Op::Sub_rm64_imm32);
        (sub && item.instruction.op0_register() == Register::RSP)
            || matches!(item.instruction.code(), Op::Push_rm64)
            || (item.is(Op::Push_r64) && item.instruction.op0_register() != Register::RBP)
    };
    let moved = items.iter().any(moves);
    let leave = Item::plain(Instruction::with(Op::Leaveq));
    let mut fresh = items.to_vec();
    let mut at = PROLOGUE;
    while at < fresh.len() {
        let adds = matches!(fresh[at].instruction.code(), Op::Add_rm64_imm8 | Op::Add_rm64_imm32)
            && fresh[at].instruction.op0_register() == Register::RSP;
        let end = at + usize::from(adds);
        if is_end(&fresh[end..]) {
            let pop = fresh[end + 1];
            fresh = replaced(&fresh, at..end + 2, &[if moved { leave } else { pop }])?;
        }
        at += 1;
    }
    Some(fresh)
}
