//! The sizes that GCC's attribute `mode` gives a type.

use crate::{integer::Integer, types::Type};

/// The size of a number by GCC's name for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// An integer of so many bytes.
    Bytes(u8),
    Pointer,
    Float,
    Double,
}

impl Mode {
    pub(super) fn named(word: &str) -> Option<Mode> {
        Some(match plain(word) {
            "QI" | "byte" => Mode::Bytes(1),
            "HI" => Mode::Bytes(2),
            "SI" => Mode::Bytes(4),
            "DI" => Mode::Bytes(8),
            "TI" => Mode::Bytes(16),
            "word" | "pointer" => Mode::Pointer,
            "SF" => Mode::Float,
            "DF" => Mode::Double,
            _ => return None,
        })
    }

    /// The floating point type of this size.
    pub(super) fn float(self) -> Option<Type> {
        match self {
            Mode::Float => Some(Type::Float),
            Mode::Double => Some(Type::Double),
            Mode::Bytes(_) | Mode::Pointer => None,
        }
    }

    /// The integer type of this size.
    pub(super) fn integer(self, signed: bool) -> Option<Integer> {
        use Integer::*;
        let (yes, no) = match self {
            Mode::Bytes(1) => (Int8, UInt8),
            Mode::Bytes(2) => (Int16, UInt16),
            Mode::Bytes(4) => (Int32, UInt32),
            Mode::Bytes(8) => (Int64, UInt64),
            Mode::Bytes(_) => (Int128, UInt128),
            Mode::Pointer => (IntPtr, UIntPtr),
            Mode::Float | Mode::Double => return None,
        };
        Some(if signed { yes } else { no })
    }
}

/// The name of an attribute, or of an argument, without the underscores that may stand around it.
pub(super) fn plain(word: &str) -> &str {
    word.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")).unwrap_or(word)
}
