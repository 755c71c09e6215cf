//! Memory: words on a stub's own stack, copies, and loads and stores of so many bytes.

use cranelift_codegen::ir::{
    BlockArg, Inst, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Type, Value,
    condcodes::IntCC, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Fill, Temporary};

use crate::{error::Malformed, isa::Isa, words::WORD};

/// A slot array is made of whole words, aligned as such.
pub(crate) const SLOT: MemFlagsData = MemFlagsData::trusted();
/// The host's aggregates need no alignment.
pub(crate) const MEMORY: MemFlagsData = MemFlagsData::new().with_notrap();

/// Copies of up to so many bytes are made without a loop.
const UNROLLED_COPY: u32 = 128;

/// Offset of a word among words, in bytes.
pub(crate) fn slot_offset(index: u16) -> i32 {
    i32::from(index) * WORD as i32
}

/// Room for words on the stub's own stack.
pub(crate) fn stack_words(builder: &mut FunctionBuilder<'_>, count: usize) -> StackSlot {
    let bytes = count as u32 * WORD;
    let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, WORD.trailing_zeros() as u8);
    builder.create_sized_stack_slot(data)
}

/// One of those words.
pub(crate) fn load_word(builder: &mut FunctionBuilder<'_>, words: StackSlot, index: u16) -> Value {
    builder.ins().stack_load(types::I64, types::I64, words, slot_offset(index))
}

pub(crate) fn store_word(builder: &mut FunctionBuilder<'_>, words: StackSlot, index: u16, value: Value) {
    builder.ins().stack_store(types::I64, value, words, slot_offset(index));
}

/// Keeps values of any types on the stub's stack, each in a word.
pub(crate) fn keep(builder: &mut FunctionBuilder<'_>, values: &[Value]) -> StackSlot {
    let kept = stack_words(builder, values.len().max(1));
    for (index, value) in (0..).zip(values) {
        store_word(builder, kept, index, *value);
    }
    kept
}

/// Makes a call, and finds `values` anew after it. They go by way of the stub's stack: none of them may end in a
/// callee-saved register, which the one unwind row that all stubs share would not know.
pub(crate) fn across<T>(
    builder: &mut FunctionBuilder<'_>,
    values: &[Value],
    call: impl FnOnce(&mut FunctionBuilder<'_>) -> T,
) -> (T, Vec<Value>) {
    let kept = keep(builder, values);
    let kinds: Vec<_> = values.iter().map(|value| builder.func.dfg.value_type(*value)).collect();
    let returned = call(builder);
    let load = |(index, ty)| builder.ins().stack_load(types::I64, ty, kept, slot_offset(index));
    (returned, (0..).zip(kinds).map(load).collect())
}

/// Loads so many bytes into a register of type `ty`, widened where they do not fill it.
pub(crate) fn load(
    builder: &mut FunctionBuilder<'_>,
    ty: Type,
    flags: MemFlagsData,
    (address, offset): (Value, i32),
    (bytes, fill): (u8, Fill),
) -> Result<Value, Malformed> {
    let ins = builder.ins();
    Ok(match (bytes, fill) {
        (bytes, _) if u32::from(bytes) == ty.bytes() => ins.load(ty, flags, address, offset),
        (1, Fill::Zero) => ins.uload8(ty, flags, address, offset),
        (1, Fill::Sign) => ins.sload8(ty, flags, address, offset),
        (2, Fill::Zero) => ins.uload16(ty, flags, address, offset),
        (2, Fill::Sign) => ins.sload16(ty, flags, address, offset),
        (4, Fill::Zero) => ins.uload32(flags, address, offset),
        (4, Fill::Sign) => ins.sload32(flags, address, offset),
        (bytes, _) => return Err(Malformed::Width(bytes)),
    })
}

/// Stores the low bytes of a word to memory of the host's.
pub(crate) fn store_low(
    builder: &mut FunctionBuilder<'_>,
    word: Value,
    (address, offset): (Value, i32),
    bytes: u8,
) -> Result<Inst, Malformed> {
    let ins = builder.ins();
    Ok(match bytes {
        1 => ins.istore8(MEMORY, word, address, offset),
        2 => ins.istore16(MEMORY, word, address, offset),
        4 => ins.istore32(MEMORY, word, address, offset),
        8 => ins.store(MEMORY, word, address, offset),
        bytes => return Err(Malformed::Width(bytes)),
    })
}

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
