//! Arithmetic of constant expressions: integers in their types, floating point numbers and addresses.

use super::error::ConstantError;
use crate::{
    constant::Constant,
    integer::Integer,
    model::{DataModel, FloatFormat, Scalar},
    types::Type,
};

/// The value of an integer constant expression, with its type.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Value {
    pub(crate) value: i128,
    /// Size of its type, in bytes. 4 or 8: the types below `int` have been promoted.
    bytes: u8,
    signed: bool,
}

/// The value of a constant expression.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(Value),
    Real(Real),
    /// An integer that was cast to a pointer.
    Address(u64),
}

/// A floating point number. One of type `long double` is held, and computed with, as a `double`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Real {
    pub(super) value: f64,
    pub(super) rank: Rank,
}

/// The type of a floating point number, as operators order them (C11 6.3.1.8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    Float,
    Double,
    LongDouble,
}

impl Real {
    /// `value` as its type holds it.
    fn of(value: f64, rank: Rank) -> Real {
        let value = if rank == Rank::Float { f64::from(value as f32) } else { value };
        Real { value, rank }
    }

    fn apply(self, operator: &str, other: Real) -> Result<Number, ConstantError> {
        let rank = self.rank.max(other.rank);
        let (a, b) = (self.value, other.value);
        let real = |value| Ok(Number::Real(Real::of(value, rank)));
        let truth = |value| Ok(Number::Integer(Value::truth(value)));
        match operator {
            "*" => real(a * b),
            "/" => real(a / b),
            "+" => real(a + b),
            "-" => real(a - b),
            "<" => truth(a < b),
            ">" => truth(a > b),
            "<=" => truth(a <= b),
            ">=" => truth(a >= b),
            "==" => truth(a == b),
            "!=" => truth(a != b),
            "&&" => truth(a != 0.0 && b != 0.0),
            "||" => truth(a != 0.0 || b != 0.0),
            _ => Err(ConstantError::Operand),
        }
    }
}

impl Number {
    /// The number as a floating point one of at least `least`.
    fn real(self) -> Result<Real, ConstantError> {
        match self {
            Number::Integer(value) => Ok(Real { value: value.value as f64, rank: Rank::Float }),
            Number::Real(real) => Ok(real),
            Number::Address(_) => Err(ConstantError::Operand),
        }
    }

    /// Whether it counts as true.
    pub(super) fn is_true(self) -> bool {
        match self {
            Number::Integer(value) => value.value != 0,
            Number::Real(real) => real.value != 0.0,
            Number::Address(address) => address != 0,
        }
    }

    pub(super) fn apply(self, operator: &str, other: Number) -> Result<Number, ConstantError> {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => a.apply(operator, b).map(Number::Integer),
            (Number::Real(_), _) | (_, Number::Real(_)) => self.real()?.apply(operator, other.real()?),
            _ => Err(ConstantError::Operand),
        }
    }

    /// The result of `-`, `+`, `~` or `!`.
    pub(super) fn applied(self, operator: &str) -> Result<Number, ConstantError> {
        match (operator, self) {
            ("!", _) => Ok(Number::Integer(Value::truth(!self.is_true()))),
            (_, Number::Integer(value)) => Ok(Number::Integer(value.applied(operator))),
            ("-", Number::Real(real)) => Ok(Number::Real(Real { value: -real.value, ..real })),
            ("+", Number::Real(_)) => Ok(self),
            _ => Err(ConstantError::Operand),
        }
    }

    /// Both numbers in the type that `?:` brings them to.
    pub(super) fn balanced(self, other: Number) -> Result<(Number, Number), ConstantError> {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => {
                let (a, b) = a.balanced(b);
                Ok((Number::Integer(a), Number::Integer(b)))
            }
            (Number::Real(_), _) | (_, Number::Real(_)) => {
                let (a, b) = (self.real()?, other.real()?);
                let rank = a.rank.max(b.rank);
                Ok((Number::Real(Real::of(a.value, rank)), Number::Real(Real::of(b.value, rank))))
            }
            _ => Err(ConstantError::Operand),
        }
    }

    /// The number, cast to a type.
    pub(super) fn cast(self, to: Option<Scalar>) -> Result<Number, ConstantError> {
        let real = |rank| Ok(Number::Real(Real::of(self.real()?.value, rank)));
        let integer = || match self {
            Number::Integer(value) => value,
            // What is out of range has no value in C.
            Number::Real(real) => Value::of(real.value as i128),
            Number::Address(address) => Value::size(address),
        };
        match to {
            Some(Scalar::Bool) => Ok(Number::Integer(Value::truth(self.is_true()))),
            Some(Scalar::Int { bytes: bytes @ (1 | 2), signed }) => {
                Ok(Number::Integer(integer().converted(bytes, signed).converted(4, true)))
            }
            Some(Scalar::Int { bytes: bytes @ (4 | 8), signed }) => {
                Ok(Number::Integer(integer().converted(bytes, signed)))
            }
            Some(Scalar::Float(FloatFormat::F32)) => real(Rank::Float),
            Some(Scalar::Float(FloatFormat::F64)) => real(Rank::Double),
            Some(Scalar::Float(_)) => real(Rank::LongDouble),
            Some(Scalar::Pointer) => match self {
                Number::Real(_) => Err(ConstantError::Cast),
                _ => Ok(Number::Address(integer().value as u64)),
            },
            _ => Err(ConstantError::Cast),
        }
    }

    /// Size of its type, in bytes.
    pub(super) fn size(self, model: &DataModel) -> u64 {
        match self {
            Number::Integer(value) => value.bytes.into(),
            Number::Real(Real { rank: Rank::Float, .. }) => 4,
            Number::Real(Real { rank: Rank::LongDouble, .. }) => {
                Type::LongDouble.layout(model).map_or(8, |layout| layout.size)
            }
            Number::Real(_) | Number::Address(_) => 8,
        }
    }

    /// The number as a host sees it.
    pub(super) fn constant(self) -> Constant {
        match self {
            Number::Integer(Value { value, bytes, signed }) => {
                let integer = match (bytes, signed) {
                    (0..=4, true) => Integer::Int,
                    (0..=4, false) => Integer::UInt,
                    (_, true) => Integer::Int64,
                    (_, false) => Integer::UInt64,
                };
                Constant::Integer { value, ty: Type::Int(integer) }
            }
            Number::Real(Real { value, rank }) => {
                let ty = match rank {
                    Rank::Float => Type::Float,
                    Rank::Double => Type::Double,
                    Rank::LongDouble => Type::LongDouble,
                };
                Constant::Float { value, ty }
            }
            Number::Address(address) => Constant::Address(address),
        }
    }
}

impl Value {
    /// A value of type `int`, or of the smallest larger type that holds it.
    pub(super) fn of(value: i128) -> Value {
        let signed = value <= i64::MAX.into();
        let bytes = if i32::try_from(value).is_ok() { 4 } else { 8 };
        Value { value, bytes, signed }
    }

    /// A value of an integer type, promoted.
    pub(super) fn of_type(value: i128, integer: Integer, model: &DataModel) -> Value {
        match integer.bytes(model) {
            0..4 => Value { value, bytes: 4, signed: true },
            bytes => Value { value, bytes, signed: integer.is_signed(model) },
        }
    }

    /// A value that its type holds.
    pub(super) fn typed(value: i128, bytes: u8, signed: bool) -> Value {
        Value { value, bytes, signed }
    }

    pub(super) fn size(value: u64) -> Value {
        Value { value: value.into(), bytes: 8, signed: false }
    }

    pub(super) fn truth(value: bool) -> Value {
        Value { value: value.into(), bytes: 4, signed: true }
    }

    /// The value converted to a type, modulo its range.
    pub(super) fn converted(self, bytes: u8, signed: bool) -> Value {
        let bits = u32::from(bytes) * 8;
        let low = self.value & ((1 << bits) - 1);
        let negative = signed && low >> (bits - 1) == 1;
        Value { value: if negative { low - (1 << bits) } else { low }, bytes, signed }
    }

    /// Both values in the type that an operator brings them to (C11 6.3.1.8).
    fn balanced(self, other: Value) -> (Value, Value) {
        let bytes = self.bytes.max(other.bytes);
        let unsigned = |value: Value| !value.signed && value.bytes == bytes;
        let signed = !unsigned(self) && !unsigned(other);
        (self.converted(bytes, signed), other.converted(bytes, signed))
    }

    fn apply(self, operator: &str, other: Value) -> Result<Value, ConstantError> {
        if let "<<" | ">>" = operator {
            return self.shifted(operator, other);
        }
        let (a, b) = self.balanced(other);
        let typed = |value: i128| Value { value, ..a }.converted(a.bytes, a.signed);
        Ok(match operator {
            "*" => typed(a.value.wrapping_mul(b.value)),
            "/" | "%" if b.value == 0 => return Err(ConstantError::DivisionByZero),
            "/" => typed(a.value / b.value),
            "%" => typed(a.value % b.value),
            "+" => typed(a.value + b.value),
            "-" => typed(a.value - b.value),
            "<" => Value::truth(a.value < b.value),
            ">" => Value::truth(a.value > b.value),
            "<=" => Value::truth(a.value <= b.value),
            ">=" => Value::truth(a.value >= b.value),
            "==" => Value::truth(a.value == b.value),
            "!=" => Value::truth(a.value != b.value),
            "&" => typed(a.value & b.value),
            "^" => typed(a.value ^ b.value),
            "|" => typed(a.value | b.value),
            "&&" => Value::truth(self.value != 0 && other.value != 0),
            _ => Value::truth(self.value != 0 || other.value != 0),
        })
    }

    fn shifted(self, operator: &str, count: Value) -> Result<Value, ConstantError> {
        let bits = u32::try_from(count.value).ok().filter(|bits| *bits < u32::from(self.bytes) * 8);
        let bits = bits.ok_or(ConstantError::Shift(count.value))?;
        let value = if operator == "<<" { self.value << bits } else { self.value >> bits };
        Ok(Value { value, ..self }.converted(self.bytes, self.signed))
    }

    fn applied(self, operator: &str) -> Value {
        let typed = |value| Value { value, ..self }.converted(self.bytes, self.signed);
        match operator {
            "-" => typed(-self.value),
            "~" => typed(!self.value),
            _ => self,
        }
    }
}
