//! Integer literals and character constants (C11 6.4.4).

use alloc::vec::Vec;

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
        let value = literal(&text.replace('\'', ""), self.model());
        let value = value.ok_or_else(|| self.fail(ParseErrorKind::Number(shortened(text))))?;
        self.bump();
        Ok(value)
    }

    /// A character constant, of type `int` or what its prefix says. Several characters are as many bytes of an `int`, the
    /// last the lowest (so GCC and Clang).
    pub(super) fn character(&mut self) -> Result<Value, Failure> {
        let text = self.text_of(self.peek());
        let value = character(text, self.model());
        let value = value.ok_or_else(|| self.fail(ParseErrorKind::Number(shortened(text))))?;
        self.bump();
        Ok(value)
    }
}

fn character(text: &str, model: &DataModel) -> Option<Value> {
    let (prefix, inside) = text.split_once('\'')?;
    let mut rest = inside.strip_suffix('\'')?;
    let (bytes, signed) = match prefix {
        "" => (1, model.char_signed),
        "u8" => (1, false),
        "u" => (2, false),
        "U" => (4, false),
        _ => (model.wchar_bytes, model.wchar_signed),
    };
    let (mut value, mut count) = (0i128, 0u32);
    while let Some(first) = rest.chars().next() {
        let (code, length) = match first {
            '\\' => escaped(&rest[1..]).map(|(code, length)| (code, length + 1))?,
            _ => (first.into(), first.len_utf8()),
        };
        let plain = prefix.is_empty() && first != '\\';
        let units =
            if plain { rest[..length].bytes().map(u32::from).collect::<Vec<_>>() } else { alloc::vec![code] };
        for unit in units {
            if u64::from(unit) >> (u32::from(bytes) * 8) != 0 {
                return None;
            }
            value = value << (u32::from(bytes) * 8) | i128::from(unit);
            count += 1;
        }
        rest = &rest[length..];
    }
    match (count, prefix) {
        (0, _) => None,
        (1, _) => {
            let value = Value::of(value).converted(bytes, signed);
            Some(if bytes < 4 { value.converted(4, true) } else { value })
        }
        (2..=4, "") => Some(Value::of(value).converted(4, true)),
        _ => None,
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

/// The code of the escape sequence that `text` begins with after its backslash, and how long that is.
fn escaped(text: &str) -> Option<(u32, usize)> {
    let simple = |code: u8| Some((code.into(), 1));
    let digits = |from: usize, radix: u32, most: usize| {
        let length = text[from..].chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
        let code = u32::from_str_radix(&text[from..from + length], radix).ok()?;
        Some((code, from + length))
    };
    match text.chars().next()? {
        'n' => simple(b'\n'),
        't' => simple(b'\t'),
        'r' => simple(b'\r'),
        'a' => simple(7),
        'b' => simple(8),
        'e' => simple(27),
        'f' => simple(12),
        'v' => simple(11),
        same @ ('\\' | '\'' | '"' | '?') => simple(same as u8),
        'x' => digits(1, 16, usize::MAX),
        'u' => digits(1, 16, 4).filter(|(_, length)| *length == 5),
        'U' => digits(1, 16, 8).filter(|(_, length)| *length == 9),
        _ => digits(0, 8, 3),
    }
}
