//! Stubs that call once a row.
//!
//! What lives across the call of a row lies in memory and not in callee-saved registers, which the one unwind row that
//! all stubs share would not know: target, frame, row and the address of the word that ends the loop on the stub's own
//! stack, all else in the frame. To find it
//! again takes loads that nothing waits for. The one thing that a row hands to the next, its number, is kept for
//! several rows at once: the loop is unrolled, and rows within a turn know theirs by counting.
//!
//! ```text
//! turn:   are ROWS rows left? ─no─► single
//!         ROWS times: load, call, store, was there an error? ─yes─► done
//!         number of the row += ROWS; back to turn
//! single: is one row left? ─no─► done
//!         load, call, store, was there an error? ─yes─► done
//!         number of the row += 1; back to single
//! done:   return the number of rows
//! ```

use cranelift_codegen::ir::{
    AbiParam, Block, InstBuilder, MemFlagsData, Signature, StackSlot, StackSlotData, StackSlotKind, Type,
    Value, condcodes::IntCC, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Column, Columns, Fill, Operand, Place, Plan, ResultMove, Step};

use crate::{
    body::{Body, MEMORY, Notes, Source},
    native::{self, Argument},
    words::{WORD, Words},
};

/// Rows of a turn.
const ROWS: i64 = 4;

/// Offsets in the frame.
const COUNT: i32 = 0;
const STOP: i32 = 8;
const FIRST_COLUMN: i32 = 16;

/// Offsets in what is kept on the stub's stack.
const TARGET: i32 = 0;
const FRAME: i32 = 8;
const ROW: i32 = 16;
const STOPPED: i32 = 24;

/// Calls over columns in Cranelift's terms.
pub(crate) struct Loop<'a> {
    plan: &'a Plan,
    columns: &'a Columns,
    arguments: Vec<Argument<'a>>,
}

impl<'a> Loop<'a> {
    /// `None` for plans of other entries.
    pub(crate) fn of(plan: &'a Plan) -> Option<Loop<'a>> {
        let arguments = native::arguments(plan, &Words::of(plan), false);
        Some(Loop { plan, columns: plan.columns.as_ref()?, arguments })
    }

    /// The signature by which the stub is entered.
    pub(crate) fn entry_signature(&self) -> Signature {
        let mut signature = Signature::new(native::call_conv(self.plan.caller));
        signature.params = vec![AbiParam::new(types::I64); 2];
        signature.returns = vec![AbiParam::new(types::I64)];
        signature
    }

    /// Builds the whole function.
    pub(crate) fn build(&self, builder: &mut FunctionBuilder<'_>) -> Notes {
        let [entry, turn, rows, single, row, done] = [(); 6].map(|()| builder.create_block());
        builder.append_block_params_for_function_params(entry);
        builder.append_block_param(done, types::I64);
        builder.switch_to_block(entry);
        let [target, frame] = *builder.block_params(entry) else { unreachable!("it has two parameters") };
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 4 * WORD, WORD.trailing_zeros() as u8);
        let kept = builder.create_sized_stack_slot(data);
        builder.ins().stack_store(types::I64, target, kept, TARGET);
        builder.ins().stack_store(types::I64, frame, kept, FRAME);
        let stopped = builder.ins().load(types::I64, MemFlagsData::trusted(), frame, STOP);
        builder.ins().stack_store(types::I64, stopped, kept, STOPPED);
        let zero = builder.ins().iconst(types::I64, 0);
        builder.ins().stack_store(types::I64, zero, kept, ROW);
        builder.ins().jump(turn, &[]);

        let mut notes = self.rows(builder, kept, [turn, rows, single, done], ROWS);
        let finished = builder.create_block();
        notes.extend(self.rows(builder, kept, [single, row, finished, done], 1));
        builder.switch_to_block(finished);
        let count = builder.ins().stack_load(types::I64, types::I64, kept, ROW);
        builder.ins().jump(done, &[count.into()]);
        builder.switch_to_block(done);
        let count = builder.block_params(done)[0];
        builder.ins().return_(&[count]);
        builder.seal_all_blocks();
        notes
    }

    /// A loop of `count` rows a turn: begins at `head`, has its rows in `body`, and goes to `behind` where fewer are
    /// left, to `done` after an error.
    fn rows(
        &self,
        builder: &mut FunctionBuilder<'_>,
        kept: StackSlot,
        [head, body, behind, done]: [Block; 4],
        count: i64,
    ) -> Notes {
        builder.switch_to_block(head);
        let frame = builder.ins().stack_load(types::I64, types::I64, kept, FRAME);
        let all = builder.ins().load(types::I64, MemFlagsData::trusted(), frame, COUNT);
        let row = builder.ins().stack_load(types::I64, types::I64, kept, ROW);
        let left = builder.ins().isub(all, row);
        let enough = builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, left, count);
        builder.ins().brif(enough, body, &[], behind, &[]);
        builder.switch_to_block(body);
        let mut notes = Notes::new();
        for index in 0..count {
            notes.extend(self.row(builder, kept, index));
            let stop = builder.ins().stack_load(types::I64, types::I64, kept, STOPPED);
            let stop = builder.ins().load(types::I64, MemFlagsData::trusted(), stop, 0);
            let row = builder.ins().stack_load(types::I64, types::I64, kept, ROW);
            let next = builder.ins().iadd_imm_u(row, index + 1);
            let failed = builder.ins().icmp_imm_s(IntCC::SignedLessThan, stop, 0);
            let more = if index + 1 == count {
                builder.ins().stack_store(types::I64, next, kept, ROW);
                head
            } else {
                builder.create_block()
            };
            builder.ins().brif(failed, done, &[next.into()], more, &[]);
            if more != head {
                builder.switch_to_block(more);
            }
        }
        notes
    }

    /// The call of the row that is `index` rows behind the one that is kept.
    fn row(&self, builder: &mut FunctionBuilder<'_>, kept: StackSlot, index: i64) -> Notes {
        let load = |builder: &mut FunctionBuilder<'_>, offset| {
            builder.ins().stack_load(types::I64, types::I64, kept, offset)
        };
        let (target, frame, row) = (load(builder, TARGET), load(builder, FRAME), load(builder, ROW));
        let values: Vec<Value> = self
            .columns
            .inputs
            .iter()
            .enumerate()
            .map(|(number, column)| {
                let ty = self.loaded_as(number, *column);
                element(builder, frame, number, row, index, *column, ty)
            })
            .collect();
        let signature = native::signature(self.plan, &self.arguments);
        let signature = builder.import_signature(signature);
        let mut body = Body::new(builder, Source::Parameters(values), self.plan);
        let arguments: Vec<Value> = self
            .arguments
            .iter()
            .map(|argument| match *argument {
                Argument::Word(ty, moves) => body.word(ty, moves),
                Argument::Burnt(native::Register::Vec(_)) => body.builder.ins().f64const(0.0),
                Argument::Burnt(native::Register::Gpr(_)) | Argument::Padding | Argument::Target => target,
            })
            .collect();
        let call = body.builder.ins().call_indirect(signature, target, &arguments);
        let results = body.builder.inst_results(call).to_vec();
        let notes = body.finish_part();
        if let Some(result) = self.columns.result {
            let (frame, row) = (load(builder, FRAME), load(builder, ROW));
            let number = self.columns.inputs.len();
            self.store(builder, frame, number, row, index, result, &results);
        }
        notes
    }

    /// The register type for an element: that in which it is passed, where no word is made of it.
    fn loaded_as(&self, number: usize, column: Column) -> Type {
        let vector = self.plan.moves.iter().any(|step| {
            let own = matches!(step.operand, Operand::Slot { index, .. } if usize::from(index) == number);
            own && matches!(step.place, Place::Vec { .. }) && step.bytes == column.bytes
        });
        match (vector, column.bytes) {
            (true, 8) => types::F64,
            (true, 4) => types::F32,
            _ => types::I64,
        }
    }

    /// Stores a row's result.
    #[allow(clippy::too_many_arguments)] // where it goes is a sum of four things
    fn store(
        &self,
        builder: &mut FunctionBuilder<'_>,
        frame: Value,
        number: usize,
        row: Value,
        index: i64,
        result: ResultMove,
        results: &[Value],
    ) {
        let (address, offset) = place(builder, frame, number, row, index, result.bytes, Step::Row);
        // One general and one vector register come back, in this order.
        let register = match result.place {
            Place::Vec { .. } => results[1],
            Place::Gpr { .. } | Place::Stack { .. } => results[0],
        };
        match (result.place, result.bytes) {
            (Place::Vec { .. }, 4) => {
                let bits = builder.ins().bitcast(types::I64, MemFlagsData::new(), register);
                // A float is in the part of the register that memory has first.
                let shift = if self.plan.convention.is_big_endian() { 32 } else { 0 };
                let bits = if shift == 0 { bits } else { builder.ins().ushr_imm_u(bits, shift) };
                builder.ins().istore32(MEMORY, bits, address, offset)
            }
            (_, 1) => builder.ins().istore8(MEMORY, register, address, offset),
            (_, 2) => builder.ins().istore16(MEMORY, register, address, offset),
            (_, 4) => builder.ins().istore32(MEMORY, register, address, offset),
            _ => builder.ins().store(MEMORY, register, address, offset),
        };
    }
}

/// The address of an element, and what is to be added to it.
fn place(
    builder: &mut FunctionBuilder<'_>,
    frame: Value,
    number: usize,
    row: Value,
    index: i64,
    bytes: u8,
    step: Step,
) -> (Value, i32) {
    let first = FIRST_COLUMN + number as i32 * WORD as i32;
    let base = builder.ins().load(types::I64, MemFlagsData::trusted(), frame, first);
    if step == Step::Same {
        return (base, 0);
    }
    let shift = i64::from(bytes.trailing_zeros());
    let offset = if shift == 0 { row } else { builder.ins().ishl_imm_u(row, shift) };
    (builder.ins().iadd(base, offset), index as i32 * i32::from(bytes))
}

/// An element, as a canonical slot or as it is passed.
fn element(
    builder: &mut FunctionBuilder<'_>,
    frame: Value,
    number: usize,
    row: Value,
    index: i64,
    column: Column,
    ty: Type,
) -> Value {
    let (address, offset) = place(builder, frame, number, row, index, column.bytes, column.step);
    let ins = builder.ins();
    match (ty, column.bytes, column.fill) {
        (types::F32 | types::F64, ..) | (_, 8, _) => ins.load(ty, MEMORY, address, offset),
        (_, 1, Fill::Zero) => ins.uload8(ty, MEMORY, address, offset),
        (_, 1, Fill::Sign) => ins.sload8(ty, MEMORY, address, offset),
        (_, 2, Fill::Zero) => ins.uload16(ty, MEMORY, address, offset),
        (_, 2, Fill::Sign) => ins.sload16(ty, MEMORY, address, offset),
        (_, _, Fill::Zero) => ins.uload32(MEMORY, address, offset),
        (_, _, Fill::Sign) => ins.sload32(MEMORY, address, offset),
    }
}
