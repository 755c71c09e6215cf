//! From slots to values of JavaScript.

use std::{
    borrow::Cow,
    ffi::{CStr, c_char},
    ptr,
};

use springboard::Word;

use super::BunType;
use crate::v8::Any;

/// `Number.MAX_SAFE_INTEGER`, 2^53 - 1: up to it a number differs from every other integer's.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// What an `i64_fast` becomes: a number from -(2^53 - 1) to 2^53 - 1, a bigint beyond.
pub fn i64_fast(value: i64) -> Any<'static> {
    if value.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs() {
        Any::Number(value as f64)
    } else {
        Any::BigInt(value.into())
    }
}

/// What a `u64_fast` becomes: a number up to 2^53 - 1, a bigint beyond.
pub fn u64_fast(value: u64) -> Any<'static> {
    match i64::try_from(value) {
        Ok(value) => i64_fast(value),
        Err(_) => Any::BigInt(value.into()),
    }
}

/// What an address becomes: null for 0, else as a `u64_fast`.
fn pointer(slot: u64) -> Any<'static> {
    if slot == 0 { Any::Null } else { u64_fast(slot) }
}

/// A number that forges no boxed value: every NaN is the one that JavaScript knows.
fn number(value: f64) -> Any<'static> {
    Any::Number(if value.is_nan() { f64::NAN } else { value })
}

impl BunType {
    /// What JavaScript gets for a slot of this type:
    ///
    /// | type | value |
    /// | --- | --- |
    /// | integers of at most 32 bits | a number |
    /// | `f32`, `f64` | a number, with one NaN |
    /// | `bool` | a boolean, of the lowest byte |
    /// | `i64`, `u64` | a bigint, always |
    /// | `i64_fast`, `u64_fast`, `buffer_length` | a number up to 2^53 - 1, on both sides of zero, a bigint beyond |
    /// | `ptr`, `function`, `buffer` | null for 0, else as `u64_fast` |
    /// | `cstring` | null for 0, else a string: UTF-8, or Latin-1 if the bytes are not UTF-8 |
    /// | `void`, and what only the engine knows | undefined |
    ///
    /// Bits of the slot above the type's width are not looked at.
    ///
    /// # Safety
    /// A `cstring` is 0 or the address of bytes that end with a zero byte.
    pub unsafe fn decode(&self, slot: u64) -> Any<'static> {
        match self.name {
            "char" | "i8" => Any::Number(i8::from_slot(slot).into()),
            "u8" => Any::Number(u8::from_slot(slot).into()),
            "i16" => Any::Number(i16::from_slot(slot).into()),
            "u16" => Any::Number(u16::from_slot(slot).into()),
            "i32" => Any::Number(i32::from_slot(slot).into()),
            "u32" => Any::Number(u32::from_slot(slot).into()),
            "i64" => Any::BigInt((slot as i64).into()),
            "u64" => Any::BigInt(slot.into()),
            "f64" => number(f64::from_slot(slot)),
            "f32" => number(f32::from_slot(slot).into()),
            "bool" => Any::Bool(slot as u8 != 0),
            "i64_fast" => i64_fast(slot as i64),
            "u64_fast" | "buffer_length" => u64_fast(slot),
            "ptr" | "function" | "buffer" => pointer(slot),
            "cstring" if slot == 0 => Any::Null,
            "cstring" => {
                // SAFETY: it is not 0, so the caller says that bytes are there which end with a zero byte.
                let bytes = unsafe { CStr::from_ptr(ptr::with_exposed_provenance::<c_char>(slot as usize)) };
                Any::Text(text(bytes.to_bytes()).into_owned().into())
            }
            _ => Any::Undefined,
        }
    }
}

/// UTF-8, or Latin-1 if the bytes are not UTF-8.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}
