//! Values from the bytes of a C object, and back.

use springboard::{ArgumentError, Value, Word};
use springboard_abi::SlotForm;
use springboard_ir::{DataModel, FloatFormat, Scalar, Type};

use super::{error::MemoryError, view::ByteOrder};

/// The value of an object of type `ty`, from all of its bytes.
pub(super) fn from_bytes(bytes: &[u8], ty: &Type, model: &DataModel, order: ByteOrder) -> Value {
    match ty.scalar(model) {
        Some(Scalar::Bool) => Value::Bool(bytes.iter().any(|byte| *byte != 0)),
        Some(Scalar::Int { bytes: size, signed }) => integer(bits(bytes, order), u32::from(size) * 8, signed),
        Some(Scalar::Pointer) => Value::Pointer(Word::from_slot(bits(bytes, order) as u64)),
        Some(Scalar::Float(FloatFormat::F32)) => Value::F32(f32::from_bits(bits(bytes, order) as u32)),
        Some(Scalar::Float(FloatFormat::F64)) if *ty != Type::LongDouble => {
            Value::F64(f64::from_bits(bits(bytes, order) as u64))
        }
        _ => Value::Bytes(bytes.into()),
    }
}

/// The bytes of an object of type `ty` with this value.
///
/// # Errors
/// A value of another kind, out of the type's range, or of another size.
pub(super) fn to_bytes(
    value: &Value,
    ty: &Type,
    model: &DataModel,
    order: ByteOrder,
) -> Result<Vec<u8>, MemoryError> {
    let form = SlotForm::of(ty, model).map_err(|error| MemoryError::Layout { ty: ty.clone(), error })?;
    // It is asked for the checks alone where it is an address.
    let word = value.slot(form, ty, model)?;
    let bits = match (form, value) {
        (SlotForm::Word(_), _) => u128::from(word),
        (_, Value::Signed(value)) => *value as u128,
        (_, Value::Unsigned(value)) => *value,
        (_, Value::Bytes(bytes)) => return Ok(bytes.to_vec()),
        _ => unreachable!("it was found to fit"),
    };
    let size = ty.layout(model).expect("it has a slot").size as usize;
    let mut bytes = bits.to_le_bytes()[..size].to_vec();
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    Ok(bytes)
}

/// The value of a bit-field of `width` bits, `skipped` bits behind the beginning of `bytes`.
pub(super) fn from_bit_field(
    bytes: &[u8],
    (skipped, width): (u32, u8),
    ty: &Type,
    model: &DataModel,
    order: ByteOrder,
) -> Value {
    let below = below(bytes.len(), skipped, width, order);
    let value = bits(bytes, order) >> below & mask(width);
    match ty.scalar(model) {
        Some(Scalar::Bool) => Value::Bool(value != 0),
        scalar => {
            let signed = matches!(scalar, Some(Scalar::Int { signed: true, .. }));
            integer(value, width.into(), signed)
        }
    }
}

/// Puts the value of a bit-field among the bits that are there.
///
/// # Errors
/// As [`to_bytes`]; a value that needs more bits counts as one out of range.
pub(super) fn into_bit_field(
    bytes: &mut [u8],
    (skipped, width): (u32, u8),
    value: &Value,
    ty: &Type,
    model: &DataModel,
    order: ByteOrder,
) -> Result<(), MemoryError> {
    let new = match value {
        Value::Bool(value) => u128::from(*value),
        Value::Signed(value) => *value as u128,
        Value::Unsigned(value) => *value,
        _ => 0,
    };
    to_bytes(value, ty, model, order)?;
    let is_signed = matches!(ty.scalar(model), Some(Scalar::Int { signed: true, .. }));
    let (min, max) = match is_signed {
        true => (-(1i128 << (width - 1)), mask(width - 1)),
        false => (0, mask(width)),
    };
    let in_range = match value {
        Value::Signed(value) => *value >= min && (*value < 0 || *value as u128 <= max),
        _ => new <= max,
    };
    if !in_range {
        let (value, ty) = (value.clone(), ty.clone());
        return Err(MemoryError::Value(ArgumentError::Range { value, ty, min, max }));
    }
    let below = below(bytes.len(), skipped, width, order);
    let rest = bits(bytes, order) & !(mask(width) << below);
    let all = rest | (new & mask(width)) << below;
    let count = bytes.len();
    bytes.copy_from_slice(&all.to_le_bytes()[..count]);
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    Ok(())
}

/// How many bits are less significant than a bit-field that begins `skipped` bits into so many bytes: bits are
/// counted from the least significant one, and from the most significant one where that comes first.
fn below(bytes: usize, skipped: u32, width: u8, order: ByteOrder) -> u32 {
    match order {
        ByteOrder::Little => skipped,
        ByteOrder::Big => bytes as u32 * 8 - skipped - u32::from(width),
    }
}

fn mask(width: u8) -> u128 {
    (1 << width) - 1
}

/// At most 16 bytes as one number.
fn bits(bytes: &[u8], order: ByteOrder) -> u128 {
    let join = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    match order {
        ByteOrder::Little => bytes.iter().rev().fold(0, join),
        ByteOrder::Big => bytes.iter().fold(0, join),
    }
}

/// The low bits of a number as an integer.
fn integer(bits: u128, width: u32, signed: bool) -> Value {
    let unused = 128 - width;
    match signed {
        true => Value::Signed((bits << unused) as i128 >> unused),
        false => Value::Unsigned(bits << unused >> unused),
    }
}
