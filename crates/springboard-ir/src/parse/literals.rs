//! Integer literals and character constants (C11 6.4.4).

use super::{
    Parser,
    constants::Value,
    error::{Failure, ParseErrorKind},
    shortened,
};
use crate::model::DataModel;

impl Parser<'_> {
    /// A literal in its type (C11 6.4.4.1, 5).
    pub(super) fn number(&mut self) -> Result<Value, Failure> {
        let text = self.text_of(self.peek());
        let value = literal(text, self.model());
        let value = value.ok_or_else(|| self.fail(ParseErrorKind::Number(shortened(text))))?;
        self.bump();
        Ok(value)
    }

    /// A character constant of one ASCII character, or an escape sequence that stands for one.
    pub(super) fn character(&mut self) -> Result<Value, Failure> {
        let text = self.text_of(self.peek());
        let inside = &text[1..text.len() - 1];
        let mut characters = inside.chars();
        let value = match (characters.next(), characters.as_str()) {
            (Some('\\'), escape) => escaped(escape),
            (Some(plain), "") if plain.is_ascii() => Some(plain as u8),
            _ => None,
        };
        let value = value.ok_or_else(|| self.fail(ParseErrorKind::Number(shortened(text))))?;
        self.bump();
        let signed = self.model().char_signed;
        Ok(Value::of(value.into()).converted(1, signed).converted(4, true))
    }
}

fn literal(text: &str, model: &DataModel) -> Option<Value> {
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    let suffix = text[digits.len()..].to_ascii_lowercase();
    let unsigned = suffix.contains('u');
    let longs = match suffix.trim_matches('u') {
        "" => 0,
        "l" => 1,
        "ll" => 2,
        _ => return None,
    };
    if suffix.len() != longs + usize::from(unsigned) {
        return None;
    }
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // The conversion itself would allow a sign.
    let value = digits
        .starts_with(|c: char| c.is_digit(radix))
        .then(|| u64::from_str_radix(digits, radix).ok())??;
    let least = match longs {
        0 => 4,
        1 => model.long_bytes,
        _ => 8,
    };
    let fits = |bytes: u8, signed: bool| {
        u64::BITS - value.leading_zeros() <= u32::from(bytes) * 8 - u32::from(signed)
    };
    let candidates = [(4, true), (4, false), (8, true), (8, false)];
    let allowed = |(bytes, signed): &(u8, bool)| {
        *bytes >= least && fits(*bytes, *signed) && if *signed { !unsigned } else { unsigned || radix != 10 }
    };
    let (bytes, signed) = candidates.into_iter().find(allowed).unwrap_or((8, false));
    Some(Value::typed(value.into(), bytes, signed))
}

/// The character that an escape sequence stands for, given without its backslash.
fn escaped(escape: &str) -> Option<u8> {
    Some(match escape {
        "n" => b'\n',
        "t" => b'\t',
        "r" => b'\r',
        "a" => 7,
        "b" => 8,
        "f" => 12,
        "v" => 11,
        "\\" | "'" | "\"" | "?" => escape.as_bytes()[0],
        _ => match escape.strip_prefix('x') {
            Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => {
                u8::from_str_radix(hex, 16).ok()?
            }
            None if escape.len() <= 3 && escape.starts_with(|c: char| c.is_digit(8)) => {
                u8::from_str_radix(escape, 8).ok()?
            }
            _ => return None,
        },
    })
}
