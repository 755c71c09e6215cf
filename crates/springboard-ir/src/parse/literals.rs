//! Numbers, character constants and strings (C11 6.4.4 and 6.4.5).

use alloc::vec::Vec;

use super::{
    Parser,
    arithmetic::{Number, Rank, Real, Value},
    error::ParseErrorKind,
    lexer::TokenKind,
    places::Failure,
    shortened,
};
use crate::model::DataModel;

impl Parser<'_> {
    /// A literal in its type (C11 6.4.4.1, 5, and 6.4.4.2, 4).
    pub(super) fn number(&mut self) -> Result<Number, Failure> {
        let text = self.text_of(self.peek());
        let digits = text.replace('\'', "");
        let value = literal(&digits, self.model()).map(Number::Integer);
        let value = value.or_else(|| floating(&digits).map(Number::Real));
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

    /// Strings that follow each other, perhaps in brackets, if they come next: their bytes as one string of `char` has them,
    /// without the zero at its end.
    pub(super) fn strings(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let opened = self.tokens[self.at..].iter().take_while(|token| self.text_of(**token) == "(").count();
        if self.tokens[self.at + opened].kind != TokenKind::String {
            return Ok(None);
        }
        self.at += opened;
        let mut bytes = Vec::new();
        while self.peek().kind == TokenKind::String {
            let text = self.text_of(self.peek());
            let unreadable = || self.fail(ParseErrorKind::Unsupported(shortened(text)));
            string(text, &mut bytes).ok_or_else(unreadable)?;
            self.bump();
        }
        for _ in 0..opened {
            self.expect(")")?;
        }
        Ok(Some(bytes))
    }
}

/// Appends the bytes of a string of `char`. `None` where it is of another type, or has an escape that is none.
fn string(text: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let mut rest = text.strip_prefix("u8").unwrap_or(text).strip_prefix('"')?.strip_suffix('"')?;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => {
                let (code, length) = escaped(&rest[1..])?;
                if matches!(rest.as_bytes()[1], b'u' | b'U') {
                    let character = char::from_u32(code)?;
                    bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    bytes.push(u8::try_from(code).ok()?);
                }
                length + 1
            }
            _ => {
                bytes.extend(&rest.as_bytes()[..first.len_utf8()]);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Some(())
}

/// A floating point literal. `None` where a `double` does not hold it.
fn floating(text: &str) -> Option<Real> {
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let digits = match hexadecimal {
        true => text.trim_end_matches(['f', 'F', 'l', 'L']),
        false => text.trim_end_matches(|c: char| c.is_ascii_alphabetic()),
    };
    // Of a hexadecimal one, the digits of the exponent come last, and it has to have some.
    let (digits, suffix) = match hexadecimal && !digits.contains(['p', 'P']) {
        true => return None,
        false => (digits, &text[digits.len()..]),
    };
    let rank = match suffix {
        "" => Rank::Double,
        "f" | "F" => Rank::Float,
        "l" | "L" => Rank::LongDouble,
        _ => return None,
    };
    let value = match (hexadecimal, rank) {
        (true, _) => hexadecimal_value(&digits[2..])?,
        (false, Rank::Float) => digits.parse::<f32>().ok()?.into(),
        (false, _) => digits.parse::<f64>().ok()?,
    };
    let value = if rank == Rank::Float { f64::from(value as f32) } else { value };
    // Without any of these it is an integer.
    (value.is_finite() && digits.contains(['.', 'e', 'E', 'p', 'P'])).then_some(Real { value, rank })
}

/// What `1.8p3` is in hexadecimal digits with a binary exponent.
fn hexadecimal_value(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let mut exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0u64;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = digit.to_digit(16)?;
        mantissa = mantissa.checked_mul(16)?.checked_add(digit.into())?;
    }
    exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let mut value = mantissa as f64;
    for _ in 0..exponent.unsigned_abs().min(4000) {
        value *= if exponent < 0 { 0.5 } else { 2.0 };
    }
    Some(value)
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
