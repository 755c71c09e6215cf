//! Which bytes of a type carry a value, and which are padding.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use springboard_ir::{DataModel, FloatFormat, LayoutError, Scalar, Type};

/// For each byte of `ty` whether it carries a value; the others are padding.
pub(super) fn occupied(ty: &Type, model: &DataModel) -> Result<Vec<bool>, LayoutError> {
    let mut bytes = vec![false; ty.layout(model)?.size as usize];
    mark(ty, model, 0, &mut bytes)?;
    Ok(bytes)
}

/// Marks the bytes of an object of type `ty` at byte `start`. Members of a union lie on each other, so that a byte may
/// be marked more than once.
fn mark(ty: &Type, model: &DataModel, start: u64, bytes: &mut [bool]) -> Result<(), LayoutError> {
    let mut fill = |range: Range<u64>| bytes[range.start as usize..range.end as usize].fill(true);
    let size = ty.layout(model)?.size;
    match (ty, ty.scalar(model)) {
        // The 80-bit format has six bytes of padding (System V psABI, figure 3.1).
        (_, Some(Scalar::Float(FloatFormat::X87))) => fill(start..start + 10),
        (_, Some(_)) => fill(start..start + size),
        (Type::Complex(complex), _) => {
            mark(&complex.part(), model, start, bytes)?;
            mark(&complex.part(), model, start + size / 2, bytes)?;
        }
        (Type::Array(array), _) => {
            let step = array.element.layout(model)?.size;
            let length = if step == 0 { 0 } else { array.length };
            for index in 0..length {
                mark(&array.element, model, start + index * step, bytes)?;
            }
        }
        (Type::Aggregate(aggregate), _) => {
            let offsets = aggregate.layout(model)?.bit_offsets;
            for (field, bit) in aggregate.fields.iter().zip(offsets) {
                match (field.bits, &field.name) {
                    (None, _) => mark(&field.ty, model, start + bit / 8, bytes)?,
                    // An unnamed bit-field has room and no value (C11 6.7.9, 9); one of width 0 has neither.
                    (Some(0), _) | (Some(_), None) => {}
                    // Every byte in which it has at least a bit.
                    (Some(bits), Some(_)) => {
                        let end = (bit + u64::from(bits)).div_ceil(8);
                        bytes[(start + bit / 8) as usize..(start + end) as usize].fill(true);
                    }
                }
            }
        }
        _ => return Err(LayoutError::Incomplete),
    }
    Ok(())
}
