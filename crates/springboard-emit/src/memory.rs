//! Memory on a stub's own stack.

use cranelift_codegen::ir::{
    BlockArg, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Type, Value,
    condcodes::IntCC, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Temporary};

use crate::{isa::Isa, words::WORD};

/// A slot array is made of whole words, aligned as such.
pub(crate) const SLOT: MemFlagsData = MemFlagsData::trusted();
/// The host's aggregates need no alignment.
pub(crate) const MEMORY: MemFlagsData = MemFlagsData::new().with_notrap();

/// Copies of up to so many bytes are made without a loop.
const UNROLLED_COPY: u32 = 128;

/// Memory within a stack slot.
#[derive(Clone, Copy)]
pub(crate) struct Reserved {
    slot: StackSlot,
    /// How it is aligned within the slot, where that is stricter than the stack is.
    align: Option<u32>,
}

impl Reserved {
    /// Makes room for `memory` in a stub that is called by `caller`.
    pub(crate) fn of(builder: &mut FunctionBuilder<'_>, memory: &Temporary, caller: Convention) -> Reserved {
        let stack_align = Isa::with(caller).stack_align;
        let align = (memory.align > stack_align).then_some(memory.align);
        let slot = builder.create_sized_stack_slot(StackSlotData::new(
            StackSlotKind::ExplicitSlot,
            memory.bytes.max(1) + align.unwrap_or(0),
            memory.align.min(stack_align).trailing_zeros() as u8,
        ));
        Reserved { slot, align }
    }

    /// Whether it is aligned because the stack is.
    pub(crate) fn is_aligned_by_stack(self) -> bool {
        self.align.is_none()
    }

    /// Its address.
    pub(crate) fn address(self, builder: &mut FunctionBuilder<'_>) -> Value {
        let address = builder.ins().stack_addr(types::I64, self.slot, 0);
        let Some(align) = self.align else { return address };
        let beyond = builder.ins().iadd_imm_u(address, i64::from(align - 1));
        builder.ins().band_imm_s(beyond, -i64::from(align))
    }
}

/// Copies exactly `bytes` bytes.
pub(crate) fn copy(builder: &mut FunctionBuilder<'_>, from: Value, to: Value, bytes: u32) {
    let mut done = 0;
    if bytes > UNROLLED_COPY {
        done = bytes & !15;
        copy_loop(builder, from, to, done);
    }
    while done < bytes {
        // Words, not vectors: the host has most likely just stored them one by one, and a load that spans two
        // stores waits until both have left the store buffer.
        let part = (1 << (bytes - done).ilog2()).min(WORD);
        let ty = Type::int(part as u16 * 8).expect("a power of two up to 8");
        let value = builder.ins().load(ty, MEMORY, from, done as i32);
        builder.ins().store(MEMORY, value, to, done as i32);
        done += part;
    }
}

/// Copies `bytes`, a multiple of 16 and not zero, in a loop.
fn copy_loop(builder: &mut FunctionBuilder<'_>, from: Value, to: Value, bytes: u32) {
    let (head, after) = (builder.create_block(), builder.create_block());
    let index = builder.append_block_param(head, types::I64);
    let zero = builder.ins().iconst(types::I64, 0);
    builder.ins().jump(head, &[BlockArg::Value(zero)]);
    builder.switch_to_block(head);
    let source = builder.ins().iadd(from, index);
    let destination = builder.ins().iadd(to, index);
    // No vectors: RISC-V need not have any.
    for at in [0, 8] {
        let value = builder.ins().load(types::I64, MEMORY, source, at);
        builder.ins().store(MEMORY, value, destination, at);
    }
    let next = builder.ins().iadd_imm_u(index, 16);
    let more = builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, next, i64::from(bytes));
    builder.ins().brif(more, head, &[BlockArg::Value(next)], after, &[]);
    builder.switch_to_block(after);
}
