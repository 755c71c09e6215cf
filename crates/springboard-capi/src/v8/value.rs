//! Values of JavaScript, as C says them.

use std::{
    ffi::{c_int, c_void},
    ptr, slice,
};

use springboard_js::v8::Any;

use crate::{
    boundary::{Failure, no_constant, null},
    constants::*,
};

/// `sb_v8_value`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Value {
    pub form: c_int,
    pub flag: c_int,
    pub number: f64,
    pub low: u64,
    pub high: i64,
    pub bytes: *mut c_void,
    pub length: usize,
}

/// What C passes.
///
/// # Safety
/// The bytes of texts are there for the time of the call.
pub(super) unsafe fn any(value: &V8Value) -> Result<Any<'_>, Failure> {
    Ok(match value.form.into() {
        SB_V8_UNDEFINED => Any::Undefined,
        SB_V8_NULL => Any::Null,
        SB_V8_BOOLEAN => Any::Bool(value.flag != 0),
        SB_V8_NUMBER => Any::Number(value.number),
        SB_V8_BIGINT => Any::BigInt(i128::from(value.high) << 64 | i128::from(value.low)),
        SB_V8_BYTES => Any::Bytes(value.bytes.cast(), value.length),
        SB_V8_TEXT if value.length == 0 => Any::Text("".into()),
        SB_V8_TEXT if value.bytes.is_null() => return Err(null("arguments[].bytes")),
        SB_V8_TEXT => {
            // SAFETY: the address is not null; the caller says that as many bytes are there for the time of the call.
            let bytes = unsafe { slice::from_raw_parts(value.bytes.cast::<u8>(), value.length) };
            Any::Text(String::from_utf8_lossy(bytes))
        }
        SB_V8_OTHER => Any::Other,
        other => return Err(no_constant("arguments[].form", other)),
    })
}

/// What a call returns: never anything that somebody owns.
pub(super) fn returned(value: &Any<'static>) -> V8Value {
    let none = V8Value {
        form: SB_V8_UNDEFINED as c_int,
        flag: 0,
        number: 0.0,
        low: 0,
        high: 0,
        bytes: ptr::null_mut(),
        length: 0,
    };
    match value {
        Any::Bool(value) => V8Value { form: SB_V8_BOOLEAN as c_int, flag: (*value).into(), ..none },
        Any::Number(value) => V8Value { form: SB_V8_NUMBER as c_int, number: *value, ..none },
        Any::BigInt(value) => {
            V8Value { form: SB_V8_BIGINT as c_int, low: *value as u64, high: (*value >> 64) as i64, ..none }
        }
        _ => none,
    }
}
