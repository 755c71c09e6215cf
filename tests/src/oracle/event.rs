//! What a batch has to tell, as values and as lines of text between the process that calls and the one that drives.

use std::{fmt, str::FromStr};

/// A way in which a case is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Path {
    /// By the C caller. A mismatch here is a mistake of the oracle's, or of the layout of types.
    Compiled,
    /// By the stub, straight from the emitter, through a canary.
    Stub,
    /// By the stub of a call over columns, with one row.
    Columns,
    /// By the runtime, by whatever path it chooses.
    Runtime,
    /// By the runtime when it may not compile.
    Libffi,
    /// The other way: the C caller calls the stub of a callback, straight from the emitter.
    Callback,
    /// The C caller calls the runtime's callback when that may not compile.
    Closure,
}

impl Path {
    /// Every path.
    pub const ALL: [Path; 7] = [
        Path::Compiled,
        Path::Stub,
        Path::Columns,
        Path::Runtime,
        Path::Libffi,
        Path::Callback,
        Path::Closure,
    ];
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Path::Compiled => "compiled",
            Path::Stub => "stub",
            Path::Columns => "columns",
            Path::Runtime => "runtime",
            Path::Libffi => "libffi",
            Path::Callback => "callback",
            Path::Closure => "closure",
        })
    }
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Path, String> {
        let named = Path::ALL.into_iter().find(|path| path.to_string() == text);
        named.ok_or_else(|| format!("`{text}` is no path"))
    }
}

/// One thing that a batch has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A number of signatures of which the same can be said: called by a path, without a plan for some reason.
    Count(u64, String),
    /// A call went wrong.
    Mismatch {
        /// The position of the case in the batch.
        position: usize,
        /// How it was called.
        path: Path,
        /// What was found.
        what: String,
    },
    /// Everything was called.
    Done,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Count(number, what) => write!(f, "count {number} {what}"),
            Event::Mismatch { position, path, what } => write!(f, "mismatch {position} {path} {what}"),
            Event::Done => f.write_str("done"),
        }
    }
}

impl FromStr for Event {
    type Err = String;

    fn from_str(line: &str) -> Result<Event, String> {
        let wrong = || format!("`{line}` is no line of a batch");
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().ok_or_else(wrong);
        match word()? {
            "count" => {
                let number = word()?.parse().map_err(|_| wrong())?;
                let what = line.splitn(3, ' ').nth(2).ok_or_else(wrong)?;
                Ok(Event::Count(number, what.to_owned()))
            }
            "mismatch" => Ok(Event::Mismatch {
                position: word()?.parse().map_err(|_| wrong())?,
                path: word()?.parse()?,
                what: word()?.to_owned(),
            }),
            "done" => Ok(Event::Done),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_written() {
        let events = [
            Event::Count(7, String::from("ineligible x87-result")),
            Event::Mismatch { position: 3, path: Path::Stub, what: String::from("parameter 2: byte 4 is 1") },
            Event::Done,
        ];
        for event in events {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert!("nonsense".parse::<Event>().is_err());
    }
}
