//! Values of constant expressions.

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::types::Type;

/// What a constant expression is.
#[derive(Clone, PartialEq, Debug)]
pub enum Constant {
    /// An integer, a character among them.
    #[allow(missing_docs)]
    Integer {
        value: i128,
        /// `int` or `unsigned int`, or `int64_t` or `uint64_t`, which stand for `long` and `long long` of their width.
        ty: Type,
    },
    /// A floating point number.
    Float {
        /// The value. Of a `long double`, what is left of it in a `double`.
        value: f64,
        /// `float`, `double` or `long double`.
        ty: Type,
    },
    /// A string of `char`: its bytes, without the zero at its end.
    Text(Vec<u8>),
    /// An integer that is cast to a pointer.
    Address(u64),
}

/// As C writes it.
impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constant::Integer { value, .. } => value.fmt(f),
            Constant::Float { value, .. } => write!(f, "{value:?}"),
            Constant::Text(bytes) => {
                f.write_char('"')?;
                for chunk in bytes.utf8_chunks() {
                    for character in chunk.valid().chars() {
                        match character {
                            '"' | '\\' => write!(f, "\\{character}")?,
                            '\n' => f.write_str("\\n")?,
                            _ if character.is_control() => write!(f, "\\{:03o}", u32::from(character))?,
                            _ => f.write_char(character)?,
                        }
                    }
                    chunk.invalid().iter().try_for_each(|byte| write!(f, "\\{byte:03o}"))?;
                }
                f.write_char('"')
            }
            Constant::Address(address) => write!(f, "(void *){address:#x}"),
        }
    }
}
