//! Characters to tokens.
//!
//! Comments, line markers and pragmas that change no layout are space. Text that forms no token becomes an invalid
//! one, so that the parser reports what comes first.

use alloc::vec::Vec;

use super::error::ParseErrorKind;

/// One token and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Offset of its first byte.
    pub(super) start: usize,
    /// Offset after its last byte.
    pub(super) end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    /// An identifier or keyword.
    Word,
    /// A preprocessing number (C11 6.4.8): what a number may look like, before anyone reads it.
    Number,
    Character,
    String,
    Punctuator,
    /// The line of a pragma that changes layouts, without its newline, or such a `_Pragma("…")`.
    LayoutPragma,
    Invalid(Invalid),
    /// The end of the text. The last token, and no other.
    End,
}

/// Why text forms no token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Invalid {
    Unterminated,
    Directive,
    Character,
}

impl Invalid {
    /// The error for an invalid token that is `text`.
    pub(super) fn error(self, text: &str) -> ParseErrorKind {
        match self {
            Invalid::Unterminated => ParseErrorKind::Unterminated,
            Invalid::Directive => {
                let name = text.trim_start_matches('#').split_whitespace().next().unwrap_or_default();
                ParseErrorKind::Directive(super::shortened(name))
            }
            Invalid::Character => ParseErrorKind::Character(text.chars().next().unwrap_or_default()),
        }
    }
}

/// Punctuators of more than one character, longest first.
const LONG_PUNCTUATORS: [&str; 27] = [
    "...", "<<=", ">>=", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "->", "++", "--", "+=", "-=", "*=",
    "/=", "&=", "|=", "^=", "::", "<:", ":>", "<%", "%>", "##",
];

/// What a punctuator that is spelled otherwise stands for (C11 6.4.6, 3).
pub(super) fn plain_punctuator(text: &str) -> &str {
    match text {
        "<:" => "[",
        ":>" => "]",
        "<%" => "{",
        "%>" => "}",
        text => text,
    }
}

/// All tokens of `text`, [`TokenKind::End`] last.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, line_start: true };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token();
        tokens.push(token);
        if token.kind == TokenKind::End {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Whether nothing but space came before on this line.
    line_start: bool,
}

/// What a line that begins with `#` is.
enum Directive {
    /// A line marker or a pragma that changes no type.
    Nothing,
    /// A pragma that changes layouts.
    Layout,
    /// One that the preprocessor obeys.
    Preprocessor,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn token(&mut self) -> Token {
        let spaced = self.skip_space();
        let start = self.at;
        let kind = match spaced {
            Ok(()) => self.skip_token(),
            Err(invalid) => {
                self.at = self.text.len();
                TokenKind::Invalid(invalid)
            }
        };
        self.line_start = false;
        Token { kind, start, end: self.at }
    }

    /// Goes to the next token.
    fn skip_space(&mut self) -> Result<(), Invalid> {
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else { return Ok(()) };
            self.at += match first {
                '\n' => {
                    self.line_start = true;
                    1
                }
                _ if first.is_whitespace() || first == '\u{FEFF}' => first.len_utf8(),
                '\\' if rest.starts_with("\\\n") => 2,
                '\\' if rest.starts_with("\\\r\n") => 3,
                '/' if rest.starts_with("//") => line(rest).len(),
                '/' if rest.starts_with("/*") => rest[2..].find("*/").ok_or(Invalid::Unterminated)? + 4,
                '#' if self.line_start && matches!(directive(line(rest)), Directive::Nothing) => {
                    line(rest).len()
                }
                _ => match pragma_operator(rest) {
                    Some((said, bytes)) if !changes_layout(said) => bytes,
                    _ => return Ok(()),
                },
            }
        }
    }

    /// Goes over one token, of which the first character is here.
    fn skip_token(&mut self) -> TokenKind {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return TokenKind::End };
        let starts_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let (kind, bytes) = match first {
            '#' if self.line_start => match directive(line(rest)) {
                Directive::Layout => (TokenKind::LayoutPragma, line(rest).len()),
                _ => (TokenKind::Invalid(Invalid::Directive), line(rest).len()),
            },
            '_' if pragma_operator(rest).is_some() => {
                (TokenKind::LayoutPragma, pragma_operator(rest).map_or(1, |(_, bytes)| bytes))
            }
            _ if prefixed(rest, '"') > 0 => quoted(rest, '"', TokenKind::String),
            _ if prefixed(rest, '\'') > 0 => quoted(rest, '\'', TokenKind::Character),
            _ if word_length(rest) > 0 && !starts_number(rest) => (TokenKind::Word, word_length(rest)),
            _ if starts_number(rest) || (first == '.' && starts_number(&rest[1..])) => {
                (TokenKind::Number, number_length(rest))
            }
            _ => match LONG_PUNCTUATORS.iter().find(|long| rest.starts_with(**long)) {
                Some(long) => (TokenKind::Punctuator, long.len()),
                None if first.is_ascii_punctuation() && !matches!(first, '@' | '`' | '\\') => {
                    (TokenKind::Punctuator, 1)
                }
                None => (TokenKind::Invalid(Invalid::Character), first.len_utf8()),
            },
        };
        self.at += bytes;
        kind
    }
}

/// `text` up to its first newline.
fn line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

/// What a line beginning with `#` is.
fn directive(line: &str) -> Directive {
    let mut words = line[1..].split(|c: char| !is_word(c)).filter(|word| !word.is_empty());
    match words.next() {
        None | Some("line" | "ident") => Directive::Nothing,
        Some(word) if word.starts_with(|c: char| c.is_ascii_digit()) => Directive::Nothing,
        Some("pragma") if words.next().is_some_and(changes_layout) => Directive::Layout,
        Some("pragma") => Directive::Nothing,
        Some(_) => Directive::Preprocessor,
    }
}

/// What `_Pragma("…")` at the start of `text` says, and its length (C11 6.10.9).
fn pragma_operator(text: &str) -> Option<(&str, usize)> {
    let bracket = text.strip_prefix("_Pragma")?.trim_start();
    let quote = bracket.strip_prefix('(')?.trim_start();
    if !quote.starts_with('"') {
        return None;
    }
    let (TokenKind::String, length) = quoted(quote, '"', TokenKind::String) else { return None };
    let (said, rest) = (&quote[1..length - 1], &quote[length..]);
    let rest = rest.trim_start().strip_prefix(')')?;
    Some((said, text.len() - rest.len()))
}

/// Whether a pragma changes how structures are laid out, for GCC or for Clang.
fn changes_layout(said: &str) -> bool {
    let word = said.trim_start().split(|c: char| !is_word(c)).next();
    matches!(word, Some("align" | "ms_struct" | "options" | "pack" | "scalar_storage_order"))
}

/// Where the literal at the start of `text` begins after its prefix (C11 6.4.4.4 and 6.4.5) and its quote. 0 is no literal.
fn prefixed(text: &str, quote: char) -> usize {
    let prefixes = ["u8", "L", "u", "U", ""];
    let prefix = prefixes
        .into_iter()
        .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(quote)));
    prefix.map_or(0, |prefix| prefix.len() + 1)
}

/// Kind and length of the literal at the start of `text`.
fn quoted(text: &str, quote: char, kind: TokenKind) -> (TokenKind, usize) {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip_while(|(at, _)| *at < prefixed(text, quote)) {
        match character {
            '\n' => break,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return (kind, at + 1),
            _ => {}
        }
    }
    (TokenKind::Invalid(Invalid::Unterminated), line(text).len())
}

/// Length of the preprocessing number at the start of `text`.
fn number_length(text: &str) -> usize {
    let mut previous = '0';
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let exponent_sign = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E' | 'p' | 'P');
        // C23 separates digits by single quotes (6.4.4.1).
        let separator = c == '\'' && characters.peek().is_some_and(|(_, next)| next.is_ascii_alphanumeric());
        if !(is_word(c) || c == '.' || exponent_sign || separator) {
            return at;
        }
        previous = c;
    }
    text.len()
}

/// Length of the word at the start of `text`.
fn word_length(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += match universal_name(&text[at..]) {
            Some((_, length)) => length,
            None if is_word(c) => c.len_utf8(),
            None => break,
        };
    }
    at
}

/// The character that a name such as `\u00fc` at the start of `text` is of (C11 6.4.3), and the length of that. So compilers
/// leave what is not ASCII in identifiers.
pub(super) fn universal_name(text: &str) -> Option<(char, usize)> {
    let digits = match text.as_bytes() {
        [b'\\', b'u', ..] => 4,
        [b'\\', b'U', ..] => 8,
        _ => return None,
    };
    let code = text.get(2..2 + digits)?;
    let hexadecimal = code.chars().all(|c| c.is_ascii_hexdigit());
    let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?;
    hexadecimal.then_some((character, 2 + digits))
}

/// Whether a word can contain `c`. GCC allows the dollar sign.
fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}
