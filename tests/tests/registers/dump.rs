//! What the callee was passed, and the comparison with a plan.

use springboard_abi::{Move, Operand, Place, Plan, SlotForm, Target};
use springboard_ir::{DataModel, FloatFormat, Scalar, Type};

use crate::Case;

/// Registers, stack and copies at the callee's entry.
pub(crate) struct Dump {
    general: Vec<u8>,
    vector: Vec<u8>,
    al: u8,
    stack: Vec<u8>,
    /// The bytes of each copy, in the order of the moves that pass their addresses.
    copies: Vec<Vec<u8>>,
}

impl Dump {
    pub(crate) fn parse(line: &str, plan: &Plan) -> Result<Dump, String> {
        let mut words = line.split(' ').map(bytes);
        let mut next = || words.next().unwrap_or_else(|| Err(format!("a short line: {line}")));
        Ok(Dump {
            general: next()?,
            vector: next()?,
            al: next()?[0],
            stack: next()?,
            copies: plan.temporaries.iter().map(|_| next()).collect::<Result<_, _>>()?,
        })
    }

    /// Compares every byte of a value that the plan of `case` moves, and returns how many there were.
    pub(crate) fn compare(&self, case: &Case, target: &Target) -> Result<u64, String> {
        let mut compared = 0;
        let mut copies = self.copies.iter();
        for step in &case.plan.moves {
            if let Operand::Temporary { index } = step.operand {
                let param = usize::from(case.plan.temporaries[usize::from(index)].slot);
                let copy = copies.next().ok_or("a copy is missing")?;
                let values = value_bytes(&case.signature.params()[param].ty, &target.model);
                for byte in values {
                    let (sent, found) = (case.values[param][byte], copy[byte]);
                    if sent != found {
                        return Err(format!("byte {byte} of the copy of argument {} differs", param + 1));
                    }
                    compared += 1;
                }
                continue;
            }
            for byte in 0..step.bytes {
                let Some(sent) = sent(case, step, byte, &target.model) else { continue };
                let found = self.at(step.place, byte).ok_or("a place beyond what was printed")?;
                if found != sent {
                    let line = case.plan.describe(step);
                    return Err(format!("byte {byte} of `{line}` is {found:02x}, and {sent:02x} was sent"));
                }
                compared += 1;
            }
        }
        match case.plan.vector_count {
            Some(count) if count != self.al => Err(format!("al is {}, and {count} in the plan", self.al)),
            _ => Ok(compared),
        }
    }

    fn at(&self, place: Place, byte: u8) -> Option<u8> {
        let byte = usize::from(byte);
        match place {
            Place::Gpr { reg, at } => self.general.get(usize::from(reg) * 8 + usize::from(at) + byte),
            Place::Vec { reg, at } => self.vector.get(usize::from(reg) * 16 + usize::from(at) + byte),
            Place::Stack { offset } => self.stack.get(offset as usize + byte),
        }
        .copied()
    }
}

fn bytes(word: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = word.bytes().collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
            u8::from_str_radix(pair, 16).map_err(|error| format!("{word}: {error}"))
        })
        .collect()
}

/// The byte that a move is to bring. `None` where it is the address of the result, padding, or an extension that
/// compilers need not make.
fn sent(case: &Case, step: &Move, byte: u8, model: &DataModel) -> Option<u8> {
    let (param, index) = match step.operand {
        Operand::Slot { index, at } => {
            let param = usize::from(index);
            let ty = &case.signature.params().get(param)?.ty;
            let Ok(SlotForm::Word(scalar)) = SlotForm::of(ty, model) else { return None };
            let size = match scalar {
                Scalar::Float(FloatFormat::F32) => 4,
                scalar => scalar.bytes(model),
            };
            let start = if model.big_endian { 8 - size } else { 0 };
            (param, usize::from((at + byte).checked_sub(start).filter(|byte| *byte < size)?))
        }
        Operand::Memory { slot, offset } => (usize::from(slot), offset as usize + usize::from(byte)),
        Operand::Temporary { .. } => return None,
    };
    let ty = &case.signature.params()[param].ty;
    value_bytes(ty, model).contains(&index).then(|| case.values[param][index])
}

/// The bytes of an object that are all value, so that every copy of it has them.
fn value_bytes(ty: &Type, model: &DataModel) -> Vec<usize> {
    let mut bytes = Vec::new();
    collect(ty, 0, model, &mut bytes);
    bytes
}

fn collect(ty: &Type, start: usize, model: &DataModel, bytes: &mut Vec<usize>) {
    let size = ty.layout(model).expect("the plan has a layout").size as usize;
    match ty {
        Type::LongDouble if model.long_double == FloatFormat::X87 => bytes.extend(start..start + 10),
        Type::Complex(complex) => {
            collect(&complex.part(), start, model, bytes);
            collect(&complex.part(), start + size / 2, model, bytes);
        }
        Type::Array(array) if size > 0 => {
            let step = size / array.length as usize;
            (0..array.length as usize)
                .for_each(|index| collect(&array.element, start + index * step, model, bytes));
        }
        Type::Array(_) => {}
        Type::Aggregate(aggregate) => {
            let offsets = aggregate.layout(model).expect("the plan has a layout").bit_offsets;
            for (field, bit) in aggregate.fields.iter().zip(offsets) {
                match field.bits {
                    None => collect(&field.ty, start + bit as usize / 8, model, bytes),
                    // Only bytes that it has all bits of.
                    Some(bits) if field.name.is_some() => {
                        let (first, last) = (bit as usize, bit as usize + usize::from(bits));
                        bytes.extend(start + first.div_ceil(8)..start + last / 8);
                    }
                    Some(_) => {}
                }
            }
        }
        _ => bytes.extend(start..start + size),
    }
}
