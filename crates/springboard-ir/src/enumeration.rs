//! Enumerations, and the integer type behind one.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{integer::Integer, model::DataModel};

/// An enumeration: its tag, its constants and the integer type of its objects.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Enumeration {
    tag: Option<String>,
    constants: Vec<(String, i128)>,
    kind: Kind,
    underlying: Integer,
}

/// How the integer type of an enumeration is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Plain,
    Packed,
    Fixed,
}

/// Why constants form no enumeration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EnumerationError {
    /// There is no constant; C wants one.
    Empty,
    /// The type that the enumeration names does not hold this constant.
    Fixed(i128, Integer),
    /// No integer type of 64 bits holds all constants. The one that does not fit is given.
    Range(i128),
}

impl fmt::Display for EnumerationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnumerationError::Empty => f.write_str("an enumeration has at least one constant"),
            EnumerationError::Fixed(value, integer) => {
                write!(f, "`{}` does not hold {value}", integer.name())
            }
            EnumerationError::Range(value) => {
                write!(f, "no integer type of 64 bits holds {value} and the other constants")
            }
        }
    }
}

impl core::error::Error for EnumerationError {}

impl Enumeration {
    /// An enumeration whose objects are of the type GCC gives them: `unsigned int` or, with a negative constant,
    /// `int`; of 64 bits where a constant does not fit that.
    ///
    /// # Errors
    /// No constants, or constants beyond 64 bits.
    pub fn new(tag: Option<String>, constants: Vec<(String, i128)>) -> Result<Enumeration, EnumerationError> {
        use Integer::{Int, LongLong, UInt, ULongLong};
        let underlying = smallest(&constants, &[UInt, Int, ULongLong, LongLong])?;
        Ok(Enumeration { tag, constants, kind: Kind::Plain, underlying })
    }

    /// An enumeration whose objects are of the type `underlying`, as C23 declares one: `enum color : uint8_t`.
    ///
    /// # Errors
    /// No constants, or constants that the type does not hold.
    pub fn fixed(
        tag: Option<String>,
        constants: Vec<(String, i128)>,
        underlying: Integer,
        model: &DataModel,
    ) -> Result<Enumeration, EnumerationError> {
        if constants.is_empty() {
            return Err(EnumerationError::Empty);
        }
        let bits = u32::from(underlying.bytes(model)) * 8;
        let held = |value: i128| match underlying.is_signed(model) {
            true => value >> (bits - 1) == 0 || value >> (bits - 1) == -1,
            false => bits < 128 && value >> bits == 0 || bits == 128 && value >= 0,
        };
        match constants.iter().find(|(_, value)| !held(*value)) {
            Some((_, value)) => Err(EnumerationError::Fixed(*value, underlying)),
            None => Ok(Enumeration { tag, constants, kind: Kind::Fixed, underlying }),
        }
    }

    /// `enum __attribute__((packed))`: objects are of the smallest integer type that holds every constant.
    ///
    /// # Errors
    /// As [`Enumeration::new`].
    pub fn packed(
        tag: Option<String>,
        constants: Vec<(String, i128)>,
    ) -> Result<Enumeration, EnumerationError> {
        use Integer::{Int, LongLong, SChar, Short, UChar, UInt, ULongLong, UShort};
        let underlying =
            smallest(&constants, &[UChar, SChar, UShort, Short, UInt, Int, ULongLong, LongLong])?;
        Ok(Enumeration { tag, constants, kind: Kind::Packed, underlying })
    }

    /// The tag, where there is one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Names and values in the order of declaration.
    pub fn constants(&self) -> &[(String, i128)] {
        &self.constants
    }

    /// Whether it is `__attribute__((packed))`.
    pub fn is_packed(&self) -> bool {
        self.kind == Kind::Packed
    }

    /// Whether the declaration names the integer type, and the constants do not choose it.
    pub fn is_fixed(&self) -> bool {
        self.kind == Kind::Fixed
    }

    /// The integer type of its objects.
    pub fn underlying(&self) -> Integer {
        self.underlying
    }
}

/// The first of `candidates` that holds every constant.
fn smallest(constants: &[(String, i128)], candidates: &[Integer]) -> Result<Integer, EnumerationError> {
    let values = || constants.iter().map(|(_, value)| *value);
    let (Some(least), Some(greatest)) = (values().min(), values().max()) else {
        return Err(EnumerationError::Empty);
    };
    let holds = |integer: &&Integer| {
        let (from, to) = range(**integer);
        from <= least && greatest <= to
    };
    let misfit = if greatest > u64::MAX.into() { greatest } else { least };
    candidates.iter().find(holds).copied().ok_or(EnumerationError::Range(misfit))
}

/// The values of an integer type whose width no target changes.
fn range(integer: Integer) -> (i128, i128) {
    use Integer::{Int, SChar, Short, UChar, UInt, ULongLong, UShort};
    match integer {
        UChar => (0, u8::MAX.into()),
        SChar => (i8::MIN.into(), i8::MAX.into()),
        UShort => (0, u16::MAX.into()),
        Short => (i16::MIN.into(), i16::MAX.into()),
        UInt => (0, u32::MAX.into()),
        Int => (i32::MIN.into(), i32::MAX.into()),
        ULongLong => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn of(values: &[i128]) -> Vec<(String, i128)> {
        values.iter().map(|value| (String::from("c"), *value)).collect()
    }

    #[test]
    fn the_type_is_the_one_gcc_chooses() {
        use Integer::*;
        let cases: [(&[i128], Integer, Integer); 7] = [
            (&[0, 5], UInt, UChar),
            (&[-1, 255], Int, Short),
            (&[-128], Int, SChar),
            (&[0xFFFF_FFFF], UInt, UInt),
            (&[-1, 0xFFFF_FFFF], LongLong, LongLong),
            (&[1 << 63], ULongLong, ULongLong),
            (&[i64::MIN as i128], LongLong, LongLong),
        ];
        for (values, plain, packed) in cases {
            assert_eq!(Enumeration::new(None, of(values)).unwrap().underlying(), plain, "{values:?}");
            assert_eq!(Enumeration::packed(None, of(values)).unwrap().underlying(), packed, "{values:?}");
        }
    }

    #[test]
    fn constants_without_a_type_are_refused() {
        assert_eq!(Enumeration::new(None, vec![]), Err(EnumerationError::Empty));
        assert_eq!(Enumeration::new(None, of(&[-1, 1 << 63])), Err(EnumerationError::Range(-1)));
        assert_eq!(Enumeration::new(None, of(&[1 << 64])), Err(EnumerationError::Range(1 << 64)));
    }
}
