//! Stubs that call once per row.
//!
//! What lives across the call of a row lies on the stub's own stack and not in callee-saved registers, which the one
//! unwind row that all stubs share does not describe: the target, where each column and the output go on, how many
//! rows are left. The loads that read it back are on no critical path. It is written back once for several rows: the
//! loop is unrolled, and rows within a turn are addressed by fixed offsets.
//!
//! Rows whose validity bit is cleared are passed over inside a turn. A column with a stride goes on by it, and not by the
//! width of its elements.
//!
//! A structure goes to memory of the caller's first, and from there to its members' columns: two words that are loaded
//! where they were just stored, instead of shifts that every CPU does otherwise.
//!
//! ```text
//! turn:   are ROWS rows left? ─no─► single
//!         ROWS times: (is the row valid?) load, call, store, was there an error? ─yes─► done
//!         go on by ROWS rows; back to turn
//! single: is one row left? ─no─► done
//!         (is the row valid?) load, call, store, was there an error? ─yes─► done
//!         go on by one row; back to single
//! done:   return how many rows were done
//! ```

use cranelift_codegen::ir::{
    Block, InstBuilder, MemFlagsData, Signature, StackSlot, Type, Value, condcodes::IntCC, types,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    Column, Columns, DowncallResult, Errors, Fill, Move, Operand, Output, OutputPlace, Place, Plan, Rows,
    Step,
};

use crate::{
    body::{Body, Built, Kept, Notes, Source},
    error::Malformed,
    memory::{self, MEMORY, stack_words, store_low},
    native::{self, Argument},
    outgoing::Outgoing,
    words::{WORD, Words},
};

/// Rows of a turn.
const ROWS: i64 = 16;

/// Size of an error, in bytes.
const INT: i64 = 4;

/// Offsets in the frame.
const COUNT: i32 = 0;
const STOP: i32 = 8;
const FIRST_COLUMN: i32 = 16;

/// Offsets in what is kept on the stub's stack. After it, all words of the frame that come after the first two: where each
/// column, the output and the errors go on, and what does not change.
const TARGET: i32 = 0;
const FRAME: i32 = 8;
const LEFT: i32 = 16;
const STOPPED: i32 = 24;
const FIRST_KEPT: i32 = 32;

/// What a stub has on its own stack.
#[derive(Clone, Copy)]
struct Frame {
    kept: StackSlot,
    outgoing: Option<Outgoing>,
}

/// Calls over columns in Cranelift's terms.
pub(crate) struct Loop<'a> {
    plan: &'a Plan,
    columns: &'a Columns,
    words: Words<'a>,
    arguments: Vec<Argument<'a>>,
    find: Find,
}

/// When a row's target is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Find {
    /// Before its arguments.
    Early,
    /// After them, for which it takes no register.
    Late,
}

/// Where the parts of a frame begin, in words after the first two.
#[derive(Clone, Copy)]
struct Layout {
    /// The first output. Before it is the address of the memory for a structure, where there is one.
    outputs: usize,
    /// The address of the thread's `errno`, and after it that of the first error.
    errno: usize,
    strides: usize,
    /// The address of the validity bits, and after it the number of the next row's.
    bits: usize,
    words: usize,
}

impl<'a> Loop<'a> {
    pub(crate) fn of(plan: &'a Plan, columns: &'a Columns) -> Loop<'a> {
        let words = Words::of(plan);
        let arguments = native::in_registers(plan, &words);
        Loop { plan, columns, words, arguments, find: Find::Early }
    }

    /// The same in fewer registers.
    pub(crate) fn sparing(self) -> Loop<'a> {
        Loop { find: Find::Late, ..self }
    }

    /// The signature by which the stub is entered.
    pub(crate) fn entry_signature(&self) -> Signature {
        native::function(self.plan.caller, &[types::I64; 2], &[types::I64])
    }

    /// Builds the whole function.
    pub(crate) fn build(&self, builder: &mut FunctionBuilder<'_>) -> Result<Built, Malformed> {
        let [entry, turn, single, finished, done] = [(); 5].map(|()| builder.create_block());
        let [target, frame] = [(); 2].map(|()| builder.append_block_param(entry, types::I64));
        builder.append_block_param(done, types::I64);
        builder.switch_to_block(entry);
        let outgoing = Outgoing::reserve(builder, self.plan, None, self.words.stack.len());
        let kept = self.keep(builder, target, frame);
        let frame = Frame { kept, outgoing };
        builder.ins().jump(turn, &[]);

        let mut notes = self.rows(builder, frame, [turn, single, done], ROWS)?;
        notes.extend(self.rows(builder, frame, [single, finished, done], 1)?);
        builder.switch_to_block(finished);
        let frame = builder.ins().stack_load(types::I64, types::I64, kept, FRAME);
        let count = builder.ins().load(types::I64, MemFlagsData::trusted(), frame, COUNT);
        builder.ins().jump(done, &[count.into()]);
        builder.switch_to_block(done);
        let count = builder.block_params(done)[0];
        builder.ins().return_(&[count]);
        builder.seal_all_blocks();
        Ok(Built { notes, outgoing })
    }

    fn layout(&self) -> Layout {
        let outputs = self.columns.inputs.len() + usize::from(self.columns.has_record());
        let errno = outputs + self.columns.outputs.len();
        let strides = errno + if self.columns.errors == Errors::Stored { 2 } else { 0 };
        let strided = self.columns.inputs.iter().filter(|column| column.step == Step::Stride).count();
        let bits = strides + strided;
        let words = bits + if self.columns.rows == Rows::Valid { 2 } else { 0 };
        Layout { outputs, errno, strides, bits, words }
    }

    /// Keeps what the rows need on the stub's stack.
    fn keep(&self, builder: &mut FunctionBuilder<'_>, target: Value, frame: Value) -> StackSlot {
        let all = self.layout().words;
        let kept = stack_words(builder, FIRST_KEPT as usize / WORD as usize + all);
        builder.ins().stack_store(types::I64, target, kept, TARGET);
        builder.ins().stack_store(types::I64, frame, kept, FRAME);
        let words = [(COUNT, LEFT), (STOP, STOPPED)].into_iter();
        let others = (0..all as i32).map(|index| index * WORD as i32);
        for (from, to) in words.chain(others.map(|at| (FIRST_COLUMN + at, FIRST_KEPT + at))) {
            let word = builder.ins().load(types::I64, MemFlagsData::trusted(), frame, from);
            builder.ins().stack_store(types::I64, word, kept, to);
        }
        kept
    }

    /// A loop of `count` rows per turn: begins at `head`, and goes to `next` where fewer are left, to `done` after an
    /// error.
    fn rows(
        &self,
        builder: &mut FunctionBuilder<'_>,
        frame: Frame,
        [head, next, done]: [Block; 3],
        count: i64,
    ) -> Result<Notes, Malformed> {
        let Frame { kept, .. } = frame;
        let body = builder.create_block();
        builder.switch_to_block(head);
        let left = builder.ins().stack_load(types::I64, types::I64, kept, LEFT);
        let enough = builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, left, count);
        builder.ins().brif(enough, body, &[], next, &[]);
        builder.switch_to_block(body);
        let mut notes = Notes::new();
        for index in 0..count {
            let [more, stopped] = [(); 2].map(|()| builder.create_block());
            if self.columns.rows == Rows::Valid {
                self.pass_over(builder, kept, index, more);
            }
            notes.extend(self.row(builder, frame, index)?);
            let stop = builder.ins().stack_load(types::I64, types::I64, kept, STOPPED);
            let stop = builder.ins().load(types::I64, MemFlagsData::trusted(), stop, 0);
            let failed = builder.ins().icmp_imm_s(IntCC::SignedLessThan, stop, 0);
            builder.ins().brif(failed, stopped, &[], more, &[]);
            builder.set_cold_block(stopped);
            builder.switch_to_block(stopped);
            let frame = builder.ins().stack_load(types::I64, types::I64, kept, FRAME);
            let all = builder.ins().load(types::I64, MemFlagsData::trusted(), frame, COUNT);
            let left = builder.ins().stack_load(types::I64, types::I64, kept, LEFT);
            let before = builder.ins().isub(all, left);
            let through = builder.ins().iadd_imm_u(before, index + 1);
            builder.ins().jump(done, &[through.into()]);
            builder.switch_to_block(more);
        }
        self.go_on(builder, kept, count);
        builder.ins().jump(head, &[]);
        Ok(notes)
    }

    /// Goes to `more` unless the row's bit is set.
    fn pass_over(&self, builder: &mut FunctionBuilder<'_>, kept: StackSlot, index: i64, more: Block) {
        let bits = self.layout().bits;
        let [first, next] = [bits, bits + 1].map(|number| word(builder, kept, number));
        let number = builder.ins().iadd_imm_u(next, index);
        let byte = builder.ins().ushr_imm_u(number, 3);
        let at = builder.ins().iadd(first, byte);
        let byte = builder.ins().uload8(types::I32, MEMORY, at, 0);
        let within = builder.ins().ireduce(types::I32, number);
        let within = builder.ins().band_imm_u(within, 7);
        let bit = builder.ins().ushr(byte, within);
        let bit = builder.ins().band_imm_u(bit, 1);
        let valid = builder.create_block();
        builder.ins().brif(bit, valid, &[], more, &[]);
        builder.switch_to_block(valid);
    }

    /// Goes on by so many rows.
    fn go_on(&self, builder: &mut FunctionBuilder<'_>, kept: StackSlot, count: i64) {
        let left = builder.ins().stack_load(types::I64, types::I64, kept, LEFT);
        let fewer = builder.ins().iadd_imm_s(left, -count);
        builder.ins().stack_store(types::I64, fewer, kept, LEFT);
        let layout = self.layout();
        let inputs = self.columns.inputs.iter().enumerate().filter(|(_, column)| column.step == Step::Row);
        let inputs = inputs.map(|(number, column)| (number, i64::from(column.bytes)));
        let outputs = (layout.outputs..).zip(&self.columns.outputs);
        let outputs = outputs.map(|(number, output)| (number, i64::from(output.bytes)));
        let errors = (self.columns.errors == Errors::Stored).then_some((layout.errno + 1, INT));
        let bits = (self.columns.rows == Rows::Valid).then_some((layout.bits + 1, 1));
        for (number, by) in inputs.chain(outputs).chain(errors).chain(bits) {
            let now = word(builder, kept, number);
            let next = builder.ins().iadd_imm_u(now, count * by);
            keep_word(builder, kept, number, next);
        }
        for (number, stride) in self.strides() {
            let [now, stride] = [number, stride].map(|number| word(builder, kept, number));
            let by = builder.ins().imul_imm_s(stride, count);
            let next = builder.ins().iadd(now, by);
            keep_word(builder, kept, number, next);
        }
    }

    /// The words of each column with a stride: where it goes on, and the stride.
    fn strides(&self) -> impl Iterator<Item = (usize, usize)> {
        let inputs = self.columns.inputs.iter().enumerate().filter(|(_, column)| column.step == Step::Stride);
        inputs.map(|(number, _)| number).zip(self.layout().strides..)
    }

    /// The call of the row that is `index` rows after the one at which the turn began.
    fn row(
        &self,
        builder: &mut FunctionBuilder<'_>,
        Frame { kept, outgoing }: Frame,
        index: i64,
    ) -> Result<Notes, Malformed> {
        let errno = (self.columns.errors == Errors::Stored).then_some(self.layout().errno);
        if let Some(errno) = errno {
            let (none, errno) = (builder.ins().iconst(types::I32, 0), word(builder, kept, errno));
            builder.ins().store(MEMORY, none, errno, 0);
        }
        let target = |builder: &mut FunctionBuilder<'_>| {
            builder.ins().stack_load(types::I64, types::I64, kept, TARGET)
        };
        let early = (self.find == Find::Early).then(|| target(builder));
        let results = native::downcall_results(self.plan, &self.columns.result);
        let signature = native::signature(self.plan, &self.arguments, &results);
        let signature = builder.import_signature(signature);
        // The address of the memory for a structure is one more, where the callee is passed it.
        let is_passed = self.columns.has_record() && self.columns.result == DowncallResult::InPlace;
        let all = self.columns.inputs.len() + usize::from(is_passed);
        let mut body = Body::new(builder, Source::Words(vec![Kept::Stack(kept, TARGET); all]), self.plan);
        if let Some(outgoing) = outgoing {
            // Loaded where they are stored: all of them would not have a register each.
            let address = outgoing.address(body.builder);
            for (at, moves) in
                self.words.stack.iter().enumerate().rev().filter(|(_, moves)| !moves.is_empty())
            {
                for number in self.passed(moves) {
                    let value = self.element(body.builder, kept, index, number)?;
                    body.set_word(number, Kept::Value(value));
                }
                body.store_word(outgoing, address, at, moves)?;
            }
        }
        let on_stack =
            |number| self.words.stack.iter().any(|moves| self.passed(moves).any(|of| of == number));
        for number in (0..all).filter(|number| !on_stack(*number)) {
            let value = self.element(body.builder, kept, index, number)?;
            body.set_word(number, Kept::Value(value));
        }
        let late = |builder: &mut FunctionBuilder<'_>| early.unwrap_or_else(|| target(builder));
        let (target, arguments) = body.values(&self.arguments, &[], late)?;
        let call = body.builder.ins().call_indirect(signature, target, &arguments);
        let results = body.builder.inst_results(call).to_vec();
        if let DowncallResult::Memory { slot, moves } = &self.columns.result {
            let record = word(body.builder, kept, usize::from(*slot));
            body.store_results(*slot, record, moves, &results)?;
        }
        let notes = body.finish_part();
        for (number, output) in (self.layout().outputs..).zip(&self.columns.outputs) {
            let to = word(builder, kept, number);
            let value = self.returned(builder, kept, *output, &results)?;
            store_low(builder, value, (to, index as i32 * i32::from(output.bytes)), output.bytes)?;
        }
        if let Some(errno) = errno {
            let [from, to] = [errno, errno + 1].map(|number| word(builder, kept, number));
            let error = builder.ins().load(types::I32, MEMORY, from, 0);
            builder.ins().store(MEMORY, error, to, (index * INT) as i32);
        }
        Ok(notes)
    }

    /// The columns whose elements a word is made of.
    fn passed(&self, moves: &[Move]) -> impl Iterator<Item = usize> {
        moves.iter().filter_map(|step| match step.operand {
            Operand::Slot { index, .. } => Some(usize::from(index)),
            _ => None,
        })
    }

    /// A column's element in the row that is `index` rows after the one at which the turn began.
    fn element(
        &self,
        builder: &mut FunctionBuilder<'_>,
        kept: StackSlot,
        index: i64,
        number: usize,
    ) -> Result<Value, Malformed> {
        let Some(column) = self.columns.inputs.get(number).copied() else {
            return Ok(word(builder, kept, number));
        };
        let ty = self.loaded_as(number, column);
        let from = word(builder, kept, number);
        let (from, offset) = match column.step {
            Step::Row => (from, index as i32 * i32::from(column.bytes)),
            Step::Same => (from, 0),
            Step::Stride => {
                let stride = self.strides().find(|(column, _)| *column == number);
                let stride = stride.map(|(_, stride)| word(builder, kept, stride));
                let far = stride.map(|stride| builder.ins().imul_imm_s(stride, index));
                (far.map_or(from, |far| builder.ins().iadd(from, far)), 0)
            }
        };
        memory::load(builder, ty, MEMORY, (from, offset), (column.bytes, column.fill))
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

    /// What a row's call has returned for an output, as a word whose low bytes it is.
    fn returned(
        &self,
        builder: &mut FunctionBuilder<'_>,
        kept: StackSlot,
        output: Output,
        results: &[Value],
    ) -> Result<Value, Malformed> {
        Ok(match output.from {
            OutputPlace::Record(offset) => {
                let record = word(builder, kept, self.columns.inputs.len());
                let bytes = (output.bytes, Fill::Zero);
                memory::load(builder, types::I64, MEMORY, (record, offset as i32), bytes)?
            }
            // One general and one vector register come back, in this order.
            OutputPlace::Register(Place::Vec { .. }) if output.bytes == 4 => {
                let bits = builder.ins().bitcast(types::I64, MemFlagsData::new(), results[1]);
                // A float is in the part of the register that memory has first.
                let shift = if self.plan.convention.is_big_endian() { 32 } else { 0 };
                if shift == 0 { bits } else { builder.ins().ushr_imm_u(bits, shift) }
            }
            OutputPlace::Register(Place::Vec { .. }) => results[1],
            OutputPlace::Register(Place::Gpr { .. } | Place::Stack { .. }) => results[0],
        })
    }
}

/// A word of the frame after the first two, as it is kept now.
fn word(builder: &mut FunctionBuilder<'_>, kept: StackSlot, number: usize) -> Value {
    builder.ins().stack_load(types::I64, types::I64, kept, FIRST_KEPT + number as i32 * WORD as i32)
}

fn keep_word(builder: &mut FunctionBuilder<'_>, kept: StackSlot, number: usize, value: Value) {
    builder.ins().stack_store(types::I64, value, kept, FIRST_KEPT + number as i32 * WORD as i32);
}
