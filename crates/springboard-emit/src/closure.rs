//! What stubs of libffi's closures do beside what every upcall does: find their closure, and call its function.
//!
//! On x86_64 a closure's address arrives in `r10`, the register that System V keeps for a static chain. No Cranelift
//! signature can ask for it. The stub takes the address out of a hole, before it does anything else, and in the
//! finished machine code the instruction that loads the hole becomes a move from `r10`: see [`from_r10`].

use cranelift_codegen::ir::{
    AbiParam, InstBuilder, Signature, StackSlot, StackSlotData, StackSlotKind, Value, types,
};
use cranelift_frontend::FunctionBuilder;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register,
};
use springboard_abi::{Entry, Parameter, Plan};

use crate::{
    body::{SLOT, slot_offset},
    native,
    symbol::address_in_hole,
    template::{Hole, HoleKind},
    words::WORD,
};

/// A closure while its stub is built: its address waits on the stub's stack.
pub(crate) struct Closure {
    address: StackSlot,
    fields: Fields,
}

/// Offsets in a closure, in bytes. Without user data, the closure's address takes its place.
struct Fields {
    cif: i32,
    function: i32,
    user_data: Option<i32>,
}

impl Closure {
    /// Finds the closure. To be built before anything else. `None` where the plan is for another entry.
    pub(crate) fn receive(plan: &Plan, builder: &mut FunctionBuilder<'_>) -> Option<Closure> {
        let fields = match plan.entry {
            Entry::Closure => Fields { cif: 32, function: 40, user_data: Some(48) },
            Entry::GoClosure => Fields { cif: 8, function: 16, user_data: None },
            _ => return None,
        };
        let signature = builder.import_signature(Signature::new(native::call_conv(plan.caller)));
        let address = word_slots(builder, 1);
        let closure = address_in_hole(builder, signature, HoleKind::Context);
        builder.ins().stack_store(types::I64, closure, address, 0);
        Some(Closure { address, fields })
    }

    /// Calls the closure's function, with pointers to the arguments in `slots` and to the result: its slot behind
    /// them, or the memory whose address is there.
    pub(crate) fn call(
        &self,
        builder: &mut FunctionBuilder<'_>,
        plan: &Plan,
        slots: Value,
        result: Parameter,
    ) {
        let mut signature = Signature::new(native::call_conv(plan.caller));
        signature.params = vec![AbiParam::new(types::I64); 4];
        let signature = builder.import_signature(signature);
        let count = plan.parameters.len() as u16;
        let array = word_slots(builder, count.max(1).into());
        let pointer = |builder: &mut FunctionBuilder<'_>, index, form| match form {
            Parameter::InSlot => builder.ins().iadd_imm_u(slots, i64::from(slot_offset(index))),
            _ => builder.ins().load(types::I64, SLOT, slots, slot_offset(index)),
        };
        for (index, form) in (0..).zip(&plan.parameters) {
            let argument = pointer(builder, index, *form);
            builder.ins().stack_store(types::I64, argument, array, slot_offset(index));
        }
        let result = pointer(builder, count, result);
        let closure = builder.ins().stack_load(types::I64, types::I64, self.address, 0);
        let mut field = |offset| builder.ins().load(types::I64, SLOT, closure, offset);
        let (cif, function) = (field(self.fields.cif), field(self.fields.function));
        let user_data = self.fields.user_data.map_or(closure, field);
        let avalue = builder.ins().stack_addr(types::I64, array, 0);
        builder.ins().call_indirect(signature, function, &[cif, result, avalue, user_data]);
    }
}

fn word_slots(builder: &mut FunctionBuilder<'_>, count: u32) -> StackSlot {
    let align = WORD.trailing_zeros() as u8;
    builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, count * WORD, align))
}

/// Makes the load of the one hole in `code`, the closure's, a move from `r10`. `None` where that load is no such
/// instruction, or where `r10` may have been written before it.
pub(crate) fn from_r10(code: &mut [u8], holes: &[Hole]) -> Option<()> {
    let [Hole { offset, kind: HoleKind::Context }] = holes else { return None };
    let start = (*offset as usize).checked_sub(2)?;
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut info = InstructionInfoFactory::new();
    let mut instruction = Instruction::default();
    while decoder.position() < start {
        decoder.decode_out(&mut instruction);
        let writes_r10 =
            info.info(&instruction).used_registers().iter().any(|used| {
                used.register().full_register() == Register::R10 && used.access() != OpAccess::Read
            });
        if instruction.is_invalid() || instruction.flow_control() != FlowControl::Next || writes_r10 {
            return None;
        }
    }
    // mov reg, imm64: REX.W and the register's fourth bit, B8 and the other three.
    let (rex, opcode) = (code[start], code[start + 1]);
    if decoder.position() != start || rex & 0xfe != 0x48 || opcode & 0xf8 != 0xb8 {
        return None;
    }
    // mov reg, r10, and a nop of seven bytes
    let moved = [0x4c | (rex & 1), 0x89, 0xd0 | (opcode & 7), 0x0f, 0x1f, 0x80, 0, 0, 0, 0];
    code[start..start + 10].copy_from_slice(&moved);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(before: &[u8], load: [u8; 2]) -> Option<Vec<u8>> {
        let mut code = [before, &load, &[0; 8], &[0xc3]].concat();
        let holes = [Hole { offset: before.len() as u32 + 2, kind: HoleKind::Context }];
        from_r10(&mut code, &holes).map(|()| code)
    }

    #[test]
    fn the_hole_becomes_the_static_chain() {
        // push rbp; mov rax, imm64 and mov r11, imm64
        let rax = [0x55, 0x4c, 0x89, 0xd0, 0x0f, 0x1f, 0x80, 0, 0, 0, 0, 0xc3];
        assert_eq!(patched(&[0x55], [0x48, 0xb8]).as_deref(), Some(&rax[..]));
        let r11 = [0x55, 0x4d, 0x89, 0xd3, 0x0f, 0x1f, 0x80, 0, 0, 0, 0, 0xc3];
        assert_eq!(patched(&[0x55], [0x49, 0xbb]).as_deref(), Some(&r11[..]));
    }

    #[test]
    fn r10_must_still_be_the_callers() {
        // mov r10, rdi; jz +0; nop in the place of a prefix
        assert_eq!(patched(&[0x49, 0x89, 0xfa], [0x48, 0xb8]), None);
        assert_eq!(patched(&[0x74, 0x00], [0x48, 0xb8]), None);
        assert_eq!(patched(&[], [0x90, 0xb8]), None);
    }
}
