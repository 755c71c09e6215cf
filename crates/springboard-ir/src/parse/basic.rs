//! The words that name an arithmetic type together (C11 6.7.2, 2).

use super::words::Basic;
use crate::{
    integer::Integer,
    types::{Complex, Type},
};

/// The words of an arithmetic type, in any order.
#[derive(Default)]
pub(super) struct Words {
    pub(super) base: Option<Basic>,
    sign: Option<Basic>,
    short: bool,
    longs: u8,
    pub(super) complex: bool,
}

impl Basic {
    /// The type that the word names by itself.
    pub(super) fn alone(self) -> Option<Type> {
        let mut words = Words::default();
        words.add(self)?;
        words.resolve()
    }
}

impl Words {
    /// Adds a word. `None` where it cannot stand with the others.
    pub(super) fn add(&mut self, word: Basic) -> Option<()> {
        match word {
            Basic::Signed | Basic::Unsigned if self.sign.is_none() => self.sign = Some(word),
            Basic::Short if !self.short && self.longs == 0 => self.short = true,
            Basic::Long if !self.short && self.longs < 2 => self.longs += 1,
            Basic::Complex if !self.complex => self.complex = true,
            Basic::Signed | Basic::Unsigned | Basic::Short | Basic::Long | Basic::Complex => return None,
            _ if self.base.is_none() => self.base = Some(word),
            _ => return None,
        }
        Some(())
    }

    /// Whether they can be a floating type, and not yet a complex one.
    pub(super) fn floats(&self) -> bool {
        let floating = matches!(self.base, None | Some(Basic::Float | Basic::Double | Basic::Float64x));
        floating && self.sign.is_none() && !self.short && !self.complex
    }

    /// The type they name together (C11 6.7.2, 2).
    pub(super) fn resolve(&self) -> Option<Type> {
        use Integer::*;
        let unsigned = self.sign == Some(Basic::Unsigned);
        let pick = |signed, other| Some(Type::Int(if unsigned { other } else { signed }));
        if self.complex {
            return match (self.base, self.longs, self.sign, self.short) {
                (Some(Basic::Float), 0, None, false) => Some(Type::Complex(Complex::Float)),
                (Some(Basic::Double) | None, 0, None, false) => Some(Type::Complex(Complex::Double)),
                (Some(Basic::Double), 1, None, false) | (Some(Basic::Float64x), 0, None, false) => {
                    Some(Type::Complex(Complex::LongDouble))
                }
                _ => None,
            };
        }
        match (self.base, self.longs, self.short, self.sign) {
            (Some(Basic::Void), 0, false, None) => Some(Type::Void),
            (Some(Basic::Bool), 0, false, None) => Some(Type::Bool),
            (Some(Basic::Float), 0, false, None) => Some(Type::Float),
            (Some(Basic::Double), 0, false, None) => Some(Type::Double),
            (Some(Basic::Double), 1, false, None) | (Some(Basic::Float64x), 0, false, None) => {
                Some(Type::LongDouble)
            }
            (Some(Basic::Char), 0, false, None) => Some(Type::Int(Char)),
            (Some(Basic::Char), 0, false, Some(_)) => pick(SChar, UChar),
            (Some(Basic::Int128), 0, false, _) => pick(Int128, UInt128),
            (Some(Basic::Int) | None, 0, true, _) => pick(Short, UShort),
            (Some(Basic::Int) | None, 0, false, _) => pick(Int, UInt),
            (Some(Basic::Int) | None, 1, false, _) => pick(Long, ULong),
            (Some(Basic::Int) | None, 2, false, _) => pick(LongLong, ULongLong),
            _ => None,
        }
    }
}
