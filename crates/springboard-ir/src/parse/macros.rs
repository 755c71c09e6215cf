//! Macros of the preprocessor, as `cc -E -dD` leaves their definitions in a text: expanded (C11 6.10.3) where one is asked for
//! its value.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};
use core::fmt;

use super::{
    declarations::Declarations,
    error::ParseErrorKind,
    lexer::{TokenKind, lex},
};
use crate::constant::Constant;

/// Tokens that an expansion may go through, so that a small text cannot ask for a large one.
const MOST_TOKENS: usize = 1 << 16;

/// Macros in the arguments of macros beyond which an expansion is given up.
const MOST_NESTING: u32 = 32;

/// Why a macro stands for no constant.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum NotConstant {
    /// It stands for nothing.
    Empty,
    /// It takes arguments.
    TakesArguments,
    /// What it stands for is no constant expression.
    Expression(ParseErrorKind),
    /// It cannot be expanded: `##` makes no token, or a macro in it is given too few or too many arguments.
    Expansion,
    /// It expands to too much.
    TooLong,
}

impl fmt::Display for NotConstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotConstant::Empty => f.write_str("it stands for nothing"),
            NotConstant::TakesArguments => f.write_str("it takes arguments"),
            NotConstant::Expression(kind) => kind.fmt(f),
            NotConstant::Expansion => f.write_str("it cannot be expanded"),
            NotConstant::TooLong => f.write_str("it expands to too much"),
        }
    }
}

impl core::error::Error for NotConstant {}

/// The macros that are defined at the end of a text.
#[derive(Clone, Default, Debug)]
pub(crate) struct Macros {
    by_name: BTreeMap<Arc<str>, Macro>,
}

#[derive(Clone, Debug)]
struct Macro {
    /// The names of its parameters, if it takes arguments.
    parameters: Option<Parameters>,
    body: Vec<Piece>,
    /// Where its name stands in the text.
    position: usize,
}

#[derive(Clone, Debug)]
struct Parameters {
    names: Vec<Arc<str>>,
    /// Whether the last one takes all arguments that are left.
    variadic: bool,
}

/// A token with its text.
#[derive(Clone, PartialEq, Debug)]
struct Piece {
    kind: TokenKind,
    text: Arc<str>,
    /// Whether it is the name of a macro within that macro's own expansion: then it stays what it is.
    painted: bool,
}

impl Piece {
    fn is(&self, text: &str) -> bool {
        self.kind == TokenKind::Punctuator && &*self.text == text
    }
}

/// What is to be read next while a macro is expanded.
enum Next {
    Piece(Piece),
    /// The end of the expansion of the macro that began last.
    End,
}

/// One expansion.
struct Expansion<'m> {
    macros: &'m Macros,
    /// Macros that are being expanded.
    active: Vec<Arc<str>>,
    /// Tokens that may still be gone through.
    left: usize,
    nesting: u32,
}

impl Macros {
    /// Takes the definitions out of `text`. In what is returned, spaces stand where they were, so that all else is where it
    /// was.
    pub(crate) fn taken_out_of(text: &str) -> (Macros, Option<String>) {
        let mut macros = Macros::default();
        let mut plain: Option<String> = None;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            if macros.directive(content, at) {
                let spaces = " ".repeat(content.len());
                plain.get_or_insert_with(|| text.to_owned()).replace_range(at..at + content.len(), &spaces);
            }
            at += line.len();
        }
        (macros, plain)
    }

    /// Obeys a line that begins at `at`, if it is `#define` or `#undef`.
    fn directive(&mut self, line: &str, at: usize) -> bool {
        let Some(rest) = line.trim_start().strip_prefix('#').map(str::trim_start) else { return false };
        let argument = |word| Some(rest.strip_prefix(word)?).filter(|rest| rest.starts_with([' ', '\t']));
        if let Some(name) = argument("undef") {
            self.by_name.remove(name.trim());
            return true;
        }
        let Some(definition) = argument("define") else { return false };
        let definition = definition.trim_start();
        if let Some((name, meaning)) = Macro::read(definition, at + line.len() - definition.len()) {
            self.by_name.insert(name, meaning);
        }
        true
    }

    /// Every macro with the place of its name in the text, in the order of the text.
    pub(crate) fn in_order(&self) -> Vec<(Arc<str>, usize)> {
        let mut all: Vec<_> =
            self.by_name.iter().map(|(name, meaning)| (Arc::clone(name), meaning.position)).collect();
        all.sort_unstable_by_key(|(_, position)| *position);
        all
    }

    /// The value of the macro `name`, in which the names of `declarations` can stand. `None` where there is none.
    pub(crate) fn value(
        &self,
        name: &str,
        declarations: &Declarations,
    ) -> Option<Result<Constant, NotConstant>> {
        let (name, meaning) = self.by_name.get_key_value(name)?;
        Some(match meaning {
            Macro { parameters: Some(_), .. } => Err(NotConstant::TakesArguments),
            Macro { body, .. } if body.is_empty() => Err(NotConstant::Empty),
            Macro { .. } => self
                .expanded(name)
                .and_then(|text| super::constant(&text, declarations).map_err(NotConstant::Expression)),
        })
    }

    /// What the macro `name` stands for.
    fn expanded(&self, name: &Arc<str>) -> Result<String, NotConstant> {
        let mut expansion = Expansion { macros: self, active: Vec::new(), left: MOST_TOKENS, nesting: 0 };
        let name = Piece { kind: TokenKind::Word, text: Arc::clone(name), painted: false };
        let mut text = String::new();
        for piece in expansion.expand([name])? {
            text.push_str(&piece.text);
            text.push(' ');
        }
        Ok(text)
    }
}

impl Macro {
    /// Reads what comes after `#define`.
    fn read(definition: &str, position: usize) -> Option<(Arc<str>, Macro)> {
        let mut pieces = pieces(definition)?;
        let name = pieces.first().filter(|name| name.kind == TokenKind::Word)?.text.clone();
        // A bracket right after the name is that of parameters (6.10.3, 10).
        if !definition[name.len()..].starts_with('(') {
            return Some((name, Macro { parameters: None, body: pieces.split_off(1), position }));
        }
        let close = pieces.iter().position(|piece| piece.is(")"))?;
        // `args...` names what it takes; `...` alone is `__VA_ARGS__`.
        let listed = &pieces[2..close];
        let variadic = listed.last().is_some_and(|piece| piece.is("..."));
        let words = listed.iter().filter(|piece| piece.kind == TokenKind::Word);
        let mut names: Vec<_> = words.map(|piece| Arc::clone(&piece.text)).collect();
        let commas = listed.iter().filter(|piece| piece.is(",")).count();
        if variadic && names.len() == commas {
            names.push("__VA_ARGS__".into());
        }
        let parameters = Parameters { names, variadic };
        Some((name, Macro { parameters: Some(parameters), body: pieces.split_off(close + 1), position }))
    }
}

impl Expansion<'_> {
    /// All macros in `pieces`, expanded.
    fn expand(&mut self, pieces: impl IntoIterator<Item = Piece>) -> Result<Vec<Piece>, NotConstant> {
        let macros = self.macros;
        let mut next: Vec<Next> = pieces.into_iter().map(Next::Piece).collect();
        next.reverse();
        let outside = self.active.len();
        let mut done = Vec::new();
        while let Some(first) = next.pop() {
            let Next::Piece(mut piece) = first else {
                self.active.pop();
                continue;
            };
            self.left = self.left.checked_sub(1).ok_or(NotConstant::TooLong)?;
            let meaning =
                macros.by_name.get(&piece.text).filter(|_| piece.kind == TokenKind::Word && !piece.painted);
            let Some(meaning) = meaning else {
                done.push(piece);
                continue;
            };
            if self.active.contains(&piece.text) {
                piece.painted = true;
                done.push(piece);
                continue;
            }
            let body = match &meaning.parameters {
                None => meaning.body.clone(),
                Some(parameters) => match self.arguments(&mut next)? {
                    Some(arguments) => self.substituted(meaning, parameters, arguments)?,
                    None => {
                        done.push(piece);
                        continue;
                    }
                },
            };
            self.active.push(piece.text);
            next.push(Next::End);
            next.extend(joined(body)?.into_iter().rev().map(Next::Piece));
        }
        self.active.truncate(outside);
        Ok(done)
    }

    /// The arguments that come next in brackets, or nothing.
    fn arguments(&mut self, next: &mut Vec<Next>) -> Result<Option<Vec<Vec<Piece>>>, NotConstant> {
        let opens = next.iter().rev().find_map(|next| match next {
            Next::Piece(piece) => Some(piece.is("(")),
            Next::End => None,
        });
        if opens != Some(true) {
            return Ok(None);
        }
        let (mut arguments, mut depth) = (Vec::new(), 0u32);
        let mut argument = Vec::new();
        while let Some(first) = next.pop() {
            let Next::Piece(piece) = first else {
                self.active.pop();
                continue;
            };
            self.left = self.left.checked_sub(1).ok_or(NotConstant::TooLong)?;
            if piece.is("(") {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            } else if piece.is(")") {
                depth -= 1;
                if depth == 0 {
                    arguments.push(argument);
                    return Ok(Some(arguments));
                }
            } else if piece.is(",") && depth == 1 {
                arguments.push(core::mem::take(&mut argument));
                continue;
            }
            argument.push(piece);
        }
        Err(NotConstant::Expansion)
    }

    /// The body of a macro with its arguments in it.
    fn substituted(
        &mut self,
        meaning: &Macro,
        parameters: &Parameters,
        mut arguments: Vec<Vec<Piece>>,
    ) -> Result<Vec<Piece>, NotConstant> {
        let Parameters { names, variadic } = parameters;
        let comma = Piece { kind: TokenKind::Punctuator, text: ",".into(), painted: false };
        if *variadic && arguments.len() >= names.len() {
            let rest = arguments.split_off(names.len() - 1);
            arguments.push(rest.join(&comma));
        } else if *variadic {
            arguments.push(Vec::new());
        }
        if names.is_empty() && arguments.iter().all(Vec::is_empty) {
            arguments.clear();
        }
        if arguments.len() != names.len() {
            return Err(NotConstant::Expansion);
        }
        let argument = |piece: &Piece| {
            let index = names.iter().position(|name| piece.kind == TokenKind::Word && *name == piece.text)?;
            Some(&arguments[index])
        };
        let body = &meaning.body;
        let mut done = Vec::new();
        let mut index = 0;
        while let Some(piece) = body.get(index) {
            let pastes = |at: Option<usize>| at.is_some_and(|at| is_paste(body, at));
            let quoted = piece.is("#").then(|| body.get(index + 1).and_then(argument)).flatten();
            if pastes(Some(index)) {
                done.extend_from_slice(&body[index..index + 2]);
                index += 2;
                continue;
            }
            match (quoted, argument(piece)) {
                (Some(argument), _) => {
                    done.push(stringified(argument));
                    index += 1;
                }
                // What is pasted is not expanded before.
                (_, Some(argument)) if pastes(Some(index + 1)) || pastes(index.checked_sub(2)) => {
                    done.extend_from_slice(argument);
                }
                (_, Some(argument)) => {
                    self.nesting += 1;
                    if self.nesting > MOST_NESTING {
                        return Err(NotConstant::TooLong);
                    }
                    done.extend(self.expand(argument.clone())?);
                    self.nesting -= 1;
                }
                _ => done.push(piece.clone()),
            }
            index += 1;
        }
        Ok(done)
    }
}

/// Whether `##` stands in a body: two tokens, for the lexer.
fn is_paste(body: &[Piece], at: usize) -> bool {
    matches!(body.get(at..at + 2), Some([a, b]) if a.is("#") && b.is("#"))
}

/// A body after each `##` in it has made one token of its neighbours.
fn joined(body: Vec<Piece>) -> Result<Vec<Piece>, NotConstant> {
    let mut done: Vec<Piece> = Vec::with_capacity(body.len());
    let mut index = 0;
    while index < body.len() {
        if !is_paste(&body, index) {
            done.push(body[index].clone());
            index += 1;
            continue;
        }
        let left = done.pop().map(|piece| piece.text).unwrap_or_default();
        let right = body.get(index + 2).map(|piece| &*piece.text).unwrap_or_default();
        match pieces(&format!("{left}{right}")).as_deref() {
            Some([]) => {}
            Some([piece]) => done.push(piece.clone()),
            _ => return Err(NotConstant::Expansion),
        }
        index += 3;
    }
    Ok(done)
}

/// What `#` makes of an argument.
fn stringified(argument: &[Piece]) -> Piece {
    let mut text = String::from('"');
    for (index, piece) in argument.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        let escapes = matches!(piece.kind, TokenKind::String | TokenKind::Character);
        for character in piece.text.chars() {
            if escapes && matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
    }
    text.push('"');
    Piece { kind: TokenKind::String, text: text.into(), painted: false }
}

/// The tokens of a definition. `None` where text forms no token.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut tokens = lex(text);
    tokens.pop();
    let piece = |token: super::lexer::Token| match token.kind {
        TokenKind::Invalid(_) | TokenKind::PackPragma | TokenKind::End => None,
        kind => Some(Piece { kind, text: text[token.start..token.end].into(), painted: false }),
    };
    tokens.into_iter().map(piece).collect()
}
