//! Reading on after declarations that cannot be read.

use alloc::{boxed::Box, collections::BTreeMap, format, string::String, vec::Vec};

use super::{
    MAX_NESTING, Parser, Seen,
    error::ParseErrorKind,
    lexer::{Token, TokenKind},
    names::spelled,
    places::Failure,
    words::{Keyword, keyword},
};

/// A declaration that was left out.
pub(super) struct Skipped<'a> {
    pub(super) failure: Failure,
    /// What it declares, as far as can be told.
    pub(super) name: Option<&'a str>,
}

/// A declaration that could not be read at first.
struct Failed<'a> {
    failure: Failure,
    names: Vec<&'a str>,
}

/// How a definition says what its parameters are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Prototype,
    /// By declarations between the list of their names and the body (C11 6.9.1, 6).
    Old,
}

impl<'a> Parser<'a> {
    /// A whole text of declarations, of which those that cannot be read are left out.
    pub(super) fn scan(&mut self) -> Vec<Skipped<'a>> {
        let mut failed = Vec::new();
        // Types that were left out, as they are called, and why.
        let mut unread = BTreeMap::new();
        while self.peek().kind != TokenKind::End {
            let (start, seen) = (self.at, self.seen.len());
            if let Err(failure) = self.external_declaration() {
                let failure = failure.traced(&unread);
                self.at = start;
                if self.peek().kind == TokenKind::LayoutPragma {
                    self.bump();
                    failed.push(Failed { failure, names: Vec::new() });
                    continue;
                }
                let style = self.skip_declaration();
                let failure = match style {
                    Style::Old => Failure { kind: ParseErrorKind::OldStyle, ..failure },
                    Style::Prototype => failure,
                };
                let tokens = &self.tokens[start..self.at];
                for name in self.types_in(tokens) {
                    unread.entry(name).or_insert_with(|| failure.kind.clone());
                }
                let mut names = self.names_in(tokens);
                if style == Style::Old {
                    // After it come its parameters.
                    names.truncate(1);
                }
                // What stands before the mistake was read.
                let read = &self.seen[seen..];
                names.drain(..read.iter().zip(&names).take_while(|(seen, name)| seen.name == **name).count());
                failed.push(Failed { failure, names });
            }
        }
        let mut skipped = Vec::new();
        for Failed { failure, names } in failed {
            if names.is_empty() {
                skipped.push(Skipped { failure, name: None });
                continue;
            }
            skipped
                .extend(names.into_iter().map(|name| Skipped { failure: failure.clone(), name: Some(name) }));
        }
        self.own.complete_functions();
        let undefined = |seen: &Seen<'a>| {
            let (kind, tag) = self.own.function(&spelled(seen.name))?.signature.incomplete()?;
            let kind = ParseErrorKind::Incomplete(kind, tag.into());
            let failure = kind.at(seen.position).traced(&unread);
            Some(Skipped { failure, name: Some(seen.name) })
        };
        skipped.extend(self.seen.iter().filter_map(undefined));
        let own = &self.own;
        self.seen.retain(|seen| {
            own.function(&spelled(seen.name)).is_none_or(|function| function.signature.incomplete().is_none())
        });
        skipped.sort_by_key(|skipped| skipped.failure.position);
        skipped
    }

    /// Passes a declaration that cannot be read: up to its semicolon or the end of a function's body. Returns which it was.
    fn skip_declaration(&mut self) -> Style {
        let mut depth = 0;
        let mut body = false;
        // Whether parameters are declared between the list of their names and the body (C11 6.9.1, 6).
        let mut old_style = false;
        let mut previous = "";
        loop {
            let token = self.peek();
            let text = self.text_of(token);
            match (token.kind, text) {
                (TokenKind::End, _) => return Style::Prototype,
                (TokenKind::LayoutPragma, _) => {
                    // Its failure is that of the declaration around it.
                    let _ = self.layout_pragma();
                    continue;
                }
                (_, "{") => body |= depth == 0 && (previous == ")" || old_style),
                _ => {}
            }
            depth = 0.max(depth + self.nesting(token));
            if depth == 0 && previous == ")" && token.kind == TokenKind::Word {
                old_style |= self.starts_type()
                    && !matches!(keyword(text), Some(Keyword::Attribute | Keyword::AlignAs));
            }
            self.bump();
            if depth == 0 && ((text == ";" && !old_style) || (text == "}" && body)) {
                return if old_style && body { Style::Old } else { Style::Prototype };
            }
            previous = text;
        }
    }

    /// What the declaration of `tokens`, which cannot be read, is most likely to declare: a name for each declarator, or
    /// its tag.
    fn names_in(&self, tokens: &[Token]) -> Vec<&'a str> {
        self.declarators_in(tokens).filter_map(|tokens| self.name_in(tokens)).collect()
    }

    /// The types that it would have defined, as messages call them: `size_t`, `struct point`.
    fn types_in(&self, tokens: &[Token]) -> Vec<String> {
        let mut types = Vec::new();
        if tokens.iter().any(|token| self.text_of(*token) == "typedef") {
            types.extend(self.names_in(tokens).into_iter().map(String::from));
        }
        for three in tokens.windows(3) {
            let [word, tag, brace] = [0, 1, 2].map(|index| self.text_of(three[index]));
            if let (Some(Keyword::Aggregate(kind)), "{") = (keyword(word), brace) {
                types.push(format!("{} {tag}", kind.keyword()));
            }
        }
        types
    }

    /// The declarators of a declaration, the first with the specifiers before it.
    fn declarators_in<'t>(&'t self, tokens: &'t [Token]) -> impl Iterator<Item = &'t [Token]> {
        let mut depth = 0;
        tokens.split(move |token| {
            depth = 0.max(depth + self.nesting(*token));
            depth == 0 && token.kind == TokenKind::Punctuator && self.text_of(*token) == ","
        })
    }

    /// The name in a declarator: the word before what ends or continues it, brackets around it opened.
    fn name_in(&self, mut tokens: &[Token]) -> Option<&'a str> {
        let mut last = None;
        let mut opened = 0;
        while let Some((token, rest)) = tokens.split_first() {
            let text = self.text_of(*token);
            let next = rest.first().map_or("", |next| self.text_of(*next));
            tokens = rest;
            match text {
                "(" => {
                    // `type (name)(…)` has a second pair of brackets, `name(…)` does not.
                    let after = last.and_then(|_| self.after_group(rest).first());
                    let around = after.is_some_and(|token| matches!(self.text_of(*token), "(" | "["));
                    if last.is_some() && !around {
                        return last;
                    }
                    opened += 1;
                    if opened > MAX_NESTING {
                        return None;
                    }
                    last = None;
                }
                "[" if next == "[" => tokens = self.after_group(rest),
                "{" => tokens = self.after_group(rest),
                "[" | "=" | ":" | ";" | ")" => return last,
                _ if token.kind != TokenKind::Word => last = None,
                _ => match keyword(text) {
                    None => last = Some(text),
                    Some(
                        Keyword::Attribute
                        | Keyword::Asm
                        | Keyword::AlignAs
                        | Keyword::Atomic
                        | Keyword::TypeOf,
                    ) if next == "(" => {
                        tokens = self.after_group(&rest[1..]);
                    }
                    Some(_) => last = None,
                },
            }
        }
        last
    }

    /// What comes after the bracket that closes the group within which `tokens` begin.
    fn after_group<'t>(&self, tokens: &'t [Token]) -> &'t [Token] {
        let mut depth = 1;
        let close = tokens.iter().position(|token| {
            depth += self.nesting(*token);
            depth == 0
        });
        close.map_or(&[], |close| &tokens[close + 1..])
    }
}

impl Failure {
    /// The same failure; where it is that a type is not known which was left out before, with the reason for that.
    fn traced(self, unread: &BTreeMap<String, ParseErrorKind>) -> Failure {
        let name = match &self.kind {
            ParseErrorKind::UnknownType { name, .. } => name.clone(),
            ParseErrorKind::Incomplete(kind, tag) => format!("{} {tag}", kind.keyword()),
            _ => return self,
        };
        let Some(why) = unread.get(&name) else { return self };
        let why = match why {
            ParseErrorKind::Unread { why, .. } => why.clone(),
            why => Box::new(why.clone()),
        };
        Failure { kind: ParseErrorKind::Unread { name, why }, ..self }
    }
}
