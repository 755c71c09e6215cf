//! C's numbers as Arrow has them.

use datafusion::arrow::datatypes::DataType;
use springboard::ir::{DataModel, FloatFormat, Scalar, Type};

/// The Arrow type whose arrays are arrays of `ty`. `None` where there is none: pointers and structures; and `_Bool`, which
/// has a byte in C and a bit in Arrow.
pub(crate) fn arrow_type(ty: &Type, model: &DataModel) -> Option<DataType> {
    Some(match ty.scalar(model)? {
        Scalar::Int { bytes: 1, signed: true } => DataType::Int8,
        Scalar::Int { bytes: 2, signed: true } => DataType::Int16,
        Scalar::Int { bytes: 4, signed: true } => DataType::Int32,
        Scalar::Int { bytes: 8, signed: true } => DataType::Int64,
        Scalar::Int { bytes: 1, signed: false } => DataType::UInt8,
        Scalar::Int { bytes: 2, signed: false } => DataType::UInt16,
        Scalar::Int { bytes: 4, signed: false } => DataType::UInt32,
        Scalar::Int { bytes: 8, signed: false } => DataType::UInt64,
        Scalar::Float(FloatFormat::F32) => DataType::Float32,
        Scalar::Float(FloatFormat::F64) => DataType::Float64,
        _ => return None,
    })
}

/// Evaluates an expression in which a name stands for the Arrow type that a [`DataType`] names: one that [`arrow_type`] gives.
macro_rules! with_number {
    ($data_type:expr, $name:ident => $value:expr) => {
        with_number! { $data_type, $name => $value;
            Int8 Int8Type, Int16 Int16Type, Int32 Int32Type, Int64 Int64Type,
            UInt8 UInt8Type, UInt16 UInt16Type, UInt32 UInt32Type, UInt64 UInt64Type,
            Float32 Float32Type, Float64 Float64Type
        }
    };
    ($data_type:expr, $name:ident => $value:expr; $($variant:ident $arrow:ident),*) => {
        match $data_type {
            $(datafusion::arrow::datatypes::DataType::$variant => {
                type $name = datafusion::arrow::datatypes::$arrow;
                $value
            })*
            other => unreachable!("{other} is no C number"),
        }
    };
}
pub(crate) use with_number;
