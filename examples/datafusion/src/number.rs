//! C's numbers as Arrow has them.

use datafusion::arrow::datatypes::DataType;
use springboard::ir::{FloatFormat, Scalar};
use springboard_everyday::udf::Element;

/// The Arrow type whose arrays are arrays of the element. `None` where there is none: texts, which have a length there and a
/// NUL in C, and `_Bool`, which has a byte in C and a bit in Arrow.
pub(crate) fn data_type(element: Element) -> Option<DataType> {
    Some(match element {
        Element::Number(Scalar::Int { bytes: 1, signed: true }) => DataType::Int8,
        Element::Number(Scalar::Int { bytes: 2, signed: true }) => DataType::Int16,
        Element::Number(Scalar::Int { bytes: 4, signed: true }) => DataType::Int32,
        Element::Number(Scalar::Int { bytes: 8, signed: true }) => DataType::Int64,
        Element::Number(Scalar::Int { bytes: 1, signed: false }) => DataType::UInt8,
        Element::Number(Scalar::Int { bytes: 2, signed: false }) => DataType::UInt16,
        Element::Number(Scalar::Int { bytes: 4, signed: false }) => DataType::UInt32,
        Element::Number(Scalar::Int { bytes: 8, signed: false }) => DataType::UInt64,
        Element::Number(Scalar::Float(FloatFormat::F32)) => DataType::Float32,
        Element::Number(Scalar::Float(FloatFormat::F64)) => DataType::Float64,
        Element::Number(_) | Element::Text | Element::Sized { .. } => return None,
    })
}

/// The size of a number, in bytes.
pub(crate) fn bytes(number: Scalar) -> usize {
    match number {
        Scalar::Int { bytes, .. } => bytes.into(),
        Scalar::Float(FloatFormat::F32) => 4,
        _ => 8,
    }
}
