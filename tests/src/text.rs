//! What holds for every text that is given to the parser.

use std::fmt::Debug;

use springboard_ir::{DataModel, Declarations, Definitions, ParseError, Prototype, Type};

/// Parses `text` in every way there is. An error is in the text and can be shown; what was read is written, read
/// again and the same.
///
/// # Panics
/// Where that does not hold.
pub fn survives(text: &str) {
    if let Some(prototype) = checked(text, Prototype::parse(text)) {
        let mut definitions = Definitions::default();
        definitions
            .add_signature(&prototype.signature)
            .unwrap_or_else(|conflict| panic!("{conflict} in {text:?}"));
        same(text, &prototype, &format!("{definitions}{prototype}"), Prototype::parse);
    }
    if let Some(ty) = checked(text, Type::parse(text)) {
        let mut definitions = Definitions::default();
        definitions.add_type(&ty).unwrap_or_else(|conflict| panic!("{conflict} in {text:?}"));
        same(text, &ty, &format!("{definitions}{ty}"), Type::parse);
    }
    if let Some(declarations) = checked(text, Declarations::parse(text)) {
        same(text, &declarations, &declarations.to_string(), Declarations::parse);
    }
    let (declarations, errors) = Declarations::scan(text, &DataModel::LP64);
    for error in errors {
        shown(text, &error);
    }
    same(text, &declarations, &declarations.to_string(), Declarations::parse);
}

/// What was read, or nothing for an error that is as errors are.
fn checked<T>(text: &str, result: Result<T, ParseError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            shown(text, &error);
            None
        }
    }
}

/// Reads what was written for `value`, and compares.
fn same<T: PartialEq + Debug>(text: &str, value: &T, written: &str, read: fn(&str) -> Result<T, ParseError>) {
    match read(written) {
        Ok(again) => assert_eq!(*value, again, "of {text:?}, written {written:?}"),
        Err(error) => panic!("{error}\n{}\nof {text:?}", error.excerpt(written)),
    }
}

/// Checks what an error says about its place.
fn shown(text: &str, error: &ParseError) {
    let before = text.get(..error.position).unwrap_or_else(|| panic!("no place for {error:?} in {text:?}"));
    assert_eq!(before.matches('\n').count() + 1, error.line, "line of {error:?} in {text:?}");
    let line = before.rsplit('\n').next().unwrap_or_default();
    assert_eq!(line.chars().count() + 1, error.column, "column of {error:?} in {text:?}");
    let message = error.to_string();
    assert!(!message.contains(char::is_control), "{message:?} is no line, of {text:?}");
    let excerpt = error.excerpt(text).to_string();
    let lines: Vec<&str> = excerpt.split('\n').collect();
    assert!(matches!(lines[..], [_, caret] if caret.trim_start() == "^"), "{excerpt:?} of {text:?}");
}
