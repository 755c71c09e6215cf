//! The `columns` entry: elements that a row's arguments are made of, and where its result goes.

use alloc::vec::Vec;

use springboard_ir::{AggregateKind, FloatFormat, Scalar, Signature, Type};

use super::{leaves, violation::Violation};
use crate::{
    place::Place,
    plan::{Columns, Fill, Output, OutputPlace},
    target::{Convention, Target},
};

/// Every column is of its parameter's own width and sign, and the result is stored with its own width from the register
/// in which the target's document returns it: the first general one, or the first for floating point. A structure's words
/// are stored in their order.
pub(super) fn check(columns: &Columns, signature: &Signature, target: &Target) -> Result<(), Violation> {
    if columns.inputs.len() != signature.params().len() {
        return Err(Violation::NoColumns);
    }
    for (index, (param, found)) in signature.params().iter().zip(&columns.inputs).enumerate() {
        let expected = element(&param.ty, target);
        if expected != Some((found.bytes, found.fill)) {
            return Err(Violation::Column { index, expected, found: *found });
        }
    }
    let wrong = |index: usize, expected| {
        Err(Violation::ColumnResult { index, expected, found: columns.outputs.get(index).copied() })
    };
    if let Some((bytes, _)) = element(signature.result(), target) {
        let floating = matches!(signature.result(), Type::Float | Type::Double);
        let at = |word: u8| match (target.convention, floating) {
            // The low bytes of a big-endian register are its last.
            (Convention::S390x, false) => word - bytes,
            _ => 0,
        };
        let place = match floating {
            true => Place::Vec { reg: 0, at: at(8) },
            false => Place::Gpr { reg: 0, at: at(8) },
        };
        let expected = Output { from: OutputPlace::Register(place), bytes };
        return if *columns.outputs == [expected] { Ok(()) } else { wrong(0, Some(expected)) };
    }
    // Every byte of the structure that is not padding, in order and once.
    let occupied = match signature.result() {
        Type::Void => Vec::new(),
        ty => leaves::occupied(ty, &target.model)?,
    };
    let mut end = 0;
    for index in 0.. {
        let next = (end..occupied.len()).find(|byte| occupied[*byte]);
        let expected = match next {
            None => None,
            // Without a word there, no output is right.
            Some(offset) => match word_at(signature.result(), offset as u64, target)? {
                None => return wrong(index, None),
                Some(bytes) => {
                    end = offset + usize::from(bytes);
                    Some(Output { from: OutputPlace::Record(offset as u32), bytes })
                }
            },
        };
        if columns.outputs.get(index).copied() != expected {
            return wrong(index, expected);
        }
        if expected.is_none() {
            break;
        }
    }
    Ok(())
}

/// The width of the word that begins at an offset of an object. `None` where none does, or more than one could.
fn word_at(ty: &Type, offset: u64, target: &Target) -> Result<Option<u8>, Violation> {
    if let Some((bytes, _)) = element(ty, target) {
        return Ok((offset == 0).then_some(bytes));
    }
    let size = |ty: &Type| Ok::<_, Violation>(ty.layout(&target.model)?.size);
    match ty {
        Type::Complex(complex) => word_at(&complex.part(), offset % size(&complex.part())?, target),
        Type::Array(array) => word_at(&array.element, offset % size(&array.element)?, target),
        Type::Aggregate(aggregate) if aggregate.kind == AggregateKind::Struct => {
            for (field, bit) in aggregate.fields.iter().zip(aggregate.layout(&target.model)?.bit_offsets) {
                let within = offset.wrapping_sub(bit / 8);
                if within < size(&field.ty)? {
                    return if field.bits.is_none() { word_at(&field.ty, within, target) } else { Ok(None) };
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// Width and extension of an element. `None` for `void` and for what is not a word.
fn element(ty: &Type, target: &Target) -> Option<(u8, Fill)> {
    match ty.scalar(&target.model)? {
        Scalar::Bool => Some((1, Fill::Zero)),
        Scalar::Int { bytes: bytes @ (1 | 2 | 4), signed: true } => Some((bytes, Fill::Sign)),
        Scalar::Int { bytes: bytes @ (1 | 2 | 4 | 8), .. } => Some((bytes, Fill::Zero)),
        Scalar::Pointer => Some((8, Fill::Zero)),
        Scalar::Float(FloatFormat::F32) => Some((4, Fill::Zero)),
        Scalar::Float(FloatFormat::F64) => Some((8, Fill::Zero)),
        _ => None,
    }
}
