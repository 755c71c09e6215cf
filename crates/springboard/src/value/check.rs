//! From a value to a slot: what is checked of an argument, found out once per parameter.

use springboard_abi::SlotForm;
use springboard_ir::{DataModel, FloatFormat, LayoutError, Scalar, Type};

use super::{ArgumentError, Value};
use crate::word::Word;

/// What is checked of values for a parameter.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    kind: ArgumentKind,
    /// The least value of an integer type of up to 8 bytes.
    least: i64,
    /// The greatest value of an integer type beyond the least; the size of anything whose slot holds an address.
    span: u64,
}

/// What values a parameter takes, and what its slot holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ArgumentKind {
    Integer,
    /// An integer of 16 bytes, by its address.
    Signed128,
    Unsigned128,
    Bool,
    Pointer,
    F32,
    F64,
    /// Bytes, by their address.
    Bytes,
    /// `void`, of which there are no values.
    None,
}

impl Check {
    /// What is checked for parameters of type `ty`.
    ///
    /// # Errors
    /// The type has no layout.
    pub(crate) fn of(ty: &Type, model: &DataModel) -> Result<Check, LayoutError> {
        let of = |kind| Check { kind, least: 0, span: 0 };
        Ok(match SlotForm::of(ty, model)? {
            SlotForm::None => of(ArgumentKind::None),
            SlotForm::Word(Scalar::Int { bytes, signed }) => {
                let span = u64::MAX >> (64 - u32::from(bytes) * 8);
                let least = if signed { i64::MIN >> (64 - u32::from(bytes) * 8) } else { 0 };
                Check { kind: ArgumentKind::Integer, least, span }
            }
            SlotForm::Word(Scalar::Bool) => of(ArgumentKind::Bool),
            SlotForm::Word(Scalar::Float(FloatFormat::F32)) => of(ArgumentKind::F32),
            SlotForm::Word(Scalar::Float(_)) => of(ArgumentKind::F64),
            SlotForm::Word(Scalar::Pointer | Scalar::Vector { .. }) => of(ArgumentKind::Pointer),
            SlotForm::Address(layout) => match ty.scalar(model) {
                Some(Scalar::Int { signed: true, .. }) => of(ArgumentKind::Signed128),
                Some(Scalar::Int { signed: false, .. }) => of(ArgumentKind::Unsigned128),
                _ => Check { kind: ArgumentKind::Bytes, least: 0, span: layout.size },
            },
        })
    }

    /// The slot of `value`, if it fits and is not of a type that is seldom passed. Where that is an address, it is the
    /// address of bytes in the value.
    #[inline(always)]
    pub(crate) fn slot(&self, value: &Value) -> Option<u64> {
        // By comparisons, which cost less than jumps by tables; what is passed most comes first.
        let of = |kind, given| (self.kind == kind) & given;
        if of(ArgumentKind::Integer, matches!(value, Value::Signed(_)))
            && let Value::Signed(value) = value
        {
            let low = *value as i64;
            let fits = i128::from(low) == *value
                && low >= self.least
                && low.wrapping_sub(self.least) as u64 <= self.span;
            return fits.then_some(low as u64);
        }
        if of(ArgumentKind::F64, matches!(value, Value::F64(_)))
            && let Value::F64(value) = value
        {
            return Some(value.into_slot());
        }
        if of(ArgumentKind::Pointer, matches!(value, Value::Pointer(_)))
            && let Value::Pointer(value) = value
        {
            return Some(value.into_slot());
        }
        if of(ArgumentKind::Integer, matches!(value, Value::Unsigned(_)))
            && let Value::Unsigned(value) = value
        {
            return (*value <= u128::from(self.greatest())).then_some(*value as u64);
        }
        if of(ArgumentKind::Bytes, matches!(value, Value::Bytes(_)))
            && let Value::Bytes(bytes) = value
        {
            return (bytes.len() as u64 == self.span).then(|| bytes.as_ptr().into_slot());
        }
        if of(ArgumentKind::F32, matches!(value, Value::F32(_)))
            && let Value::F32(value) = value
        {
            return Some(value.into_slot());
        }
        if of(ArgumentKind::Bool, matches!(value, Value::Bool(_)))
            && let Value::Bool(value) = value
        {
            return Some(value.into_slot());
        }
        None
    }

    /// As [`Check::slot`], of values of any type.
    pub(crate) fn any_slot(&self, value: &Value) -> Option<u64> {
        let seldom = || match (self.kind, value) {
            // Integers of more than 63 bits.
            (ArgumentKind::Integer, Value::Signed(value)) => {
                let fits = value.wrapping_sub(self.least.into()) as u128 <= u128::from(self.span);
                fits.then_some(*value as u64)
            }
            // In range, either form has the bits of the other.
            (ArgumentKind::Signed128, Value::Signed(value)) => Some(address(value)),
            (ArgumentKind::Unsigned128, Value::Unsigned(value)) => Some(address(value)),
            (ArgumentKind::Signed128, Value::Unsigned(value)) if *value <= i128::MAX as u128 => {
                Some(address(value))
            }
            (ArgumentKind::Unsigned128, Value::Signed(value)) if *value >= 0 => Some(address(value)),
            _ => None,
        };
        self.slot(value).or_else(seldom)
    }

    /// The greatest value of an integer type of up to 8 bytes.
    #[inline(always)]
    fn greatest(&self) -> u64 {
        self.span.wrapping_add(self.least as u64)
    }

    /// What an integer type holds.
    fn range(&self) -> Option<(i128, u128)> {
        let (least, greatest) = match self.kind {
            ArgumentKind::Integer => (self.least.into(), self.greatest().into()),
            ArgumentKind::Signed128 => (i128::MIN, i128::MAX as u128),
            ArgumentKind::Unsigned128 => (0, u128::MAX),
            _ => return None,
        };
        Some((least, greatest))
    }

    /// Why `value` does not fit a parameter of type `ty`.
    #[cold]
    pub(crate) fn refused(&self, value: &Value, ty: &Type) -> ArgumentError {
        match (value, self.range()) {
            (Value::Signed(_) | Value::Unsigned(_), Some((min, max))) => {
                ArgumentError::Range { value: Box::new(value.clone()), ty: ty.clone(), min, max }
            }
            (Value::Bytes(bytes), _) if self.kind == ArgumentKind::Bytes => {
                ArgumentError::Size { bytes: bytes.len(), ty: ty.clone(), size: self.span }
            }
            _ => ArgumentError::Kind { value: Box::new(value.clone()), ty: ty.clone() },
        }
    }
}

impl Value {
    /// The slot of the value as a parameter of type `ty` under `model`. Where a slot holds an address, it is that of
    /// bytes in this value, which must stay where they are until the slot has been used.
    ///
    /// # Errors
    /// The value is of another kind than the type, out of its range, or of another size; or there are no values of the
    /// type.
    pub fn slot(&self, ty: &Type, model: &DataModel) -> Result<u64, ArgumentError> {
        let kind = || ArgumentError::Kind { value: Box::new(self.clone()), ty: ty.clone() };
        let check = Check::of(ty, model).map_err(|_| kind())?;
        check.any_slot(self).ok_or_else(|| check.refused(self, ty))
    }
}

fn address<T>(value: &T) -> u64 {
    (&raw const *value).into_slot()
}

#[cfg(test)]
mod tests {
    use springboard_abi::Target;
    use springboard_ir::Integer;

    use super::*;

    fn range(integer: Integer) -> (i128, u128) {
        check(integer).range().expect("an integer type has a range")
    }

    fn check(integer: Integer) -> Check {
        let model = Target::host().expect("the host has a convention").model;
        Check::of(&Type::Int(integer), &model).expect("integers have a layout")
    }

    #[test]
    fn ranges_are_those_of_c() {
        assert_eq!(range(Integer::Int8), (-128, 127));
        assert_eq!(range(Integer::UInt8), (0, 255));
        assert_eq!(range(Integer::Int32), (i32::MIN.into(), i32::MAX as u128));
        assert_eq!(range(Integer::UInt64), (0, u64::MAX.into()));
        assert_eq!(range(Integer::Int128), (i128::MIN, i128::MAX as u128));
        assert_eq!(range(Integer::UInt128), (0, u128::MAX));
    }

    #[test]
    fn limits_are_in_range_and_the_next_are_not() {
        use Integer::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
        for integer in [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64] {
            let (check, (min, max)) = (check(integer), range(integer));
            assert_eq!(check.any_slot(&Value::Signed(min)), Some(min as u64));
            assert_eq!(check.any_slot(&Value::Unsigned(max)), Some(max as u64));
            assert_eq!(check.any_slot(&Value::Signed(max as i128)), Some(max as u64));
            for outside in [min - 1, max as i128 + 1, i128::MIN, i128::MAX] {
                assert_eq!(check.any_slot(&Value::Signed(outside)), None);
            }
            for outside in [max + 1, u128::MAX, 1 << 127] {
                assert_eq!(check.any_slot(&Value::Unsigned(outside)), None);
            }
        }
    }
}
