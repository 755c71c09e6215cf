//! Loads and stores of a stub's function, each with a note of what it does for the plan.

use cranelift_codegen::ir::{
    BlockArg, Inst, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Type, Value,
    condcodes::IntCC, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Fill, Move, Operand, Place, Plan, ResultMove, ResultPlan, Temporary};

use crate::words::{WORD, byte_in_word};

/// A slot array is made of whole words, aligned as such.
const SLOT: MemFlagsData = MemFlagsData::trusted();
/// The host's aggregates need no alignment.
const MEMORY: MemFlagsData = MemFlagsData::new().with_notrap();

/// Alignment of the stack at a call, in bytes. (On s390x it is 8, and so is the strictest alignment of any type.)
const STACK_ALIGN: u32 = 16;

/// Copies of up to so many bytes are made without a loop.
const UNROLLED_COPY: u32 = 128;

/// Which instruction performs which step of the plan.
pub(crate) type Notes = Vec<(Inst, Note)>;

/// What an instruction does for the plan.
#[derive(Clone, Copy)]
pub(crate) enum Note {
    /// It loads what this move moves.
    Argument(Move),
    /// It stores what this move moves.
    Result(ResultMove),
}

/// The function of a stub while it is built.
pub(crate) struct Body<'a, 'b> {
    pub(crate) builder: &'a mut FunctionBuilder<'b>,
    slots: Value,
    /// Addresses of the copies.
    temporaries: Vec<Value>,
    big_endian: bool,
    /// The address that was loaded last from a slot, and which slot that was.
    address: Option<(u16, Value)>,
    notes: Notes,
}

impl<'a, 'b> Body<'a, 'b> {
    /// Begins with the copies of arguments that are passed by reference.
    pub(crate) fn new(builder: &'a mut FunctionBuilder<'b>, slots: Value, plan: &Plan) -> Body<'a, 'b> {
        let big_endian = plan.convention.is_big_endian();
        let mut body =
            Body { builder, slots, temporaries: Vec::new(), big_endian, address: None, notes: Vec::new() };
        for copy in &plan.temporaries {
            let address = body.copy(copy);
            body.temporaries.push(address);
        }
        body
    }

    /// Ends the function.
    pub(crate) fn finish(self) -> Notes {
        self.builder.seal_all_blocks();
        self.notes
    }

    /// The value of one word, from the moves that end in it.
    pub(crate) fn word(&mut self, ty: Type, moves: &[Move]) -> Value {
        if let [step] = moves
            && u32::from(step.bytes) == ty.bytes()
        {
            return self.load(ty, *step);
        }
        let parts = moves.iter().map(|step| {
            let part = self.load(types::I64, *step);
            let at = byte_in_word(step.place);
            match if self.big_endian { 8 - at - u32::from(step.bytes) } else { at } {
                0 => part,
                below => self.builder.ins().ishl_imm_u(part, i64::from(below * 8)),
            }
        });
        let parts = parts.collect::<Vec<_>>();
        let word = parts.into_iter().reduce(|word, part| self.builder.ins().bor(word, part));
        let word = word.expect("a word is made of moves");
        if ty == types::I64 { word } else { self.builder.ins().bitcast(ty, MemFlagsData::new(), word) }
    }

    /// Loads what one move moves, into a register of type `ty`, widened as the move says.
    fn load(&mut self, ty: Type, step: Move) -> Value {
        let (base, offset, flags) = match step.operand {
            Operand::Slot { index, at } => (self.slots, slot_offset(index) + i32::from(at), SLOT),
            Operand::Memory { slot, offset } => (self.address(slot), offset as i32, MEMORY),
            Operand::Temporary { index } => {
                return self.note(self.temporaries[usize::from(index)], Note::Argument(step));
            }
        };
        let ins = self.builder.ins();
        let value = match (step.bytes, step.fill) {
            (bytes, _) if u32::from(bytes) == ty.bytes() => ins.load(ty, flags, base, offset),
            (1, Fill::Zero) => ins.uload8(ty, flags, base, offset),
            (1, Fill::Sign) => ins.sload8(ty, flags, base, offset),
            (2, Fill::Zero) => ins.uload16(ty, flags, base, offset),
            (2, Fill::Sign) => ins.sload16(ty, flags, base, offset),
            (4, Fill::Zero) => ins.uload32(flags, base, offset),
            (4, Fill::Sign) => ins.sload32(flags, base, offset),
            (bytes, _) => unreachable!("a move of {bytes} bytes into a register of type {ty}"),
        };
        self.note(value, Note::Argument(step))
    }

    /// The address that a slot holds. Moves of one value follow each other, so it is loaded once.
    fn address(&mut self, slot: u16) -> Value {
        match self.address {
            Some((known, address)) if known == slot => address,
            _ => {
                let address = self.builder.ins().load(types::I64, SLOT, self.slots, slot_offset(slot));
                self.address = Some((slot, address));
                address
            }
        }
    }

    fn note(&mut self, value: Value, note: Note) -> Value {
        if let Some(inst) = self.builder.func.dfg.value_def(value).inst() {
            self.notes.push((inst, note));
        }
        value
    }

    /// Puts the address where the result goes on the stub's stack, for the time after the call. A value that merely
    /// lived across the call would be given a callee-saved register, which has to be saved and restored itself, and
    /// which the one unwind row that all stubs share would not know.
    pub(crate) fn keep_result_address(&mut self, plan: &Plan) -> Option<StackSlot> {
        let ResultPlan::Store { slot, .. } = plan.result else { return None };
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, WORD, WORD.trailing_zeros() as u8);
        let kept = self.builder.create_sized_stack_slot(data);
        let address = self.builder.ins().load(types::I64, SLOT, self.slots, slot_offset(slot));
        self.builder.ins().stack_store(types::I64, address, kept, 0);
        Some(kept)
    }

    /// Stores the results of the call.
    pub(crate) fn store(&mut self, kept: StackSlot, moves: &[ResultMove], results: &[Value]) {
        let dfg = &self.builder.func.dfg;
        let gprs = results.iter().filter(|value| dfg.value_type(**value).is_int()).count();
        let address = self.builder.ins().stack_load(types::I64, types::I64, kept, 0);
        for step in moves {
            let offset = step.offset as i32;
            let inst = match step.place {
                Place::Vec { reg, .. } => {
                    let value = results[gprs + usize::from(reg)];
                    self.builder.ins().store(MEMORY, value, address, offset)
                }
                Place::Gpr { reg, at } => {
                    let whole = results[usize::from(reg)];
                    let value = match if self.big_endian { 8 - at - step.bytes } else { at } {
                        0 => whole,
                        below => self.builder.ins().ushr_imm_u(whole, i64::from(below) * 8),
                    };
                    let ins = self.builder.ins();
                    match step.bytes {
                        1 => ins.istore8(MEMORY, value, address, offset),
                        2 => ins.istore16(MEMORY, value, address, offset),
                        4 => ins.istore32(MEMORY, value, address, offset),
                        _ => ins.store(MEMORY, value, address, offset),
                    }
                }
                Place::Stack { .. } => unreachable!("no convention returns a result on the stack"),
            };
            self.notes.push((inst, Note::Result(*step)));
        }
    }

    /// Copies an argument that is passed by reference to the stub's own stack, and gives the address of the copy.
    fn copy(&mut self, copy: &Temporary) -> Value {
        // The frame is aligned as the stack is; a stricter copy is aligned within a larger slot.
        let slack = if copy.align > STACK_ALIGN { copy.align } else { 0 };
        let data = StackSlotData::new(
            StackSlotKind::ExplicitSlot,
            copy.bytes.max(1) + slack,
            copy.align.min(STACK_ALIGN).trailing_zeros() as u8,
        );
        let slot = self.builder.create_sized_stack_slot(data);
        let from = self.address(copy.slot);
        let mut to = self.builder.ins().stack_addr(types::I64, slot, 0);
        if slack != 0 {
            let beyond = self.builder.ins().iadd_imm_u(to, i64::from(slack - 1));
            to = self.builder.ins().band_imm_s(beyond, -i64::from(slack));
        }
        let mut done = 0;
        if copy.bytes > UNROLLED_COPY {
            done = copy.bytes & !15;
            self.copy_loop(from, to, done);
        }
        while done < copy.bytes {
            // Words, not vectors: the host has most likely just stored them one by one, and a load that spans two
            // stores waits until both have left the store buffer.
            let bytes = (1 << (copy.bytes - done).ilog2()).min(WORD);
            let ty = Type::int(bytes as u16 * 8).expect("a power of two up to 8");
            let value = self.builder.ins().load(ty, MEMORY, from, done as i32);
            self.builder.ins().store(MEMORY, value, to, done as i32);
            done += bytes;
        }
        to
    }

    /// Copies `bytes`, a multiple of 16 and not zero, in a loop.
    fn copy_loop(&mut self, from: Value, to: Value, bytes: u32) {
        let builder = &mut *self.builder;
        let (head, after) = (builder.create_block(), builder.create_block());
        let index = builder.append_block_param(head, types::I64);
        let zero = builder.ins().iconst(types::I64, 0);
        builder.ins().jump(head, &[BlockArg::Value(zero)]);
        builder.switch_to_block(head);
        let source = builder.ins().iadd(from, index);
        let value = builder.ins().load(types::I8X16, MEMORY, source, 0);
        let destination = builder.ins().iadd(to, index);
        builder.ins().store(MEMORY, value, destination, 0);
        let next = builder.ins().iadd_imm_u(index, 16);
        let more = builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, next, i64::from(bytes));
        builder.ins().brif(more, head, &[BlockArg::Value(next)], after, &[]);
        builder.switch_to_block(after);
    }
}

/// Offset of a slot in the array.
fn slot_offset(index: u16) -> i32 {
    i32::from(index) * 8
}
