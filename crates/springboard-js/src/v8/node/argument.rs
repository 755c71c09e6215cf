//! What `node:ffi` takes for an argument, and the word that becomes of it.

use std::{borrow::Cow, ffi::CString, fmt};

use springboard::ir::{DataModel, FloatFormat, Scalar, Type};

use super::super::any::{Any, ErrorKind, Thrown};

/// What `int64` and `uint64` arguments are given as. Results are bigints in any case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Wide {
    /// Bigints that fit the type.
    BigInt,
    /// Those, and numbers that are safe integers and fit the type.
    #[default]
    BigIntOrNumber,
}

/// The type of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Argument {
    /// An integer of at most 32 bits.
    Int {
        bytes: u8,
        signed: bool,
    },
    /// An integer of 64 bits.
    Wide {
        signed: bool,
        given: Wide,
    },
    Float,
    Double,
    /// `pointer`, `string`, `buffer`, `arraybuffer` or `function`: all take the same.
    Pointer,
}

/// The copies of strings that a call passes: one for each, until the call has returned.
pub(super) type Texts = Vec<CString>;

/// `Number.MAX_SAFE_INTEGER`.
const SAFE: f64 = 9_007_199_254_740_991.0;

impl Argument {
    /// The type of a parameter that a name of `node:ffi` stands for.
    pub(super) fn of(ty: &Type, model: &DataModel, given: Wide) -> Argument {
        match ty.scalar(model) {
            Some(Scalar::Int { bytes: 8, signed }) => Argument::Wide { signed, given },
            Some(Scalar::Int { bytes, signed }) => Argument::Int { bytes, signed },
            Some(Scalar::Float(FloatFormat::F32)) => Argument::Float,
            Some(Scalar::Float(_)) => Argument::Double,
            Some(Scalar::Pointer) => Argument::Pointer,
            other => unreachable!("no name of node:ffi stands for {other:?}"),
        }
    }

    /// The canonical slot of an argument, counted from 0.
    ///
    /// # Errors
    /// What JavaScript is to throw, with the class, the code and the beginning of the message that `node:ffi` has.
    #[inline]
    pub(super) fn word(self, index: usize, any: Any<'_>, texts: &mut Texts) -> Result<u64, Thrown> {
        let word = match (self, &any) {
            (Argument::Int { bytes, signed }, Any::Number(value)) => whole(*value, range(bytes, signed)),
            (Argument::Wide { signed, .. }, Any::BigInt(value)) => {
                let fits = if signed { i64::try_from(*value).is_ok() } else { u64::try_from(*value).is_ok() };
                fits.then_some(*value as u64)
            }
            (Argument::Wide { signed, given: Wide::BigIntOrNumber }, Any::Number(value)) => {
                whole(*value, if signed { (-SAFE, SAFE) } else { (0.0, SAFE) })
            }
            (Argument::Float, Any::Number(value)) => Some((*value as f32).to_bits().into()),
            (Argument::Double, Any::Number(value)) => Some(value.to_bits()),
            (Argument::Pointer, _) => return pointer(index, any, texts),
            _ => None,
        };
        word.ok_or_else(|| self.refuses(index, &any))
    }

    /// What is wrong with a value that is not of this type. The message begins as Node's.
    #[cold]
    pub(super) fn refuses(self, index: usize, given: &Any<'_>) -> Thrown {
        Thrown::refused(format_args!("Argument {index} must be {self}"), given)
    }
}

/// An integer from a number that is one, in a range.
#[inline]
fn whole(value: f64, (low, high): (f64, f64)) -> Option<u64> {
    (value.trunc() == value && low <= value && value <= high).then_some(value as i64 as u64)
}

#[inline]
fn range(bytes: u8, signed: bool) -> (f64, f64) {
    match (bytes, signed) {
        (1, true) => (i8::MIN.into(), i8::MAX.into()),
        (1, false) => (0.0, u8::MAX.into()),
        (2, true) => (i16::MIN.into(), i16::MAX.into()),
        (2, false) => (0.0, u16::MAX.into()),
        (_, true) => (i32::MIN.into(), i32::MAX.into()),
        (_, false) => (0.0, u32::MAX.into()),
    }
}

#[inline]
fn pointer(index: usize, any: Any<'_>, texts: &mut Texts) -> Result<u64, Thrown> {
    match any {
        Any::Undefined | Any::Null => Ok(0),
        Any::Bytes(data, _) => Ok(data.expose_provenance() as u64),
        Any::BigInt(value) => usize::try_from(value).map(|address| address as u64).map_err(|_| {
            Thrown::refused(format_args!("Argument {index} must be a non-negative pointer bigint"), &any)
        }),
        Any::Text(text) => {
            let copy = CString::new(Cow::into_owned(text));
            let copy =
                copy.map_err(|_| Thrown::node(format!("Argument {index} must not contain null bytes")))?;
            let address = copy.as_ptr().expose_provenance() as u64;
            texts.push(copy);
            Ok(address)
        }
        _ => Err(Thrown::refused(
            format_args!("Argument {index} must be a buffer, an ArrayBuffer, a string, or a bigint"),
            &any,
        )),
    }
}

impl Thrown {
    /// What `node:ffi` throws for arguments: a `TypeError`.
    pub(super) fn node(message: String) -> Thrown {
        Thrown::argument(ErrorKind::TypeError, message)
    }

    /// What it throws for more or fewer arguments than parameters.
    pub(super) fn count(expected: usize, given: usize) -> Thrown {
        Thrown::node(format!("Invalid argument count: expected {expected}, got {given}"))
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Argument::Int { bytes, signed: true } => write!(f, "an int{}", bytes * 8),
            Argument::Int { bytes, signed: false } => write!(f, "a uint{}", bytes * 8),
            Argument::Wide { signed: true, .. } => f.write_str("an int64"),
            Argument::Wide { signed: false, .. } => f.write_str("a uint64"),
            Argument::Float => f.write_str("a float"),
            Argument::Double => f.write_str("a double"),
            Argument::Pointer => f.write_str("a pointer"),
        }
    }
}
