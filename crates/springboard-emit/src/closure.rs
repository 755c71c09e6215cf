//! What stubs of libffi's closures do in addition to every upcall's work: find their closure, and call its function.
//!
//! The stub takes the address of its closure out of a hole and keeps it on its stack. On x86_64, where it arrives in a
//! register that no Cranelift signature can ask for, the finished code keeps that register in its place
//! (`isa/x86_64/closure.rs`).

use cranelift_codegen::ir::{
    AbiParam, InstBuilder, Signature, StackSlot, StackSlotData, StackSlotKind, Value, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Plan, SlotContent};

use crate::{
    body::slot_offset, memory::SLOT, native, symbol::address_in_hole, template::HoleKind, words::WORD,
};

/// A closure while its stub is built: its address is kept on the stub's stack.
pub(crate) struct Closure {
    address: StackSlot,
    fields: Fields,
}

/// Offsets in a closure, in bytes. Without user data, the closure's address takes its place.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    cif: i32,
    function: i32,
    user_data: Option<i32>,
}

impl Fields {
    /// `ffi_closure`.
    pub(crate) const CLOSURE: Fields = Fields { cif: 32, function: 40, user_data: Some(48) };
    /// `ffi_go_closure`.
    pub(crate) const GO_CLOSURE: Fields = Fields { cif: 8, function: 16, user_data: None };
}

impl Closure {
    /// Finds the closure. To be built before anything else.
    pub(crate) fn receive(plan: &Plan, fields: Fields, builder: &mut FunctionBuilder<'_>) -> Closure {
        let signature = builder.import_signature(Signature::new(native::call_conv(plan.caller)));
        let address = word_slots(builder, 1);
        let closure = address_in_hole(builder, signature, HoleKind::Context);
        builder.ins().stack_store(types::I64, closure, address, 0);
        Closure { address, fields }
    }

    /// Calls the closure's function, with pointers to the arguments in `slots` and to the result: its slot after
    /// them, or the memory whose address is there.
    pub(crate) fn call(
        &self,
        builder: &mut FunctionBuilder<'_>,
        plan: &Plan,
        slots: Value,
        arguments: &[SlotContent],
        result: SlotContent,
    ) {
        let mut signature = Signature::new(native::call_conv(plan.caller));
        signature.params = vec![AbiParam::new(types::I64); 4];
        let signature = builder.import_signature(signature);
        let count = arguments.len() as u16;
        let array = word_slots(builder, count.max(1).into());
        let pointer = |builder: &mut FunctionBuilder<'_>, index, form| match form {
            SlotContent::Bytes => builder.ins().iadd_imm_u(slots, i64::from(slot_offset(index))),
            SlotContent::Address => builder.ins().load(types::I64, SLOT, slots, slot_offset(index)),
        };
        for (index, form) in (0..).zip(arguments) {
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
