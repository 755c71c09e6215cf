//! Values of C types, checked when they are passed.

use std::{
    ffi::{CStr, c_void},
    fmt,
};

mod argument;
mod bytes;
mod check;

pub use argument::ArgumentError;
pub use bytes::Bytes;
pub(crate) use check::Check;

/// A value on its way into or out of a call.
///
/// Integers are as wide as C's widest. As an argument either form stands for any integer type whose range holds it;
/// as a result it is the form of the type's sign.
// What says which it is lies in a byte of its own, which a call compares as it is, and not among the bytes of one of them.
#[repr(u8)]
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Value {
    /// The result of a function that returns none.
    Void,
    /// A `_Bool`.
    Bool(bool),
    /// An integer or enumeration.
    Signed(i128),
    /// An integer or enumeration.
    Unsigned(u128),
    /// A `float`.
    F32(f32),
    /// A `double`.
    F64(f64),
    /// A pointer of any type. What it points to is borrowed only.
    Pointer(*mut c_void),
    /// The bytes of anything else, as they lie in memory, padding included: a structure or union, a complex
    /// number, a `long double`, a vector.
    Bytes(Bytes),
}

// SAFETY: a value has an address and never follows it: whoever calls with it, on whichever thread, answers for what is there.
unsafe impl Send for Value {}
// SAFETY: likewise.
unsafe impl Sync for Value {}

macro_rules! from {
    ($($rust:ty => $variant:ident $(as $wide:ty)?;)*) => {$(
        impl From<$rust> for Value {
            #[inline]
            fn from(value: $rust) -> Value {
                Value::$variant(value $(as $wide)?)
            }
        }
    )*};
}

from! {
    bool => Bool;
    i8 => Signed as i128;
    i16 => Signed as i128;
    i32 => Signed as i128;
    i64 => Signed as i128;
    isize => Signed as i128;
    i128 => Signed;
    u8 => Unsigned as u128;
    u16 => Unsigned as u128;
    u32 => Unsigned as u128;
    u64 => Unsigned as u128;
    usize => Unsigned as u128;
    u128 => Unsigned;
    f32 => F32;
    f64 => F64;
}

impl<T> From<*mut T> for Value {
    #[inline]
    fn from(pointer: *mut T) -> Value {
        Value::Pointer(pointer.cast())
    }
}

impl<T> From<*const T> for Value {
    #[inline]
    fn from(pointer: *const T) -> Value {
        Value::Pointer(pointer.cast_mut().cast())
    }
}

/// The address of a C string, which must outlive its use. Functions only read it, or the call is not sound.
impl From<&CStr> for Value {
    #[inline]
    fn from(text: &CStr) -> Value {
        text.as_ptr().into()
    }
}

impl From<&[u8]> for Value {
    #[inline]
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Void => f.write_str("void"),
            Value::Bool(value) => value.fmt(f),
            Value::Signed(value) => value.fmt(f),
            Value::Unsigned(value) => value.fmt(f),
            Value::F32(value) => value.fmt(f),
            Value::F64(value) => value.fmt(f),
            Value::Pointer(value) => write!(f, "{value:p}"),
            Value::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
