//! The line of a text in which an error is, with a caret under the place.

use core::fmt::{self, Display, Formatter, Write as _};

use unicode_width::UnicodeWidthChar;

use super::error::ParseError;

/// Columns shown on either side of the place, of a line that is longer.
const CONTEXT: usize = 60;

/// What is shown for what was left out of a line.
const ELLIPSIS: &str = "…";

impl ParseError {
    /// The line of `text` in which the error is and, in a second line, a caret under the place.
    ///
    /// `text` is the text that was parsed. Tabs stay tabs in both lines, wide characters count two columns, control
    /// characters are shown as `\u{FFFD}`, and of a long line only the surroundings of the place are shown. No
    /// newline at the end.
    pub fn excerpt<'a>(&self, text: &'a str) -> impl Display + 'a {
        let position = (0..=self.position.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let (before, after) = text.split_at(position.unwrap_or(0));
        let before = before.rsplit('\n').next().unwrap_or_default();
        let after = after.split('\n').next().unwrap_or_default();
        fmt::from_fn(move |f| {
            let shown_from = before.char_indices().rev().nth(CONTEXT).map_or(0, |(at, _)| at);
            let shown_to = after.char_indices().nth(CONTEXT).map_or(after.len(), |(at, _)| at);
            let cut = |cut: bool| if cut { ELLIPSIS } else { "" };
            let lead = cut(shown_from > 0);
            let before = &before[shown_from..];
            writeln!(
                f,
                "{lead}{}{}{}",
                Shown(before),
                Shown(&after[..shown_to]),
                cut(shown_to < after.len())
            )?;
            write!(f, "{}{}^", Blank(lead), Blank(before))
        })
    }
}

/// A part of a line as it is shown.
struct Shown<'a>(&'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().map(printable).try_for_each(|character| f.write_char(character))
    }
}

/// As much blank space as a part of a line takes when it is shown.
struct Blank<'a>(&'a str);

impl Display for Blank<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().map(printable).try_for_each(|character| match character {
            '\t' => f.write_char('\t'),
            _ => (0..character.width().unwrap_or(0)).try_for_each(|_| f.write_char(' ')),
        })
    }
}

/// A character that a terminal shows as one and obeys in nothing.
fn printable(character: char) -> char {
    if character.is_control() && character != '\t' { '\u{FFFD}' } else { character }
}
