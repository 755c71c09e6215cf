//! Where in a text something is wrong.

use super::error::{ParseError, ParseErrorKind};

/// What is wrong and at which byte, before line and column are known.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) position: usize,
    pub(crate) kind: ParseErrorKind,
}

impl Failure {
    /// The failure that `what` at `position` changes types or calls in a way that is not supported.
    pub(crate) fn unsupported(what: &str, position: usize) -> Failure {
        ParseErrorKind::Unsupported(what.into()).at(position)
    }
}

impl ParseErrorKind {
    /// The failure that this is wrong at `position`.
    pub(crate) fn at(self, position: usize) -> Failure {
        Failure { position, kind: self }
    }
}

/// A step that knows what is wrong, and not where.
pub(crate) trait Placed<T> {
    /// The same, wrong at `position`.
    fn at(self, position: usize) -> Result<T, Failure>;
}

impl<T, E: Into<ParseErrorKind>> Placed<T> for Result<T, E> {
    fn at(self, position: usize) -> Result<T, Failure> {
        self.map_err(|error| error.into().at(position))
    }
}

/// Lines and columns of a text. Going through the text once is enough for failures in order.
pub(crate) struct Places<'a> {
    text: &'a str,
    position: usize,
    line: usize,
    column: usize,
}

impl<'a> Places<'a> {
    pub(crate) fn of(text: &'a str) -> Places<'a> {
        Places { text, position: 0, line: 1, column: 1 }
    }

    /// The error that `failure` is in this text.
    pub(crate) fn locate(&mut self, failure: Failure) -> ParseError {
        let Failure { position, kind } = failure;
        if position < self.position {
            *self = Places::of(self.text);
        }
        for character in self.text[self.position..position].chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.position = position;
        ParseError { position, line: self.line, column: self.column, kind }
    }
}
