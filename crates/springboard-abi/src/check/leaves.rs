//! Types without their names: which scalars lie where, and which bytes are padding.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use springboard_ir::{DataModel, FloatFormat, LayoutError, Scalar, Type};

/// A scalar or bit-field of a type that is flattened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Leaf {
    /// Where it begins, in bits from the start of the whole.
    pub(super) bit: u64,
    /// How many bits it has.
    pub(super) bits: u64,
    /// What it is.
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One whole object.
    Scalar(Scalar),
    /// A bit-field with a name.
    Bits,
    /// An unnamed bit-field: it has room and no value (C11 6.7.9, 9).
    Unnamed,
}

impl Leaf {
    /// The bytes in which it has at least a bit of value. The 80-bit format has six of padding (psABI table 3.1).
    fn occupied(self) -> Range<u64> {
        let start = self.bit / 8;
        match self.kind {
            Kind::Unnamed => start..start,
            Kind::Scalar(Scalar::Float(FloatFormat::X87)) => start..start + 10,
            Kind::Scalar(_) | Kind::Bits => start..(self.bit + self.bits).div_ceil(8),
        }
    }
}

/// The scalars of `ty`, in the order of declaration; members of a union lie on each other. Aggregates without
/// size have none.
pub(super) fn leaves(ty: &Type, model: &DataModel) -> Result<Vec<Leaf>, LayoutError> {
    let mut found = Vec::new();
    // Refuses types that are nested too deeply to walk.
    ty.layout(model)?;
    flatten(ty, model, 0, &mut found)?;
    Ok(found)
}

/// For each byte of `ty` whether it carries a value; the others are padding.
pub(super) fn occupied(ty: &Type, model: &DataModel) -> Result<Vec<bool>, LayoutError> {
    let mut bytes = vec![false; ty.layout(model)?.size as usize];
    for leaf in leaves(ty, model)? {
        for byte in leaf.occupied() {
            bytes[byte as usize] = true;
        }
    }
    Ok(bytes)
}

fn flatten(ty: &Type, model: &DataModel, bit: u64, found: &mut Vec<Leaf>) -> Result<(), LayoutError> {
    if let Some(scalar) = ty.scalar(model) {
        let bits = u64::from(scalar.bytes(model)) * 8;
        found.push(Leaf { bit, bits, kind: Kind::Scalar(scalar) });
        return Ok(());
    }
    match ty {
        Type::Complex(complex) => {
            let part = complex.part();
            let bits = part.layout(model)?.size * 8;
            flatten(&part, model, bit, found)?;
            flatten(&part, model, bit + bits, found)
        }
        Type::Array(array) => {
            let bits = array.element.layout(model)?.size * 8;
            let length = if bits == 0 { 0 } else { array.length };
            (0..length).try_for_each(|index| flatten(&array.element, model, bit + index * bits, found))
        }
        Type::Aggregate(aggregate) => {
            let offsets = aggregate.layout(model)?.bit_offsets;
            for (field, offset) in aggregate.fields.iter().zip(offsets) {
                let bit = bit + offset;
                match (field.bits, &field.name) {
                    (None, _) => flatten(&field.ty, model, bit, found)?,
                    (Some(0), _) => {}
                    (Some(bits), name) => {
                        let kind = if name.is_some() { Kind::Bits } else { Kind::Unnamed };
                        found.push(Leaf { bit, bits: bits.into(), kind });
                    }
                }
            }
            Ok(())
        }
        _ => Err(LayoutError::Incomplete),
    }
}
