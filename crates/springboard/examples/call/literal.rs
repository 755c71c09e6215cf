//! Literals as C and people write them.

use std::num::ParseIntError;

use springboard::Value;

/// An integer: decimal, with a prefix, or a character in quotes.
pub(crate) fn integer(text: &str) -> Option<Value> {
    if let Some(quoted) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        let bytes = unescaped(quoted);
        return match &*bytes {
            [byte] => Some((*byte).into()),
            _ => std::str::from_utf8(&bytes).ok()?.parse::<char>().ok().map(|c| u32::from(c).into()),
        };
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let radix = |prefix: [&str; 2]| prefix.iter().find_map(|prefix| digits.strip_prefix(prefix));
    let parsed: Result<u128, ParseIntError> = if let Some(hex) = radix(["0x", "0X"]) {
        u128::from_str_radix(hex, 16)
    } else if let Some(binary) = radix(["0b", "0B"]) {
        u128::from_str_radix(binary, 2)
    } else if let Some(octal) = radix(["0o", "0O"]) {
        u128::from_str_radix(octal, 8)
    } else if let Some(octal) = digits.strip_prefix('0').filter(|octal| !octal.is_empty()) {
        // As in C.
        u128::from_str_radix(octal, 8)
    } else {
        digits.parse()
    };
    let magnitude = parsed.ok()?;
    if negative { 0i128.checked_sub_unsigned(magnitude).map(Value::from) } else { Some(magnitude.into()) }
}

/// The bytes of a text with the escapes of C: `\n`, `\t`, `\r`, `\0`, `\xNN`; any other character stands for itself.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else {
            bytes.push(b'\\');
            break;
        };
        rest = &rest[escape.len_utf8()..];
        match escape {
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            '0' => bytes.push(0),
            'x' if rest.get(..2).is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok()) => {
                bytes.extend(u8::from_str_radix(&rest[..2], 16));
                rest = &rest[2..];
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, value) in [
            ("42", 42),
            ("+42", 42),
            ("-7", -7),
            ("0xff", 255),
            ("-0XFF", -255),
            ("0b101", 5),
            ("0o17", 15),
            ("010", 8),
            ("0", 0),
            ("'a'", 97),
            ("'\\n'", 10),
            ("'\\''", 39),
            ("'\\x1b'", 27),
            ("'ä'", 228),
        ] {
            let parsed = match integer(text) {
                Some(Value::Signed(value)) => value,
                Some(Value::Unsigned(value)) => value as i128,
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(parsed, value, "{text}");
        }
        for text in ["", "-", "0x", "1.5", "--1", "0x-1", "09", "''", "'ab'", "12a", &"9".repeat(40)] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescaped(r"a\tb\\c\x41\q\"), b"a\tb\\cAq\\");
    }
}
