//! Text to values: numbers, texts in quotes, symbols, and lists in parentheses. A semicolon begins a comment.

use std::rc::Rc;

use crate::language::{Error, Value, error};

/// The values of a program, in order.
pub(crate) fn read(text: &str) -> Result<Vec<Value>, Error> {
    let mut rest = text;
    let mut values = Vec::new();
    while let Some(value) = next(&mut rest)? {
        values.push(value);
    }
    if rest.is_empty() { Ok(values) } else { Err(error!("a `)` too many before {rest:?}")) }
}

/// The next value, or none at the end and before a `)`.
fn next(rest: &mut &str) -> Result<Option<Value>, Error> {
    loop {
        *rest = rest.trim_start();
        match rest.strip_prefix(';') {
            Some(comment) => *rest = comment.split_once('\n').map_or("", |(_, after)| after),
            None => break,
        }
    }
    if rest.is_empty() || rest.starts_with(')') {
        return Ok(None);
    }
    if let Some(inside) = rest.strip_prefix('(') {
        *rest = inside;
        let mut elements = Vec::new();
        while let Some(element) = next(rest)? {
            elements.push(element);
        }
        *rest = rest.strip_prefix(')').ok_or_else(|| error!("a `(` is not closed"))?;
        return Ok(Some(Value::List(elements.into())));
    }
    if let Some(inside) = rest.strip_prefix('"') {
        let (text, after) = inside.split_once('"').ok_or_else(|| error!("a text is not closed"))?;
        *rest = after;
        return Ok(Some(Value::Text(text.into())));
    }
    let end = rest.find(|c: char| c.is_whitespace() || "()\";".contains(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    Ok(Some(match (word.parse(), word.parse()) {
        (Ok(number), _) => Value::Int(number),
        (_, Ok(number)) => Value::Float(number),
        _ => Value::Symbol(Rc::from(word)),
    }))
}
