//! Values to text.

use std::{
    ffi::{CStr, c_char},
    fmt::{Display, LowerExp},
};

use crate::wide::narrowed;

use springboard::{
    Value,
    ir::{Aggregate, AggregateKind, DataModel, FloatFormat, Integer, Pointee, Scalar, Type},
};

/// A result as text. `None` for that of a function that returns none.
pub(crate) fn shown(value: &Value, ty: &Type, model: &DataModel) -> Option<String> {
    match value {
        Value::Void => None,
        Value::Bytes(bytes) => Some(memory(bytes, ty, model)),
        Value::Pointer(pointer) if is_string(ty) && !pointer.is_null() => {
            // SAFETY: a `char *` that a function returns is taken for a C string, as whoever calls it from a
            // command line does.
            let text = unsafe { CStr::from_ptr(pointer.cast::<c_char>()) };
            Some(text.to_string_lossy().into_owned())
        }
        Value::Pointer(pointer) if pointer.is_null() => Some("null".into()),
        Value::F32(number) => Some(float(number)),
        Value::F64(number) => Some(float(number)),
        other => Some(other.to_string()),
    }
}

fn is_string(ty: &Type) -> bool {
    matches!(ty, Type::Pointer(to) if matches!(&**to,
        Pointee::Object(Type::Int(Integer::Char)) | Pointee::Const(Type::Int(Integer::Char))))
}

/// A value as it lies in memory.
fn memory(bytes: &[u8], ty: &Type, model: &DataModel) -> String {
    match ty {
        Type::Aggregate(aggregate) => members(bytes, aggregate, model),
        Type::Array(array) if array.length > 0 => {
            elements(bytes, &array.element, bytes.len() / array.length as usize, model)
        }
        Type::Complex(complex) => elements(bytes, &complex.part(), bytes.len() / 2, model),
        _ => scalar(bytes, ty, model),
    }
}

fn elements(bytes: &[u8], element: &Type, size: usize, model: &DataModel) -> String {
    braces(bytes.chunks_exact(size.max(1)).map(|bytes| memory(bytes, element, model)))
}

fn members(bytes: &[u8], aggregate: &Aggregate, model: &DataModel) -> String {
    let offsets = aggregate.layout(model).expect("the function was bound with the type").bit_offsets;
    let fields = aggregate
        .fields
        .iter()
        .zip(offsets)
        .filter(|(field, _)| field.bits.is_none() || field.name.is_some());
    let shown = fields.map(|(field, offset)| match field.bits {
        Some(width) => bit_field(bytes, &field.ty, offset as usize, width, model),
        None => {
            let at = (offset / 8) as usize;
            let size = field.ty.layout(model).map_or(0, |layout| layout.size) as usize;
            memory(&bytes[at..at + size], &field.ty, model)
        }
    });
    match aggregate.kind {
        AggregateKind::Struct => braces(shown),
        AggregateKind::Union => braces(shown.take(1)),
    }
}

fn braces(parts: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
}

fn scalar(bytes: &[u8], ty: &Type, model: &DataModel) -> String {
    let mut whole = [0; 16];
    let bits = if bytes.len() > whole.len() {
        return Value::from(bytes).to_string();
    } else if model.big_endian {
        whole[16 - bytes.len()..].copy_from_slice(bytes);
        u128::from_be_bytes(whole)
    } else {
        whole[..bytes.len()].copy_from_slice(bytes);
        u128::from_le_bytes(whole)
    };
    match ty.scalar(model) {
        Some(Scalar::Bool) => (bits != 0).to_string(),
        Some(Scalar::Int { bytes, signed }) => integer(bits, u32::from(bytes) * 8, signed),
        Some(Scalar::Float(FloatFormat::F32)) => float(&f32::from_bits(bits as u32)),
        Some(Scalar::Float(FloatFormat::F64)) => float(&f64::from_bits(bits as u64)),
        Some(Scalar::Float(format)) => float(&narrowed(bits, format)),
        Some(Scalar::Pointer) => format!("{bits:#x}"),
        _ => Value::from(bytes).to_string(),
    }
}

/// As short as it can be said: with an exponent where there would be many zeros.
fn float<T: Copy + Into<f64> + Display + LowerExp>(number: &T) -> String {
    let size = (*number).into().abs();
    if size.is_finite() && size != 0.0 && !(1e-5..1e16).contains(&size) {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

fn integer(bits: u128, width: u32, signed: bool) -> String {
    let unused = 128 - width;
    if signed {
        ((bits << unused) as i128 >> unused).to_string()
    } else {
        (bits << unused >> unused).to_string()
    }
}

fn bit_field(bytes: &[u8], ty: &Type, offset: usize, width: u8, model: &DataModel) -> String {
    let width = usize::from(width);
    let mut bits = 0u128;
    for bit in 0..width {
        let position = offset + if model.big_endian { width - 1 - bit } else { bit };
        let shift = if model.big_endian { 7 - position % 8 } else { position % 8 };
        bits |= u128::from(bytes[position / 8] >> shift & 1) << bit;
    }
    match ty.scalar(model) {
        Some(Scalar::Bool) => (bits != 0).to_string(),
        Some(Scalar::Int { signed, .. }) => integer(bits, width as u32, signed),
        _ => bits.to_string(),
    }
}
