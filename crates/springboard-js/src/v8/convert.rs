//! Between values of JavaScript and of C, as V8 converts them for fast calls.

use std::{ffi::c_void, iter, ptr, slice};

use springboard::{
    CallError, Value,
    abi::{Narrow, Passed},
    ir::{FloatFormat, Scalar},
};

use super::{
    any::{Any, ErrorKind, Thrown},
    called::Called,
    description::{Int64, Kind},
};

pub(super) fn call_error(error: CallError) -> Thrown {
    Thrown::new(ErrorKind::Error, error.to_string()).code("ERR_FFI_CALL_FAILED")
}

fn type_error(index: usize, expected: &str, given: &Any<'_>) -> Thrown {
    Thrown::refused(format_args!("argument {} must be {expected}", index + 1), given)
}

/// The values that a C function is called with. As in JavaScript, missing arguments are `undefined`, and those beyond the
/// parameters are ignored.
///
/// # Safety
/// An argument that stands for an aggregate is the address of its bytes.
pub(super) unsafe fn arguments(arguments: &[Any<'_>], called: &Called) -> Result<Vec<Value>, Thrown> {
    let (narrow, int64) = (called.call.narrow, called.description.int64);
    let count = called.call.signature.params().len();
    let given = arguments.iter().chain(iter::repeat(&Any::Undefined));
    let value = |(index, (passed, any)): (usize, (&Passed, &Any<'_>))| match (passed, any) {
        (Passed::Scalar(scalar), any) => word(index, any, *scalar, narrow, int64),
        (Passed::Buffer, Any::Bytes(data, _) | Any::SharedBytes(data, _)) => Ok(Value::Pointer(data.cast())),
        (Passed::Buffer, any) => Err(Thrown::no_buffer(index, any)),
        (Passed::Address(layout), any) => {
            let address = pointer(index, any, int64)?;
            // SAFETY: the caller says that an aggregate's bytes are at this address, of which the layout says how many.
            let bytes = unsafe { slice::from_raw_parts(address.cast::<u8>(), layout.size as usize) };
            Ok(Value::from(bytes))
        }
    };
    called.passed[..count].iter().zip(given).enumerate().map(value).collect()
}

fn word(index: usize, any: &Any<'_>, scalar: Scalar, narrow: Narrow, int64: Int64) -> Result<Value, Thrown> {
    Ok(match scalar {
        Scalar::Bool => Value::Bool(truth(any)),
        Scalar::Float(FloatFormat::F32) => Value::F32(number(index, any)? as f32),
        Scalar::Float(_) => Value::F64(number(index, any)?),
        Scalar::Int { bytes: 8, signed: true } => Value::Signed((wide(index, any, int64)? as i64).into()),
        Scalar::Int { bytes: 8, signed: false } => Value::Unsigned(wide(index, any, int64)?.into()),
        Scalar::Int { bytes, signed } => {
            let value = number(index, any)?;
            if narrow == Narrow::Exact {
                let exact = narrowed(value as i128, bytes, signed);
                return if exact as f64 == value {
                    Ok(Value::Signed(exact))
                } else {
                    Err(Thrown::exact(index, value))
                };
            }
            let bits = to_uint32(value);
            let whole = if signed { i128::from(bits as i32) } else { i128::from(bits) };
            let narrowed = narrowed(whole, bytes, signed);
            if narrow == Narrow::Check && narrowed != whole {
                return Err(Thrown::range(index, whole as i64));
            }
            Value::Signed(narrowed)
        }
        Scalar::Pointer | Scalar::Vector { .. } => Value::Pointer(pointer(index, any, int64)?.cast()),
    })
}

/// ECMAScript's ToBoolean. V8 does the same for fast calls, and refuses no value.
fn truth(any: &Any<'_>) -> bool {
    match any {
        Any::Undefined | Any::Null => false,
        Any::Bool(value) => *value,
        Any::Number(value) => *value != 0.0 && !value.is_nan(),
        Any::BigInt(value) => *value != 0,
        Any::Text(text) => !text.is_empty(),
        Any::Bytes(..) | Any::SharedBytes(..) | Any::Other => true,
    }
}

fn number(index: usize, any: &Any<'_>) -> Result<f64, Thrown> {
    match any {
        Any::Number(value) => Ok(*value),
        _ => Err(type_error(index, "a number", any)),
    }
}

/// ECMAScript's ToUint32: modulo 2^32. V8 passes numbers to fast calls so.
fn to_uint32(value: f64) -> u32 {
    const MODULUS: f64 = 4_294_967_296.0;
    if !value.is_finite() {
        return 0;
    }
    value.trunc().rem_euclid(MODULUS) as u32
}

/// What an integer type of at most 32 bits keeps of a value.
fn narrowed(value: i128, bytes: u8, signed: bool) -> i128 {
    match (bytes, signed) {
        (1, true) => i128::from(value as i8),
        (1, false) => i128::from(value as u8),
        (2, true) => i128::from(value as i16),
        (2, false) => i128::from(value as u16),
        (_, true) => i128::from(value as i32),
        (_, false) => i128::from(value as u32),
    }
}

/// 64 bits of a bigint, modulo 2^64, or of a number that is whole and fits 64 bits with a sign: what V8 takes for fast
/// calls, for integers without a sign as well.
fn wide(index: usize, any: &Any<'_>, int64: Int64) -> Result<u64, Thrown> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    match (int64, any) {
        (Int64::BigInt, Any::BigInt(value)) => Ok(*value as u64),
        (Int64::BigInt, _) => Err(type_error(index, "a bigint", any)),
        (Int64::Number, Any::Number(value)) if value.trunc() == *value && (-END..END).contains(value) => {
            Ok(*value as i64 as u64)
        }
        (Int64::Number, Any::Number(_)) => Err(type_error(index, "a whole number of 64 bits", any)),
        (Int64::Number, _) => Err(type_error(index, "a number", any)),
    }
}

fn pointer(index: usize, any: &Any<'_>, int64: Int64) -> Result<*mut c_void, Thrown> {
    Ok(ptr::with_exposed_provenance_mut(wide(index, any, int64)? as usize))
}

/// What JavaScript gets for a result. An aggregate goes to the address in `memory`.
///
/// # Safety
/// For an aggregate, `memory` is the address of memory that it fits in.
pub(super) unsafe fn result(
    result: Value,
    memory: Option<&Any<'_>>,
    called: &Called,
) -> Result<Any<'static>, Thrown> {
    let description = &called.description;
    let wide = |value: i128| match description.int64 {
        Int64::BigInt => Any::BigInt(value),
        Int64::Number => Any::Number(value as f64),
    };
    Ok(match result {
        Value::Void => Any::Undefined,
        Value::Bool(value) => Any::Bool(value),
        Value::Signed(value) if description.result == Kind::I64 => wide(value),
        Value::Unsigned(value) if description.result == Kind::U64 => wide(value as i128),
        Value::Signed(value) => Any::Number(value as f64),
        Value::Unsigned(value) => Any::Number(value as f64),
        Value::F32(value) => Any::Number(value.into()),
        Value::F64(value) => Any::Number(value),
        Value::Pointer(value) => wide(value.expose_provenance() as i128),
        Value::Bytes(bytes) => {
            let index = description.arguments.len() - 1;
            let address = pointer(index, memory.unwrap_or(&Any::Undefined), description.int64)?;
            // SAFETY: the caller says that there is memory for the result at this address; the bytes are our own.
            unsafe { address.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            Any::Undefined
        }
        other => unreachable!("no C type returns {other:?}"),
    })
}
