//! From a value to a slot.

use std::fmt;

use springboard_abi::SlotForm;
use springboard_ir::{DataModel, FloatFormat, Layout, Scalar, Type};

use super::Value;
use crate::word::Word;

/// Why a value cannot be passed for a parameter.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The value is of another kind than the type: a number for a pointer, an integer for a `double`.
    Kind {
        /// The value.
        value: Value,
        /// The parameter's type.
        ty: Type,
    },
    /// The integer is beyond the type's range.
    Range {
        /// The value.
        value: Value,
        /// The parameter's type.
        ty: Type,
        /// The least value of the type.
        min: i128,
        /// The greatest value of the type.
        max: u128,
    },
    /// There are more or fewer bytes than the type has.
    Size {
        /// The number of bytes given.
        bytes: usize,
        /// The parameter's type.
        ty: Type,
        /// Its size, in bytes.
        size: u64,
    },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentError::Kind { value, ty } => write!(f, "{value} is no value of type {ty}"),
            ArgumentError::Range { value, ty, min, max } => {
                write!(f, "{value} is out of range for {ty}, which holds {min} to {max}")
            }
            ArgumentError::Size { bytes, ty, size } => {
                write!(f, "{bytes} bytes are given for {ty}, which has {size}")
            }
        }
    }
}

impl std::error::Error for ArgumentError {}

impl Value {
    /// The slot of the value as a parameter of type `ty`, whose slots have this form under `model`. Where a slot holds
    /// an address, it is that of bytes in this value, which must stay where they are until the slot has been used.
    ///
    /// # Errors
    /// The value is of another kind than the type, out of its range, or of another size.
    pub fn slot(&self, form: SlotForm, ty: &Type, model: &DataModel) -> Result<u64, ArgumentError> {
        let other_kind = || Err(ArgumentError::Kind { value: self.clone(), ty: ty.clone() });
        let in_range = |bytes, signed| {
            let range = Range::of(bytes, signed);
            range.slot(self).ok_or_else(|| range.exceeded(self, ty))
        };
        match (form, self) {
            (SlotForm::Word(Scalar::Int { bytes, signed }), Value::Signed(_) | Value::Unsigned(_)) => {
                in_range(bytes, signed)
            }
            (SlotForm::Word(Scalar::Bool), Value::Bool(value)) => Ok(value.into_slot()),
            (SlotForm::Word(Scalar::Pointer), Value::Pointer(pointer)) => Ok(pointer.into_slot()),
            (SlotForm::Word(Scalar::Float(FloatFormat::F32)), Value::F32(value)) => Ok(value.into_slot()),
            (SlotForm::Word(Scalar::Float(FloatFormat::F64)), Value::F64(value)) => Ok(value.into_slot()),
            (SlotForm::Address(layout), value) => match (ty.scalar(model), value) {
                // In range, either form has the bits of the other.
                (Some(Scalar::Int { bytes, signed }), Value::Signed(number)) => {
                    in_range(bytes, signed).map(|_| address(number))
                }
                (Some(Scalar::Int { bytes, signed }), Value::Unsigned(number)) => {
                    in_range(bytes, signed).map(|_| address(number))
                }
                (Some(Scalar::Int { .. }), _) => other_kind(),
                (_, Value::Bytes(bytes)) => sized(bytes, layout, ty),
                _ => other_kind(),
            },
            _ => other_kind(),
        }
    }
}

fn sized(bytes: &[u8], layout: Layout, ty: &Type) -> Result<u64, ArgumentError> {
    if bytes.len() as u64 == layout.size {
        Ok(bytes.as_ptr().into_slot())
    } else {
        Err(ArgumentError::Size { bytes: bytes.len(), ty: ty.clone(), size: layout.size })
    }
}

fn address<T>(value: &T) -> u64 {
    (&raw const *value).into_slot()
}

/// What an integer type holds.
struct Range {
    min: i128,
    max: u128,
}

impl Range {
    fn of(bytes: u8, signed: bool) -> Range {
        let unused = 128 - u32::from(bytes) * 8;
        if signed {
            Range { min: i128::MIN >> unused, max: (i128::MAX >> unused) as u128 }
        } else {
            Range { min: 0, max: u128::MAX >> unused }
        }
    }

    /// The low 8 bytes of an integer in range, extended by its own sign.
    fn slot(&self, value: &Value) -> Option<u64> {
        match *value {
            Value::Signed(value) if value < 0 => (value >= self.min).then_some(value as u64),
            Value::Signed(value) => (value as u128 <= self.max).then_some(value as u64),
            Value::Unsigned(value) => (value <= self.max).then_some(value as u64),
            _ => None,
        }
    }

    fn exceeded(&self, value: &Value, ty: &Type) -> ArgumentError {
        ArgumentError::Range { value: value.clone(), ty: ty.clone(), min: self.min, max: self.max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_c() {
        let limits = |bytes, signed| (Range::of(bytes, signed).min, Range::of(bytes, signed).max);
        assert_eq!(limits(1, true), (-128, 127));
        assert_eq!(limits(1, false), (0, 255));
        assert_eq!(limits(4, true), (i32::MIN.into(), i32::MAX as u128));
        assert_eq!(limits(8, false), (0, u64::MAX.into()));
        assert_eq!(limits(16, true), (i128::MIN, i128::MAX as u128));
        assert_eq!(limits(16, false), (0, u128::MAX));
    }

    #[test]
    fn limits_are_in_range_and_the_next_are_not() {
        for bytes in [1, 2, 4, 8] {
            for signed in [false, true] {
                let range = Range::of(bytes, signed);
                assert_eq!(range.slot(&Value::Signed(range.min)), Some(range.min as u64));
                assert_eq!(range.slot(&Value::Unsigned(range.max)), Some(range.max as u64));
                assert_eq!(range.slot(&Value::Signed(range.max as i128)), Some(range.max as u64));
                assert_eq!(range.slot(&Value::Signed(range.min - 1)), None);
                assert_eq!(range.slot(&Value::Unsigned(range.max + 1)), None);
                assert_eq!(range.slot(&Value::Signed(range.max as i128 + 1)), None);
            }
        }
    }
}
