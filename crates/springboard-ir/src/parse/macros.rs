//! Macros of the preprocessor, as `cc -E -dD` leaves their definitions in a text: expanded (C11 6.10.3) where one is asked for
//! its value.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, sync::Arc, vec::Vec};

mod expansion;

use thiserror::Error;

use expansion::Expansion;

use super::{
    declarations::Declarations,
    error::ParseErrorKind,
    lexer::{TokenKind, lex},
};
use crate::constant::Constant;

/// Why a macro stands for no constant.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum NotConstant {
    /// It stands for nothing.
    #[error("it stands for nothing")]
    Empty,
    /// It takes arguments.
    #[error("it takes arguments")]
    TakesArguments,
    /// What it stands for is no constant expression.
    #[error(transparent)]
    Expression(ParseErrorKind),
    /// It cannot be expanded: `##` makes no token, or a macro in it is given too few or too many arguments.
    #[error("it cannot be expanded")]
    Expansion,
    /// It expands to too much.
    #[error("it expands to too much")]
    TooLong,
}

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
    fn new(kind: TokenKind, text: &str) -> Piece {
        Piece { kind, text: text.into(), painted: false }
    }

    /// What stands for an argument without tokens beside `##`.
    fn nothing() -> Piece {
        Piece::new(TokenKind::Word, "")
    }

    fn is(&self, text: &str) -> bool {
        self.kind == TokenKind::Punctuator && &*self.text == text
    }
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
        let name = Piece::new(TokenKind::Word, name);
        let mut text = String::new();
        for piece in Expansion::of(self).expand([name])? {
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

/// The tokens of a definition. `None` where text forms no token.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut tokens = lex(text);
    tokens.pop();
    let piece = |token: super::lexer::Token| match token.kind {
        TokenKind::Invalid(_) | TokenKind::LayoutPragma | TokenKind::End => None,
        kind => Some(Piece::new(kind, &text[token.start..token.end])),
    };
    tokens.into_iter().map(piece).collect()
}
