//! Moving over tokens.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    MAX_NESTING, Parser,
    declarations::Declarations,
    error::{Expected, ParseErrorKind},
    lexer::{Token, TokenKind, lex, plain_punctuator},
    places::Failure,
    pragma::Packing,
    shortened,
};
use crate::model::DataModel;

/// How often a token is passed at most, in the mean: what can be two things is read again, at each depth.
const MOST_PASSES: usize = 2 * MAX_NESTING as usize;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, outer: &'a Declarations) -> Parser<'a> {
        let own = Declarations::for_model(outer.model());
        Parser {
            text,
            tokens: lex(text),
            at: 0,
            passed: 0,
            depth: 0,
            parameter_lists: 0,
            parameter_names: Vec::new(),
            outer,
            own,
            open: Vec::new(),
            packing: Packing::default(),
            seen: Vec::new(),
            objects: BTreeMap::new(),
        }
    }

    /// The target's decisions about types, for `sizeof` and alignments.
    pub(super) fn model(&self) -> &'a DataModel {
        self.outer.model()
    }

    pub(super) fn peek(&self) -> Token {
        self.tokens[self.at]
    }

    /// The token after the next one.
    pub(super) fn peek_second(&self) -> Token {
        self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
    }

    /// Passes one token. The end is never passed.
    pub(super) fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.at += 1;
            self.passed += 1;
            debug_assert!(self.passed <= MOST_PASSES * self.tokens.len(), "time is linear in the text");
        }
        token
    }

    pub(super) fn text_of(&self, token: Token) -> &'a str {
        let text = &self.text[token.start..token.end];
        if token.kind == TokenKind::Punctuator { plain_punctuator(text) } else { text }
    }

    /// The next token, if it is a word.
    pub(super) fn word(&self) -> Option<&'a str> {
        let token = self.peek();
        (token.kind == TokenKind::Word).then(|| self.text_of(token))
    }

    /// Where the next token begins.
    pub(super) fn position(&self) -> usize {
        self.peek().start
    }

    /// Whether the next token is the punctuator or word `text`.
    pub(super) fn at(&self, text: &str) -> bool {
        let token = self.peek();
        matches!(token.kind, TokenKind::Punctuator | TokenKind::Word) && self.text_of(token) == text
    }

    /// Passes the punctuator or word `text`, if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.at(text);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect(&mut self, text: &'static str) -> Result<Token, Failure> {
        if self.at(text) { Ok(self.bump()) } else { Err(self.unexpected(Expected::Text(text))) }
    }

    /// What `parse` reads between the brackets that come next.
    pub(super) fn in_brackets<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.expect("(")?;
        let inside = parse(self)?;
        self.expect(")").map(|_| inside)
    }

    /// A failure at the next token.
    pub(super) fn fail(&self, kind: ParseErrorKind) -> Failure {
        kind.at(self.position())
    }

    /// The failure that the next token is not what was expected.
    pub(super) fn unexpected(&self, expected: Expected) -> Failure {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::Invalid(invalid) => return self.fail(invalid.error(self.text_of(token))),
            TokenKind::End => None,
            _ => Some(self.quote(token)),
        };
        self.fail(ParseErrorKind::Expected { expected, found })
    }

    /// The text of a token, for a message.
    pub(super) fn quote(&self, token: Token) -> String {
        shortened(self.text_of(token))
    }

    /// Runs `parse` one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.depth == MAX_NESTING {
            return Err(self.fail(ParseErrorKind::TooDeep(MAX_NESTING)));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Whether a token opens (1) or closes (-1) brackets of any kind.
    pub(super) fn nesting(&self, token: Token) -> i32 {
        match (token.kind, self.text_of(token)) {
            (TokenKind::Punctuator, "(" | "[" | "{") => 1,
            (TokenKind::Punctuator, ")" | "]" | "}") => -1,
            _ => 0,
        }
    }

    /// Passes a bracketed group, whose opening bracket comes next, with everything in it.
    pub(super) fn skip_group(&mut self) -> Result<(), Failure> {
        let opening = self.position();
        // What closes the brackets that are open.
        let mut closing: Vec<&'static str> = Vec::new();
        loop {
            let token = self.peek();
            match (token.kind, self.text_of(token)) {
                (TokenKind::End, _) => {
                    return Err(ParseErrorKind::Unterminated.at(opening));
                }
                (TokenKind::Punctuator, "(") => closing.push(")"),
                (TokenKind::Punctuator, "[") => closing.push("]"),
                (TokenKind::Punctuator, "{") => closing.push("}"),
                (TokenKind::Punctuator, found @ (")" | "]" | "}")) => match closing.pop() {
                    Some(wanted) if wanted != found => return Err(self.unexpected(Expected::Text(wanted))),
                    _ => {}
                },
                (TokenKind::LayoutPragma, _) => {
                    self.layout_pragma()?;
                    continue;
                }
                _ => {}
            }
            self.bump();
            if closing.is_empty() {
                return Ok(());
            }
        }
    }
}
