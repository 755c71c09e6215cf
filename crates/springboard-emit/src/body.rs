//! Loads and stores of a stub's function, each with a note of what it does for the plan.

use cranelift_codegen::ir::{Inst, InstBuilder, MemFlagsData, StackSlot, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Fill, Move, Operand, Place, Plan, ResultMove};

use crate::{
    error::Malformed,
    isa::Isa,
    memory::{self, MEMORY, Reserved, SLOT, keep, slot_offset},
    native::{self, Argument, Register},
    outgoing::Outgoing,
    words::byte_in_word,
};

/// Which instruction performs which step of the plan.
pub(crate) type Notes = Vec<(Inst, Note)>;

/// A function that has been built.
pub(crate) struct Built {
    pub(crate) notes: Notes,
    /// Where it has the words that it passes on the stack, if it does.
    pub(crate) outgoing: Option<Outgoing>,
}

/// What an instruction does for the plan.
#[derive(Clone, Copy)]
pub(crate) enum Note {
    /// This move of an argument.
    Argument(Move),
    /// An upcall's load of its result from a slot.
    Word(Move),
    /// The store of a downcall's result as a whole word.
    Widened { slot: u16, bytes: u8, fill: Fill },
    /// This move of a result, to or from the memory whose address is in the slot.
    Result(u16, ResultMove),
}

/// Where a stub has its slots.
pub(crate) enum Source {
    /// At this address, whole and canonical.
    Array(Value),
    /// Each in a value or a word of the stack.
    Words(Vec<Kept>),
    /// Pointers to values in an array at this address; and where the result goes, in a parameter of its own.
    Avalue { array: Value, result: Value },
}

impl Source {
    /// The last slot, where each is in a word of its own.
    pub(crate) fn last(&self) -> Option<Kept> {
        match self {
            Source::Words(words) => words.last().copied(),
            _ => None,
        }
    }
}

/// Where one slot is that is not in an array of the host's. Of a word in memory only the parameter's own bytes are defined.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// At this offset of the stub's own stack.
    Stack(StackSlot, i32),
    /// At this offset of what the stub was passed on its caller's stack ([`native::arrived`]).
    Arrived(u32, Convention),
    /// Here, as wide as it is.
    Value(Value),
}

impl Kept {
    /// Its address and the offset from there. `None` where it is in no memory.
    fn place(self, builder: &mut FunctionBuilder<'_>) -> Option<(Value, i32)> {
        match self {
            Kept::Stack(slot, offset) => Some((builder.ins().stack_addr(types::I64, slot, offset), 0)),
            Kept::Arrived(offset, caller) => Some(native::arrived(builder, caller, offset)),
            Kept::Value(_) => None,
        }
    }

    /// The value, a whole word where it is in memory.
    pub(crate) fn value(self, builder: &mut FunctionBuilder<'_>) -> Value {
        match self {
            Kept::Value(value) => value,
            Kept::Stack(slot, offset) => builder.ins().stack_load(types::I64, types::I64, slot, offset),
            Kept::Arrived(offset, caller) => {
                let (address, offset) = native::arrived(builder, caller, offset);
                builder.ins().load(types::I64, SLOT, address, offset)
            }
        }
    }
}

/// The function of a stub while it is built.
pub(crate) struct Body<'a, 'b> {
    pub(crate) builder: &'a mut FunctionBuilder<'b>,
    source: Source,
    /// The copies.
    temporaries: Vec<Reserved>,
    big_endian: bool,
    spare_vectors: bool,
    /// The address that was loaded last from a slot, and which slot that was.
    address: Option<(u16, Value)>,
    notes: Notes,
}

impl<'a, 'b> Body<'a, 'b> {
    /// A body that takes its operands from `source`.
    pub(crate) fn new(builder: &'a mut FunctionBuilder<'b>, source: Source, plan: &Plan) -> Body<'a, 'b> {
        let big_endian = plan.convention.is_big_endian();
        let spare_vectors = Isa::with(plan.convention).spare_vectors;
        let (temporaries, notes) = (Vec::new(), Vec::new());
        Body { builder, source, temporaries, big_endian, spare_vectors, address: None, notes }
    }

    /// Ends the function.
    pub(crate) fn finish(self) -> Notes {
        self.builder.seal_all_blocks();
        self.notes
    }

    /// Ends one part of a function of several.
    pub(crate) fn finish_part(self) -> Notes {
        self.notes
    }

    /// Notes what an instruction does for the plan.
    pub(crate) fn note(&mut self, inst: Inst, note: Note) {
        self.notes.push((inst, note));
    }

    /// Copies the arguments that are passed by reference to the stub's own stack.
    pub(crate) fn copy_temporaries(&mut self, plan: &Plan) {
        for copy in &plan.temporaries {
            let from = self.address(copy.slot);
            let reserved = Reserved::of(self.builder, copy, plan.caller);
            let to = reserved.address(self.builder);
            memory::copy(self.builder, from, to, copy.bytes);
            self.temporaries.push(reserved);
        }
    }

    /// The value of one word, from the moves that end in it: zero where there are none.
    pub(crate) fn word(&mut self, ty: Type, moves: &[Move]) -> Result<Value, Malformed> {
        if let [step] = moves
            && u32::from(step.bytes) == ty.bytes()
        {
            return self.load(ty, *step);
        }
        let part = |step: &Move| {
            let part = self.load(types::I64, *step)?;
            Ok(match self.bits_below(*step) {
                0 => part,
                bits => self.builder.ins().ishl_imm_u(part, bits),
            })
        };
        let parts = moves.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let word = parts.into_iter().reduce(|word, part| self.builder.ins().bor(word, part));
        let word = word.unwrap_or_else(|| self.builder.ins().iconst(types::I64, 0));
        Ok(if ty == types::I64 { word } else { self.builder.ins().bitcast(ty, MemFlagsData::new(), word) })
    }

    /// Makes those words of arguments that several moves make up, and keeps them on the stub's stack: to make one takes
    /// registers, which are few once the others are in theirs.
    pub(crate) fn keep_composed(
        &mut self,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<Option<StackSlot>>, Malformed> {
        let keep = |argument: &Argument<'_>| match argument {
            Argument::Word(types::I64 | types::F64, moves) if moves.len() > 1 => {
                let word = self.word(types::I64, moves)?;
                Ok(Some(keep(self.builder, &[word])))
            }
            _ => Ok(None),
        };
        arguments.iter().map(keep).collect()
    }

    /// The values of arguments in registers, those that were `composed` from the stub's stack; and the target, which comes
    /// last and is in burnt general registers as well.
    pub(crate) fn values(
        &mut self,
        arguments: &[Argument<'_>],
        composed: &[Option<StackSlot>],
        target: impl FnOnce(&mut FunctionBuilder<'b>) -> Value,
    ) -> Result<(Value, Vec<Value>), Malformed> {
        let composed = composed.iter().copied().chain(std::iter::repeat(None));
        let value = |(argument, composed): (&Argument<'_>, Option<StackSlot>)| match (*argument, composed) {
            (Argument::Word(ty, _), Some(kept)) => {
                Ok(Some(self.builder.ins().stack_load(types::I64, ty, kept, 0)))
            }
            (Argument::Word(ty, moves), None) => self.word(ty, moves).map(Some),
            (Argument::Burnt(Register::Vec(_)), _) => Ok(Some(self.builder.ins().f64const(0.0))),
            (Argument::Burnt(Register::Gpr(_)), _) => Ok(None),
        };
        let values = arguments.iter().zip(composed).map(value).collect::<Result<Vec<_>, _>>()?;
        let target = target(self.builder);
        Ok((target, values.into_iter().map(|value| value.unwrap_or(target)).collect()))
    }

    /// Says where a slot is, of those that are each in a word of their own.
    pub(crate) fn set_word(&mut self, slot: usize, kept: Kept) {
        if let Source::Words(words) = &mut self.source {
            words[slot] = kept;
        }
    }

    /// Stores the words of the stack area. The last comes first, as it would be pushed.
    pub(crate) fn store_stack(&mut self, outgoing: Outgoing, words: &[&[Move]]) -> Result<(), Malformed> {
        let address = outgoing.address(self.builder);
        for (index, moves) in words.iter().enumerate().rev().filter(|(_, moves)| !moves.is_empty()) {
            self.store_word(outgoing, address, index, moves)?;
        }
        Ok(())
    }

    /// Stores one word of the stack area at `address`.
    pub(crate) fn store_word(
        &mut self,
        outgoing: Outgoing,
        address: Value,
        index: usize,
        moves: &[Move],
    ) -> Result<(), Malformed> {
        let word = self.word(self.stack_type(moves), moves)?;
        outgoing.store(self.builder, address, index, word);
        Ok(())
    }

    /// The type as which a word is on its way to the stack. What is loaded whole goes through a vector register, where the
    /// CPU has some to spare: the general ones all hold arguments, and the allocator would move those out of the way.
    fn stack_type(&self, moves: &[Move]) -> Type {
        let [Move { bytes: 8, operand, .. }] = moves else { return types::I64 };
        match (*operand, &self.source) {
            // It is stored from the register in which it came.
            (Operand::Slot { index, .. }, Source::Words(words)) => match words[usize::from(index)] {
                Kept::Value(value) if self.builder.func.dfg.value_type(value) == types::F64 => types::F64,
                _ => types::I64,
            },
            (Operand::Slot { .. }, Source::Avalue { .. }) => types::I64,
            (Operand::Slot { .. }, Source::Array(_)) | (Operand::Memory { .. }, _) if self.spare_vectors => {
                types::F64
            }
            _ => types::I64,
        }
    }

    /// How many bits of its word are less significant than what a move moves.
    pub(crate) fn bits_below(&self, step: Move) -> i64 {
        let at = byte_in_word(step.place);
        i64::from(8 * if self.big_endian { 8 - at - u32::from(step.bytes) } else { at })
    }

    /// Loads what one move moves, into a register of type `ty`, widened as the move says.
    pub(crate) fn load(&mut self, ty: Type, step: Move) -> Result<Value, Malformed> {
        let (base, offset, flags) = match step.operand {
            Operand::Slot { index, at } => match &self.source {
                Source::Array(slots) => (*slots, slot_offset(index) + i32::from(at), SLOT),
                // Every argument is behind a pointer: the one slot that a plan moves whole is the result's.
                Source::Avalue { result, .. } => return Ok(*result),
                Source::Words(words) => {
                    let word = words[usize::from(index)];
                    match word.place(self.builder) {
                        Some((address, offset)) => (address, offset + i32::from(at), SLOT),
                        None => {
                            let value = word.value(self.builder);
                            return converted(self.builder, value, ty, step);
                        }
                    }
                }
            },
            Operand::Memory { slot, offset } => (self.address(slot), offset as i32, MEMORY),
            Operand::Temporary { index } => {
                // Found again where it is wanted: several would not have a register each.
                let address = self.temporaries[usize::from(index)].address(self.builder);
                return Ok(self.noted(address, step));
            }
        };
        let value = memory::load(self.builder, ty, flags, (base, offset), (step.bytes, step.fill))?;
        Ok(self.noted(value, step))
    }

    fn noted(&mut self, value: Value, step: Move) -> Value {
        if let Some(inst) = self.builder.func.dfg.value_def(value).inst() {
            self.note(inst, Note::Argument(step));
        }
        value
    }

    /// The address that a slot holds. Moves of one value follow each other, so it is loaded once.
    pub(crate) fn address(&mut self, slot: u16) -> Value {
        if let Some((known, address)) = self.address
            && known == slot
        {
            return address;
        }
        let address = match &self.source {
            Source::Array(slots) | Source::Avalue { array: slots, .. } => {
                self.builder.ins().load(types::I64, SLOT, *slots, slot_offset(slot))
            }
            Source::Words(words) => words[usize::from(slot)].value(self.builder),
        };
        self.address = Some((slot, address));
        address
    }

    /// Puts the address where the result goes on the stub's stack, for the time after the call. A value that merely
    /// lived across the call would be given a callee-saved register, which has to be saved and restored itself, and
    /// which the one unwind row that all stubs share would not know.
    pub(crate) fn keep_result_address(&mut self, slot: u16) -> StackSlot {
        let address = match self.source {
            Source::Avalue { result, .. } => result,
            _ => self.address(slot),
        };
        keep(self.builder, &[address])
    }

    /// Stores the results of the call to the address that `slot` held.
    pub(crate) fn store_results(
        &mut self,
        slot: u16,
        address: Value,
        moves: &[ResultMove],
        results: &[Value],
    ) -> Result<(), Malformed> {
        let dfg = &self.builder.func.dfg;
        let gprs = results.iter().filter(|value| dfg.value_type(**value).is_int()).count();
        for step in moves {
            let register = match step.place {
                Place::Gpr { reg, .. } => results.get(usize::from(reg)),
                Place::Vec { reg, .. } => results.get(gprs + usize::from(reg)),
                Place::Stack { .. } => None,
            };
            let register = *register.ok_or(Malformed::ResultPlace(step.place))?;
            let operand = Operand::Memory { slot, offset: step.offset };
            let part = Move { place: step.place, operand, bytes: step.bytes, fill: Fill::Zero };
            let inst = self.store(register, part, address, step.offset as i32)?;
            self.note(inst, Note::Result(slot, *step));
        }
        Ok(())
    }

    /// Stores a whole word, made of the lowest `bytes` bytes of a result register, to the address that was kept.
    pub(crate) fn store_widened(
        &mut self,
        slot: u16,
        kept: StackSlot,
        register: Value,
        bytes: u8,
        fill: Fill,
    ) -> Result<(), Malformed> {
        let word = if bytes == 8 { register } else { extended(self.builder, register, bytes, fill)? };
        let address = self.builder.ins().stack_load(types::I64, types::I64, kept, 0);
        let inst = self.builder.ins().store(MEMORY, word, address, 0);
        self.note(inst, Note::Widened { slot, bytes, fill });
        Ok(())
    }

    /// Stores what a move takes from a register, and not a byte more.
    pub(crate) fn store(
        &mut self,
        register: Value,
        step: Move,
        address: Value,
        offset: i32,
    ) -> Result<Inst, Malformed> {
        if !self.builder.func.dfg.value_type(register).is_int() {
            return Ok(self.builder.ins().store(MEMORY, register, address, offset));
        }
        let value = match self.bits_below(step) {
            0 => register,
            bits => self.builder.ins().ushr_imm_u(register, bits),
        };
        memory::store_low(self.builder, value, (address, offset), step.bytes)
    }
}

/// A value of any type in a general register, as a whole word.
pub(crate) fn to_word(builder: &mut FunctionBuilder<'_>, value: Value) -> Value {
    match builder.func.dfg.value_type(value) {
        types::F64 => builder.ins().bitcast(types::I64, MemFlagsData::new(), value),
        types::F32 => {
            let bits = builder.ins().bitcast(types::I32, MemFlagsData::new(), value);
            builder.ins().uextend(types::I64, bits)
        }
        _ => value,
    }
}

/// A word made of its own low bytes.
pub(crate) fn extended(
    builder: &mut FunctionBuilder<'_>,
    word: Value,
    bytes: u8,
    fill: Fill,
) -> Result<Value, Malformed> {
    let narrow = builder.ins().ireduce(narrow_type(bytes)?, word);
    Ok(match fill {
        Fill::Zero => builder.ins().uextend(types::I64, narrow),
        Fill::Sign => builder.ins().sextend(types::I64, narrow),
    })
}

/// The type of an integer of so many bytes that is narrower than a word.
pub(crate) fn narrow_type(bytes: u8) -> Result<Type, Malformed> {
    match bytes {
        1 => Ok(types::I8),
        2 => Ok(types::I16),
        4 => Ok(types::I32),
        _ => Err(Malformed::Width(bytes)),
    }
}

/// A parameter as a register of type `ty` wants it.
fn converted(
    builder: &mut FunctionBuilder<'_>,
    value: Value,
    ty: Type,
    step: Move,
) -> Result<Value, Malformed> {
    if builder.func.dfg.value_type(value) == ty && u32::from(step.bytes) == ty.bytes() {
        return Ok(value);
    }
    let word = to_word(builder, value);
    let word = if step.bytes < 8 { extended(builder, word, step.bytes, step.fill)? } else { word };
    Ok(match ty {
        types::I64 => word,
        types::F32 => {
            let bits = builder.ins().ireduce(types::I32, word);
            builder.ins().bitcast(types::F32, MemFlagsData::new(), bits)
        }
        _ => builder.ins().bitcast(ty, MemFlagsData::new(), word),
    })
}
