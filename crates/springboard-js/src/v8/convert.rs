//! Between values of JavaScript and of C, as V8 converts them for fast calls.

use std::{ffi::c_void, iter};

use springboard::abi::{FastCall, Narrow, SlotForm};
use springboard::ir::{DataModel, Scalar};

use super::{
    any::{Any, ErrorKind, Thrown},
    description::{Description, Int64, Kind},
};
use springboard::{CallError, Value};

pub(super) fn call_error(error: CallError) -> Thrown {
    Thrown::new(ErrorKind::Error, error.to_string())
}

fn type_error(index: usize, expected: &str) -> Thrown {
    Thrown::new(ErrorKind::TypeError, format!("argument {} must be {expected}", index + 1))
}

/// The values that a function of C is called with. As JavaScript has it, missing arguments are `undefined`, and those
/// beyond the parameters are ignored.
///
/// # Safety
/// An aggregate's argument is the address of its bytes.
pub(super) unsafe fn arguments(
    arguments: &[Any<'_>],
    call: &FastCall,
    description: &Description,
    model: &DataModel,
) -> Result<Vec<Value>, Thrown> {
    let params = call.signature.params();
    let mut values = Vec::with_capacity(params.len());
    for (index, (param, any)) in
        params.iter().zip(arguments.iter().chain(iter::repeat(&Any::Undefined))).enumerate()
    {
        let form = SlotForm::of(&param.ty, model)
            .map_err(|error| Thrown::new(ErrorKind::TypeError, error.to_string()))?;
        values.push(match (description.arguments[index], form) {
            (Kind::Pointer, SlotForm::Address(layout)) => {
                let address = pointer(index, any, description.int64)?;
                // SAFETY: the caller's promise.
                let bytes = unsafe { std::slice::from_raw_parts(address.cast::<u8>(), layout.size as usize) };
                Value::from(bytes)
            }
            (kind, SlotForm::Word(scalar)) => word(index, any, kind, scalar, call.narrow, description.int64)?,
            (kind, form) => unreachable!("an argument of kind {kind:?} in a slot of form {form:?}"),
        });
    }
    Ok(values)
}

fn word(
    index: usize,
    any: &Any<'_>,
    kind: Kind,
    scalar: Scalar,
    narrow: Narrow,
    int64: Int64,
) -> Result<Value, Thrown> {
    Ok(match kind {
        Kind::Bool => Value::Bool(truth(any)),
        Kind::F32 => Value::F32(number(index, any)? as f32),
        Kind::F64 => Value::F64(number(index, any)?),
        Kind::I32 | Kind::U32 => {
            let bits = to_uint32(number(index, any)?);
            let whole = if kind == Kind::I32 { i128::from(bits as i32) } else { i128::from(bits) };
            let narrowed = narrowed(whole, scalar);
            if narrow == Narrow::Check && narrowed != whole {
                return Err(Thrown::range(index, whole));
            }
            Value::Signed(narrowed)
        }
        Kind::I64 | Kind::U64 => {
            let bits = wide(index, any, int64)?;
            Value::Signed(if kind == Kind::I64 { i128::from(bits as i64) } else { i128::from(bits) })
        }
        Kind::Pointer => Value::Pointer(pointer(index, any, int64)?.cast()),
        Kind::Value => match any {
            Any::Bytes(data, _) => Value::Pointer(data.cast()),
            _ => return Err(Thrown::no_buffer(index)),
        },
        Kind::Void | Kind::OneByteString => unreachable!("no C type is passed as {kind:?}"),
    })
}

/// ECMAScript's ToBoolean. V8 does the same for fast calls, and never takes another way.
fn truth(any: &Any<'_>) -> bool {
    match any {
        Any::Undefined | Any::Null => false,
        Any::Bool(value) => *value,
        Any::Number(value) => *value != 0.0 && !value.is_nan(),
        Any::BigInt(value) => *value != 0,
        Any::Text(text) => !text.is_empty(),
        Any::Bytes(..) | Any::Other => true,
    }
}

fn number(index: usize, any: &Any<'_>) -> Result<f64, Thrown> {
    match any {
        Any::Number(value) => Ok(*value),
        _ => Err(type_error(index, "a number")),
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

/// What an integer type keeps of a value of 32 bits.
fn narrowed(value: i128, scalar: Scalar) -> i128 {
    match scalar {
        Scalar::Int { bytes: 1, signed: true } => i128::from(value as i8),
        Scalar::Int { bytes: 1, signed: false } => i128::from(value as u8),
        Scalar::Int { bytes: 2, signed: true } => i128::from(value as i16),
        Scalar::Int { bytes: 2, signed: false } => i128::from(value as u16),
        _ => value,
    }
}

/// 64 bits of a bigint, modulo 2^64, or of a number that is whole and fits 64 bits with a sign: what V8 takes for fast
/// calls, for integers without a sign as well.
fn wide(index: usize, any: &Any<'_>, int64: Int64) -> Result<u64, Thrown> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    match (int64, any) {
        (Int64::BigInt, Any::BigInt(value)) => Ok(*value as u64),
        (Int64::BigInt, _) => Err(type_error(index, "a bigint")),
        (Int64::Number, Any::Number(value)) if value.trunc() == *value && (-END..END).contains(value) => {
            Ok(*value as i64 as u64)
        }
        (Int64::Number, Any::Number(_)) => Err(type_error(index, "a whole number of 64 bits")),
        (Int64::Number, _) => Err(type_error(index, "a number")),
    }
}

fn pointer(index: usize, any: &Any<'_>, int64: Int64) -> Result<*mut c_void, Thrown> {
    Ok(std::ptr::with_exposed_provenance_mut(wide(index, any, int64)? as usize))
}

/// What JavaScript gets of a result; that of a function which returns an aggregate goes to the address in `memory`.
///
/// # Safety
/// `memory` is the address of memory for the result, where that goes there.
pub(super) unsafe fn result(
    result: Value,
    memory: Option<&Any<'_>>,
    description: &Description,
) -> Result<Any<'static>, Thrown> {
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
            // SAFETY: the caller's promise.
            unsafe { address.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            Any::Undefined
        }
        other => unreachable!("no C type returns {other:?}"),
    })
}
