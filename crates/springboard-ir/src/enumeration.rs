//! Enumerations, and the integer type of one.

use alloc::{string::String, vec::Vec};

use thiserror::Error;

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
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EnumerationError {
    /// There is no constant; C wants one.
    #[error("an enumeration has at least one constant")]
    Empty,
    /// The type that the enumeration names does not hold this constant.
    #[error("`{}` does not hold {}", .1.name(), .0)]
    Fixed(i128, Integer),
    /// No integer type of 64 bits holds all constants. The one that does not fit is given.
    #[error("no integer type of 64 bits holds {0} and the other constants")]
    Range(i128),
}

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
        match constants.iter().find(|(_, value)| !holds(underlying, *value, model)) {
            Some((_, value)) => Err(EnumerationError::Fixed(*value, underlying)),
            None if constants.is_empty() => Err(EnumerationError::Empty),
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

/// The first of `candidates`, whose width no target changes, that holds every constant.
fn smallest(constants: &[(String, i128)], candidates: &[Integer]) -> Result<Integer, EnumerationError> {
    let values = || constants.iter().map(|(_, value)| *value);
    let (Some(least), Some(greatest)) = (values().min(), values().max()) else {
        return Err(EnumerationError::Empty);
    };
    let holds =
        |integer: &&Integer| [least, greatest].iter().all(|value| holds(**integer, *value, &DataModel::LP64));
    let misfit = if greatest > u64::MAX.into() { greatest } else { least };
    candidates.iter().find(holds).copied().ok_or(EnumerationError::Range(misfit))
}

/// Whether a value is one of an integer type.
fn holds(integer: Integer, value: i128, model: &DataModel) -> bool {
    let bits = u32::from(integer.bytes(model)) * 8;
    match integer.is_signed(model) {
        true => matches!(value >> (bits - 1), 0 | -1),
        false => value >= 0 && (bits == 128 || value >> bits == 0),
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
