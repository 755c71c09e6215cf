//! Values of JavaScript, as C says them.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr,
};

use springboard_js::v8::{Any, ErrorKind, Thrown};

use crate::{
    array::Array,
    boundary::{Failure, Out, enter, no_constant, null},
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
pub(super) unsafe fn any<'a>(value: &V8Value) -> Result<Any<'a>, Failure> {
    Ok(match value.form.into() {
        SB_V8_UNDEFINED => Any::Undefined,
        SB_V8_NULL => Any::Null,
        SB_V8_BOOLEAN => Any::Bool(value.flag != 0),
        SB_V8_NUMBER => Any::Number(value.number),
        SB_V8_BIGINT => Any::BigInt(i128::from(value.high) << 64 | i128::from(value.low)),
        SB_V8_BYTES => Any::Bytes(value.bytes.cast(), value.length),
        SB_V8_SHARED => Any::SharedBytes(value.bytes.cast(), value.length),
        SB_V8_TEXT => {
            // SAFETY: the caller says that as many bytes are there for the time of the call.
            let bytes = unsafe { Array::at(value.bytes.cast::<u8>()) };
            Any::Text(String::from_utf8_lossy(bytes.get(value.length, "arguments[].bytes")?))
        }
        SB_V8_OTHER => Any::Other,
        other => return Err(no_constant("arguments[].form", other)),
    })
}

/// What C passes in an array.
///
/// # Safety
/// The bytes of texts are there for the time of the call.
pub(super) unsafe fn all<'a>(values: Array<'_, V8Value>, count: usize) -> Result<Vec<Any<'a>>, Failure> {
    let values = values.get(count, "arguments")?;
    // SAFETY: the caller says that texts are there for the time of the call.
    values.iter().map(|value| unsafe { any(value) }).collect()
}

/// A value as C reads it. Bytes and texts stay where they are.
pub(crate) fn returned(value: &Any<'_>) -> V8Value {
    let none = V8Value {
        form: SB_V8_UNDEFINED as c_int,
        flag: 0,
        number: 0.0,
        low: 0,
        high: 0,
        bytes: ptr::null_mut(),
        length: 0,
    };
    let memory = |form: i64, bytes: *mut u8, length| V8Value {
        form: form as c_int,
        bytes: bytes.cast(),
        length,
        ..none
    };
    match value {
        Any::Undefined => none,
        Any::Null => V8Value { form: SB_V8_NULL as c_int, ..none },
        Any::Bool(value) => V8Value { form: SB_V8_BOOLEAN as c_int, flag: (*value).into(), ..none },
        Any::Number(value) => V8Value { form: SB_V8_NUMBER as c_int, number: *value, ..none },
        Any::BigInt(value) => {
            V8Value { form: SB_V8_BIGINT as c_int, low: *value as u64, high: (*value >> 64) as i64, ..none }
        }
        Any::Bytes(bytes, length) => memory(SB_V8_BYTES, *bytes, *length),
        Any::SharedBytes(bytes, length) => memory(SB_V8_SHARED, *bytes, *length),
        Any::Text(text) => memory(SB_V8_TEXT, text.as_ptr().cast_mut(), text.len()),
        _ => V8Value { form: SB_V8_OTHER as c_int, ..none },
    }
}

/// What JavaScript is to throw, as the failure of a function of the interface. Its class goes to `thrown`.
pub(super) fn failed(error: Thrown, thrown: Out<'_, c_int>) -> Failure {
    let Thrown { kind, code, message } = error;
    let constant = match kind {
        ErrorKind::Error => SB_V8_ERROR,
        ErrorKind::TypeError => SB_V8_TYPE_ERROR,
        ErrorKind::RangeError => SB_V8_RANGE_ERROR,
    };
    thrown.map(|thrown| thrown.write(constant as c_int));
    let thrown = code.and_then(|code| CString::new(code.into_owned()).ok());
    Failure { thrown, ..Failure::new(SB_ERROR_THROWN, message) }
}

/// What a helper of the host's is to throw.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_helper_error(
    helper: c_int,
    parameter: u64,
    given: Option<&V8Value>,
    thrown: Out<'_, c_int>,
) -> c_int {
    enter(|| {
        let index = parameter as usize;
        // SAFETY: the header asks C for texts that are there during the call.
        let given = || -> Result<Any<'_>, Failure> { unsafe { any(given.ok_or_else(|| null("given"))?) } };
        let number = || match given()? {
            Any::Number(value) => Ok(value),
            _ => Err(no_constant("given->form", "no number")),
        };
        let error = match helper.into() {
            SB_V8_HELPER_CLOSED => Thrown::closed(),
            SB_V8_HELPER_RANGE => Thrown::range(index, number()? as i64),
            SB_V8_HELPER_EXACT => Thrown::exact(index, number()?),
            SB_V8_HELPER_BUFFER => Thrown::no_buffer(index, &given()?),
            other => return Err(no_constant("helper", other)),
        };
        Err(failed(error, thrown))
    })
}

/// `sb_v8_thrown`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Thrown {
    pub kind: c_int,
    pub reserved: c_int,
    pub code: *const c_char,
    pub message: *const c_char,
}

impl V8Thrown {
    /// What C throws.
    ///
    /// # Safety
    /// The texts are null, or end with a zero byte.
    pub(super) unsafe fn get(&self) -> Thrown {
        let text = |text: *const c_char| {
            // SAFETY: the text is not null, so the caller says that it ends with a zero byte.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        };
        let kind = match self.kind.into() {
            SB_V8_TYPE_ERROR => ErrorKind::TypeError,
            SB_V8_RANGE_ERROR => ErrorKind::RangeError,
            _ => ErrorKind::Error,
        };
        let thrown = Thrown::new(kind, text(self.message).unwrap_or_default());
        match text(self.code) {
            Some(code) => thrown.code(code),
            None => thrown,
        }
    }
}
