//! The dialect of `cdef`: C with `#define` of numbers, with `...` for what a compiler would have to say, and with
//! `extern "Python"`.
//!
//! A text is rewritten into C, line by line in the same places, and what was rewritten is told beside it.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::names::{Names, predeclared};

/// The prefix of tags that stand for something else than a structure.
pub(super) const OPAQUE: &str = "__springboard_opaque_";

/// The prefix of members and constants that stand for those that only a compiler could find.
pub(super) const REST: &str = "__springboard_rest_";

/// The prefix of tags of enumerations that have none.
pub(super) const UNTAGGED: &str = "__springboard_enum_";

/// The prefix of the constant of an enumeration that is declared without any.
pub(super) const OPEN: &str = "__springboard_rest_open_";

/// The prefix, before the keyword, of tags that were those of another keyword first: C has one space of names for all tags, the dialect one for
/// each keyword.
pub(super) const OTHER: &str = "__springboard_other_";

/// Enumerations without a tag so far, in the whole process.
static ENUMERATIONS: AtomicUsize = AtomicUsize::new(0);

/// A text rewritten into C.
pub(super) struct Text {
    pub(super) c: String,
    /// Names and values of `#define`s, in their order.
    pub(super) defines: Vec<(String, Define)>,
    /// Where pieces of `c` come from: an offset in it, and the offset in the original.
    origins: Vec<(usize, usize)>,
}

/// What a name is defined as.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Define {
    Number(i128),
    /// `...`: what a compiler would have to say.
    Unknown,
}

/// What the dialect does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DialectError {
    /// A `#define` of something else than a number.
    Define { name: String, value: String },
    /// A function's body, at this offset.
    Body(usize),
    /// `extern "Python" {` without an end.
    Unclosed,
}

/// A word or another character that is no space.
#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    start: usize,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$'))
    }
}

impl Text {
    /// Rewrites a text.
    pub(super) fn new(source: &str, names: &mut Names) -> Result<Text, DialectError> {
        let mut blank = without_comments(source);
        let defines = take_defines(&mut blank)?;
        let blank = String::from_utf8(blank).expect("only ASCII was written, over whole characters");
        let edits = edits(&blank, names)?;
        let mut c = String::with_capacity(blank.len() + 16);
        let mut origins = Vec::new();
        let mut from = 0;
        for (range, text) in edits {
            origins.push((c.len(), from));
            c.push_str(&blank[from..range.start]);
            origins.push((c.len(), range.start));
            c.push_str(&text);
            // Lines stay where they are.
            c.extend(blank[range.clone()].chars().filter(|each| *each == '\n'));
            from = range.end;
        }
        origins.push((c.len(), from));
        c.push_str(&blank[from..]);
        Ok(Text { c, defines, origins })
    }

    /// The offset in the original of an offset in `c`.
    pub(super) fn origin(&self, offset: usize) -> usize {
        let after = self.origins.partition_point(|(at, _)| *at <= offset);
        match after.checked_sub(1).map(|index| self.origins[index]) {
            Some((at, origin)) => {
                let next = self.origins.get(after).map_or(usize::MAX, |(_, origin)| *origin);
                (origin + (offset - at)).min(next)
            }
            None => offset,
        }
    }
}

/// A tag as the program wrote it.
pub(super) fn written(tag: &str) -> &str {
    tag.strip_prefix(OTHER).and_then(|rest| rest.split_once('_')).map_or(tag, |(_keyword, tag)| tag)
}

/// The text with spaces in place of comments. Newlines stay.
fn without_comments(source: &str) -> Vec<u8> {
    let mut out = source.as_bytes().to_vec();
    let bytes = source.as_bytes();
    let blank = |out: &mut Vec<u8>, range: Range<usize>| {
        for byte in &mut out[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let mut at = 0;
    let mut line_start = true;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"/*") {
            let end = source[at + 2..].find("*/").map_or(bytes.len(), |end| at + end + 4);
            blank(&mut out, at..end);
            at = end;
            continue;
        }
        if rest.starts_with(b"//") {
            let mut end = at;
            while end < bytes.len() && bytes[end] != b'\n' {
                end += if bytes[end] == b'\\' && end + 1 < bytes.len() { 2 } else { 1 };
            }
            let end = end.min(bytes.len());
            blank(&mut out, at..end);
            at = end;
            continue;
        }
        match bytes[at] {
            // A line marker names a file, in which nothing is a comment.
            b'#' if line_start && is_marker(&source[at..]) => {
                at += source[at..].find('\n').unwrap_or(source.len() - at);
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote && bytes[at] != b'\n' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        line_start = match bytes.get(at) {
            Some(b'\n') => true,
            Some(b' ' | b'\t' | b'\r') => line_start,
            _ => false,
        };
        at += 1;
    }
    out
}

/// Whether a line that begins with `#` is a line marker.
fn is_marker(line: &str) -> bool {
    let rest = line[1..].trim_start_matches([' ', '\t']);
    rest.starts_with(|c: char| c.is_ascii_digit())
        || rest.strip_prefix("line").is_some_and(|rest| rest.starts_with([' ', '\t']))
}

/// Takes the `#define`s out of a text.
fn take_defines(text: &mut [u8]) -> Result<Vec<(String, Define)>, DialectError> {
    let mut defines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let mut end = at;
        while end < text.len() && text[end] != b'\n' {
            end += if text[end] == b'\\' && end + 1 < text.len() { 2 } else { 1 };
        }
        let end = end.min(text.len());
        let line = String::from_utf8_lossy(&text[at..end]).replace("\\\r\n", " ").replace("\\\n", " ");
        if let Some((name, value)) = define(&line) {
            let number =
                if value == "..." { Some(Define::Unknown) } else { number(&value).map(Define::Number) };
            let number = number.ok_or_else(|| DialectError::Define { name: name.clone(), value })?;
            defines.push((name, number));
            text[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end + 1;
    }
    Ok(defines)
}

/// Name and value of a `#define`.
fn define(line: &str) -> Option<(String, String)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let (name, value) = rest.split_at(end);
    Some((name.into(), value.trim().into()))
}

/// An integer as C writes it.
pub(super) fn number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let digits = lower.trim_end_matches(['u', 'l']);
    let (radix, digits) = match digits {
        _ if digits.starts_with("0x") => (16, &digits[2..]),
        _ if digits.starts_with("0b") => (2, &digits[2..]),
        _ if digits.starts_with('0') && digits.len() > 1 => (8, &digits[1..]),
        _ => (10, digits),
    };
    if let Some(character) = character(text) {
        return Some(character);
    }
    let value = i128::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
    Some(if negative { -value } else { value })
}

/// The value of a character constant of one plain character.
fn character(text: &str) -> Option<i128> {
    let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut characters = inside.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if one.is_ascii() && one != '\\' => Some((one as u8).into()),
        _ => None,
    }
}

/// The words of a text, with their offsets.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    tokens(text).into_iter().filter(Token::is_word).map(|token| (token.start, token.text))
}

/// The words and characters of a text. Line markers and the insides of strings are not among them.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut line_start = true;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first == '#' && line_start {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let length = if is_word(first) {
            rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("...") {
            3
        } else if matches!(first, '"' | '\'') {
            let mut end = 1;
            let bytes = rest.as_bytes();
            while end < bytes.len() && bytes[end] != first as u8 && bytes[end] != b'\n' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let mut end = (end + 1).min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            end
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(Token { text: &rest[..length], start: at });
        }
        line_start = first == '\n' || (line_start && first.is_whitespace());
        at += length;
    }
    tokens
}

/// What is replaced in a text, in order.
fn edits(text: &str, names: &mut Names) -> Result<Vec<(Range<usize>, String)>, DialectError> {
    let tokens = tokens(text);
    let text_at = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let mut edits = Vec::new();
    let mut rest = 0;
    let mut depth = 0usize;
    let mut within_typedef = false;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let before = index.checked_sub(1).map_or("", text_at);
        let after = text_at(index + 1);
        let whole = token.start..token.end();
        match token.text {
            "typedef" => within_typedef = true,
            "__stdcall" | "WINAPI" | "__cdecl" => edits.push((whole, String::new())),
            "enum" if after == "{" => {
                let number = ENUMERATIONS.fetch_add(1, Ordering::Relaxed);
                edits.push((token.end()..token.end(), format!(" {UNTAGGED}{number}")));
            }
            "struct" | "union" | "enum" if tokens.get(index + 1).is_some_and(Token::is_word) => {
                let tag = tokens[index + 1];
                let keyword = names.keywords.entry(tag.text.into()).or_insert_with(|| token.text.into());
                if keyword != token.text {
                    edits.push((tag.start..tag.start, format!("{OTHER}{}_", token.text)));
                }
            }
            ";" if index >= 2 && text_at(index - 2) == "enum" && depth == 0 => {
                edits.push((token.start..token.start, format!(" {{ {OPEN}{before} }}")));
            }
            "extern" if is_python(after) => {
                let (end, next) = python_block(&tokens, index)?;
                edits.push((token.start..end, String::new()));
                index = next;
                continue;
            }
            "{" => {
                if depth == 0 && before == ")" {
                    return Err(DialectError::Body(token.start));
                }
                depth += 1;
            }
            "}" => depth = depth.saturating_sub(1),
            "..." => {
                let mut named = |before: &str, after: &str| {
                    rest += 1;
                    format!("{before}{REST}{rest}{after}")
                };
                match (before, after) {
                    ("[", "]") => edits.push((whole, String::new())),
                    ("=", "," | "}") => {
                        let equals = tokens[index - 1].start;
                        edits.push((equals..token.end(), named(", ", "")));
                    }
                    (_, "}") => edits.push((whole, named("", ""))),
                    ("{" | ";" | "}", ";") => edits.push((whole, named("char ", ""))),
                    ("(" | ",", _) => {}
                    _ => {
                        // `typedef ... name`, `typedef int... name`, `typedef ... *name`.
                        let mut name = index + 1;
                        while matches!(text_at(name), "*" | "(" | "const") {
                            name += 1;
                        }
                        let mut start = index;
                        while start > 0 && is_arithmetic(text_at(start - 1)) {
                            start -= 1;
                        }
                        if tokens.get(name).is_some_and(Token::is_word) {
                            let opaque = format!("struct {OPAQUE}{}", text_at(name));
                            edits.push((tokens[start].start..token.end(), opaque));
                        }
                    }
                }
            }
            ";" if depth == 0 => within_typedef = false,
            word if let Some(name) = predeclared(word) => {
                // From here on it is what the program says.
                if within_typedef && depth == 0 && matches!(after, ";" | ",") {
                    names.own.insert(name);
                }
                if let Some(own) = names.own(name) {
                    edits.push((whole, own));
                }
            }
            _ => {}
        }
        index += 1;
    }
    Ok(edits)
}

fn is_python(text: &str) -> bool {
    let inside = text.trim_matches('"').replace(' ', "");
    text.starts_with('"') && matches!(&*inside, "Python" | "Python+C" | "C+Python")
}

fn is_arithmetic(word: &str) -> bool {
    matches!(word, "int" | "long" | "short" | "signed" | "unsigned" | "char" | "float" | "double")
}

/// The end of `extern "Python" …`, and the token after it.
fn python_block(tokens: &[Token<'_>], start: usize) -> Result<(usize, usize), DialectError> {
    let closing = if tokens.get(start + 2).is_some_and(|token| token.text == "{") { "}" } else { ";" };
    let length = tokens[start..].iter().position(|token| token.text == closing);
    let last = start + length.ok_or(DialectError::Unclosed)?;
    Ok((tokens[last].end(), last + 1))
}
