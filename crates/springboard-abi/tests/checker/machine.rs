//! A machine that executes a plan on real bytes, to tell whether two plans do the same.
//!
//! It knows registers, a stack and slots. It knows no calling convention, and shares nothing with the checker.

use fastrand::Rng;
use springboard_abi::{DowncallResult, Fill, Operand, Place, Plan, SlotForm, Target};
use springboard_ir::{AggregateKind, DataModel, FloatFormat, Scalar, Signature, Type};

/// What a stub is entered with, and what the result registers hold when the callee returns.
pub(crate) struct Input {
    big_endian: bool,
    slots: Vec<[u8; 8]>,
    /// The bytes behind the addresses in slots. `None` where the slot holds a value.
    memory: Vec<Option<Vec<u8>>>,
    /// Which of these bytes are padding.
    padding: Vec<Vec<bool>>,
    result: Option<Vec<bool>>,
}

/// Why a plan cannot be executed.
#[derive(Debug)]
pub(crate) struct Fault;

/// A byte at a callee's entry or of the result's memory, and whether it was padding where it came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Byte {
    pub(crate) value: u8,
    pub(crate) padding: bool,
}

/// Everything a plan leaves behind.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    general: Vec<Option<Byte>>,
    vector: Vec<Option<Byte>>,
    stack: Vec<Option<Byte>>,
    result: Vec<Option<Byte>>,
    /// Slot, size and alignment of each copy.
    copies: Vec<(u16, u32, u32)>,
    vector_count: Option<u8>,
}

impl Input {
    pub(crate) fn random(rng: &mut Rng, signature: &Signature, target: &Target) -> Input {
        let model = &target.model;
        let mut input = Input {
            big_endian: model.big_endian,
            slots: Vec::new(),
            memory: Vec::new(),
            padding: Vec::new(),
            result: None,
        };
        for (index, param) in signature.params().iter().enumerate() {
            let form = SlotForm::of(&param.ty, model).expect("the plan has a layout");
            let mut slot = [0; 8];
            let memory: Option<Vec<u8>> = match form {
                SlotForm::None => None,
                SlotForm::Word(scalar) => {
                    slot = word(rng, scalar, model);
                    None
                }
                SlotForm::Address(layout) => {
                    slot = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, index as u8, (index >> 8) as u8, 0xa7];
                    Some((0..layout.size).map(|_| rng.u8(..)).collect())
                }
            };
            input.slots.push(slot);
            input
                .padding
                .push(memory.as_ref().map_or(Vec::new(), |bytes| padding(&param.ty, bytes.len(), model)));
            input.memory.push(memory);
        }
        if let Ok(SlotForm::Address(layout)) = SlotForm::of(signature.result(), model) {
            input.slots.push([0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7]);
            input.memory.push(None);
            input.padding.push(Vec::new());
            input.result = Some(padding(signature.result(), layout.size as usize, model));
        }
        input
    }

    fn load(&self, from: Operand, bytes: u8, plan: &Plan) -> Result<Vec<Byte>, Fault> {
        let bytes = usize::from(bytes);
        let values = |from: &[u8]| from.iter().map(|value| Byte { value: *value, padding: false }).collect();
        match from {
            Operand::Slot { index, at } => {
                let slot = self.slots.get(usize::from(index)).ok_or(Fault)?;
                let at = usize::from(at);
                Ok(values(slot.get(at..at + bytes).ok_or(Fault)?))
            }
            Operand::Memory { slot, offset } => {
                let memory = self.memory.get(usize::from(slot)).ok_or(Fault)?.as_ref().ok_or(Fault)?;
                let (start, padding) = (offset as usize, &self.padding[usize::from(slot)]);
                let range = start..start + bytes;
                let values = memory.get(range.clone()).ok_or(Fault)?.iter();
                Ok(values.zip(&padding[range]).map(|(&value, &padding)| Byte { value, padding }).collect())
            }
            Operand::Temporary { index } => {
                let copy = plan.temporaries.get(usize::from(index)).ok_or(Fault)?;
                let address = [0xc0, 0xc1, 0xc2, copy.slot as u8, (copy.slot >> 8) as u8, 0xc5, 0xc6, 0xc7];
                Ok(values(address.get(..bytes).ok_or(Fault)?))
            }
        }
    }
}

/// The canonical slot of a random value, half of them negative.
pub(crate) fn word(rng: &mut Rng, scalar: Scalar, model: &DataModel) -> [u8; 8] {
    let random = rng.u64(..);
    let word = match scalar {
        Scalar::Bool => random & 1,
        Scalar::Int { bytes, signed } => {
            let unused = 64 - u32::from(bytes) * 8;
            if signed { ((random as i64) << unused >> unused) as u64 } else { random << unused >> unused }
        }
        Scalar::Float(FloatFormat::F32) => random & 0xffff_ffff,
        _ => random,
    };
    if model.big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
}

/// Which bytes of an object carry no value.
pub(crate) fn padding(ty: &Type, size: usize, model: &DataModel) -> Vec<bool> {
    let mut padding = vec![true; size];
    value_bytes(ty, 0, model, &mut padding);
    padding
}

fn value_bytes(ty: &Type, start: usize, model: &DataModel, padding: &mut [bool]) {
    let size = ty.layout(model).expect("the plan has a layout").size as usize;
    match ty {
        Type::LongDouble if model.long_double == FloatFormat::X87 => padding[start..start + 10].fill(false),
        Type::Complex(complex) => {
            value_bytes(&complex.part(), start, model, padding);
            value_bytes(&complex.part(), start + size / 2, model, padding);
        }
        Type::Array(array) if size > 0 => {
            for index in 0..array.length as usize {
                value_bytes(&array.element, start + index * size / array.length as usize, model, padding);
            }
        }
        Type::Aggregate(aggregate) => {
            let offsets = aggregate.layout(model).expect("the plan has a layout").bit_offsets;
            for (field, bit) in aggregate.fields.iter().zip(offsets) {
                let bit = if aggregate.kind == AggregateKind::Union { 0 } else { bit as usize };
                match field.bits {
                    None => value_bytes(&field.ty, start + bit / 8, model, padding),
                    Some(0) => {}
                    Some(_) if field.name.is_none() => {}
                    Some(bits) => {
                        padding[start + bit / 8..start + (bit + usize::from(bits)).div_ceil(8)].fill(false);
                    }
                }
            }
        }
        _ => padding[start..start + size].fill(false),
    }
}

/// Whether a mutant of a plan does on all inputs what is to be done, `ours`, with an argument area like the plan's.
pub(crate) fn is_as_good(mutant: &Plan, plan: &Plan, inputs: &[Input], ours: &[Outcome]) -> bool {
    let is_as_good =
        |(input, ours): (&Input, &Outcome)| run(mutant, input).is_ok_and(|theirs| ours.is_as_good(&theirs));
    (mutant.stack_bytes, mutant.stack_align) == (plan.stack_bytes, plan.stack_align)
        && inputs.iter().zip(ours).all(is_as_good)
}

/// Executes `plan`.
///
/// # Errors
/// Where it reads or writes what is not there, or writes a byte twice.
pub(crate) fn run(plan: &Plan, input: &Input) -> Result<Outcome, Fault> {
    let registers = plan.convention.registers();
    let general = registers.gpr_args.len() + usize::from(registers.result_pointer.is_some());
    let mut outcome = Outcome {
        general: vec![None; general * 8],
        vector: vec![None; registers.vec_args.len() * 16],
        stack: vec![None; plan.stack_bytes as usize],
        result: vec![None; input.result.as_ref().map_or(0, Vec::len)],
        copies: Vec::new(),
        vector_count: plan.vector_count,
    };
    for step in &plan.moves {
        let bytes = input.load(step.operand, step.bytes, plan)?;
        let (file, start) = outcome.cells(step.place, step.bytes)?;
        for (index, byte) in bytes.into_iter().enumerate() {
            let cell = file.get_mut(start + index).ok_or(Fault)?;
            if cell.replace(byte).is_some() {
                return Err(Fault);
            }
        }
    }
    let fills: Vec<_> = plan.moves.iter().map(|step| outcome.rest_of(step.place, step.bytes)).collect();
    for (step, rest) in plan.moves.iter().zip(fills) {
        let loaded = input.load(step.operand, step.bytes, plan)?;
        let top = if input.big_endian { loaded.first() } else { loaded.last() };
        let negative = top.is_some_and(|byte| byte.value >= 0x80);
        let value = if step.fill == Fill::Sign && negative { 0xff } else { 0 };
        let (file, _) = outcome.cells(step.place, step.bytes)?;
        for index in rest {
            // Beside nothing but padding there is nothing to tell.
            let padding = loaded.iter().all(|byte| byte.padding);
            *file.get_mut(index).ok_or(Fault)? = Some(Byte { value, padding });
        }
    }
    for copy in &plan.temporaries {
        let memory = input.memory.get(usize::from(copy.slot)).ok_or(Fault)?.as_ref().ok_or(Fault)?;
        if copy.bytes as usize > memory.len() || !copy.align.is_power_of_two() {
            return Err(Fault);
        }
        outcome.copies.push((copy.slot, copy.bytes, copy.align));
    }
    store_result(plan, input, &mut outcome)?;
    Ok(outcome)
}

/// The callee has left a byte of its own in each byte of each result register.
fn store_result(plan: &Plan, input: &Input, outcome: &mut Outcome) -> Result<(), Fault> {
    let Some(DowncallResult::Memory { slot, moves }) = plan.form.downcall_result() else { return Ok(()) };
    let padding = input.result.as_ref().ok_or(Fault)?;
    if usize::from(*slot) + 1 != input.slots.len() {
        return Err(Fault);
    }
    let registers = plan.convention.registers();
    for step in moves {
        let (first, count, size) = match step.place {
            Place::Gpr { reg, at } => (reg * 8 + at, registers.gpr_results.len() as u8 * 8, 8 - at),
            Place::Vec { reg, at } => {
                (128 + reg * 16 + at, 128 + registers.vec_results.len() as u8 * 16, 16 - at)
            }
            Place::Stack { .. } => return Err(Fault),
        };
        if step.bytes > size || first + step.bytes > count {
            return Err(Fault);
        }
        for byte in 0..step.bytes {
            let offset = step.offset as usize + usize::from(byte);
            let cell = outcome.result.get_mut(offset).ok_or(Fault)?;
            if cell.replace(Byte { value: first + byte, padding: padding[offset] }).is_some() {
                return Err(Fault);
            }
        }
    }
    Ok(())
}

impl Outcome {
    /// The file of bytes that a place is in, and its index there.
    fn cells(&mut self, place: Place, bytes: u8) -> Result<(&mut Vec<Option<Byte>>, usize), Fault> {
        let (file, size, reg, at) = match place {
            Place::Stack { offset } => return Ok((&mut self.stack, offset as usize)),
            Place::Gpr { reg, at } => (&mut self.general, 8, reg, at),
            Place::Vec { reg, at } => (&mut self.vector, 16, reg, at),
        };
        if at.checked_add(bytes).is_none_or(|end| end > size) {
            Err(Fault)
        } else {
            Ok((file, usize::from(reg) * usize::from(size) + usize::from(at)))
        }
    }

    /// The bytes that nothing is moved into, of the general register or stack words that a move ends in.
    fn rest_of(&self, to: Place, bytes: u8) -> Vec<usize> {
        let (file, start) = match to {
            Place::Vec { .. } => return Vec::new(),
            Place::Gpr { reg, at } => (&self.general, usize::from(reg) * 8 + usize::from(at)),
            Place::Stack { offset } => (&self.stack, offset as usize),
        };
        let words = start & !7..(start + usize::from(bytes)).next_multiple_of(8);
        words.filter(|index| matches!(file.get(*index), Some(None))).collect()
    }

    /// Whether a callee and a caller that know only the C types could not tell `other` from this one. Bytes that
    /// came from padding, and the zeros in the upper part of a vector register that the slot of a float leaves
    /// there, carry nothing: `other` may leave them alone or make them zero.
    pub(crate) fn is_as_good(&self, other: &Outcome) -> bool {
        let files = [
            (&self.general, &other.general),
            (&self.vector, &other.vector),
            (&self.stack, &other.stack),
            (&self.result, &other.result),
        ];
        let same = |(index, (ours, theirs)): (usize, (&Option<Byte>, &Option<Byte>)), upper: bool| {
            let nothing = theirs.is_none_or(|byte| byte.value == 0);
            match ours {
                None => theirs.is_none(),
                Some(byte) if byte.padding => nothing || theirs == ours,
                Some(byte) if upper && byte.value == 0 && index % 16 >= 4 => nothing,
                ours => *theirs == *ours,
            }
        };
        files.iter().enumerate().all(|(file, (ours, theirs))| {
            ours.len() == theirs.len()
                && ours.iter().zip(*theirs).enumerate().all(|pair| same(pair, file == 1))
        }) && self.copies.len() == other.copies.len()
            && self
                .copies
                .iter()
                .zip(&other.copies)
                .all(|(ours, theirs)| ours.0 == theirs.0 && ours.1 == theirs.1 && ours.2 <= theirs.2)
            && match (self.vector_count, other.vector_count) {
                (None, None) => true,
                (Some(ours), Some(theirs)) => (ours..=8).contains(&theirs),
                _ => false,
            }
    }
}
