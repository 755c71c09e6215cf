//! What is wrong with a text, and where.

use pyo3::{
    exceptions::{PyNotImplementedError, PyTypeError, PyValueError},
    prelude::*,
};
use springboard::ir::{ConstantError, ParseError, ParseErrorKind};

use super::{dialect::DialectError, names::without_prefix};
use crate::error::CDefError;

/// Line and column of an offset, both counted from 1, by the last line marker before it.
fn place<'a>(source: &'a str, at: usize, name: &'a str) -> (String, usize, usize, &'a str, bool) {
    let before = &source[..at.min(source.len())];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_text = source[start..].split('\n').next().unwrap_or_default();
    let mut file = (name.to_string(), 1, false);
    let mut in_comment = false;
    for line in before[..start].lines() {
        // A marker within a comment is none.
        let marker = (!in_comment).then(|| marker(line)).flatten();
        match marker {
            Some((number, name)) => file = (name.unwrap_or(file.0), number, true),
            None => file.1 += 1,
        }
        let mut rest = line;
        while let Some(found) = rest.find(if in_comment { "*/" } else { "/*" }) {
            in_comment = !in_comment;
            rest = &rest[found + 2..];
        }
    }
    (file.0, file.1, at - start + 1, line_text, file.2)
}

/// Line and file of a line marker.
fn marker(line: &str) -> Option<(usize, Option<String>)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let rest = rest.strip_prefix("line").unwrap_or(rest).trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..end].parse().ok()?;
    let file = rest[end..].split_once('"').and_then(|(_, rest)| rest.split_once('"'));
    Some((number, file.map(|(file, _)| file.to_string())))
}

/// The exception for a text of declarations.
pub(super) fn of_text(source: &str, at: usize, error: &ParseError, name: &str) -> PyErr {
    if let ParseErrorKind::UnknownEnum(tag) = &error.kind {
        return PyNotImplementedError::new_err(format!(
            "enum {tag}: the '{{}}' declaration should appear on the first time the enum is mentioned, not later"
        ));
    }
    let at = at.min(source.len());
    let (file, line, column, text, marked) = place(source, at, name);
    let head = if marked { "parse error".into() } else { format!("cannot parse \"{}\"", text.trim()) };
    let caret = format!("{text}\n{}^", " ".repeat(source[at + 1 - column..at].chars().count()));
    let said = without_prefix(&error.kind.to_string());
    CDefError::new_err(format!("{head}\n{file}:{line}:{column}: {said}\n{caret}"))
}

/// The exception for the text of a type.
pub(super) fn of_type(source: &str, at: usize, error: &ParseError) -> PyErr {
    match &error.kind {
        ParseErrorKind::UnknownType { name, .. } if source.trim() == name => {
            CDefError::new_err(format!("unknown identifier '{name}'"))
        }
        ParseErrorKind::Signature(error) => PyTypeError::new_err(error.to_string()),
        ParseErrorKind::ArrayLength(_) => PyValueError::new_err("negative array length"),
        ParseErrorKind::Constant(ConstantError::Unknown(name)) => {
            CDefError::new_err(format!("cannot parse \"{source}\": '{name}' is no known constant"))
        }
        _ => of_text(source, at, error, "<cdef source string>"),
    }
}

pub(super) fn of_dialect(source: &str, error: &DialectError) -> PyErr {
    let message = match error {
        DialectError::Define { name, value } => format!(
            "only supports one of the following syntax:\n  #define {name} ...     (literally dot-dot-dot)\n  #define {name} NUMBER  (with NUMBER an integer constant, decimal/hex/octal)\ngot:\n  #define {name} {value}"
        ),
        DialectError::Body(at) => {
            let (file, line, ..) = place(source, *at, "<cdef source string>");
            format!("{file}:{line}: unexpected <FuncDef>: this construct is valid C but not valid in cdef()")
        }
        DialectError::Unclosed => "'extern \"Python\"': its end is not found".into(),
    };
    CDefError::new_err(message)
}
