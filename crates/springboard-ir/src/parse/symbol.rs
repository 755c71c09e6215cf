//! The symbol of a function or object, where `__asm__` gives it another one than the name.

use alloc::string::String;

use super::{
    Built, Parser,
    attributes::Attributes,
    derivations::{Declarator, Role},
    error::Expected,
    lexer::{Token, TokenKind},
    places::Failure,
    specifiers::Specifiers,
    words::{Keyword, keyword},
};

impl<'a> Parser<'a> {
    /// `__asm__("…")`, if it comes next: whether it does.
    pub(super) fn assembler_text(&mut self) -> Result<bool, Failure> {
        if self.word().and_then(keyword) != Some(Keyword::Asm) {
            return Ok(false);
        }
        self.bump();
        self.in_brackets(|parser| {
            if parser.peek().kind != TokenKind::String {
                return Err(parser.unexpected(Expected::String));
            }
            while parser.peek().kind == TokenKind::String {
                parser.bump();
            }
            Ok(true)
        })
    }

    /// The type and the attributes of what a declaration outside of functions declares, whose symbol may be given before its
    /// attributes (GCC) or after some of them (Clang).
    pub(super) fn complete_external(
        &mut self,
        specifiers: &Specifiers,
        declarator: &mut Declarator<'a>,
        role: Role,
    ) -> Result<(Built, Attributes), Failure> {
        let is_named = self.assembler_text()?;
        let completed = self.complete(specifiers, declarator, role)?;
        if !is_named && self.assembler_text()? {
            self.attributes_without_effect()?;
        }
        Ok(completed)
    }

    /// The symbol that `__asm__("…")`, among the tokens from `start` on, gives what is declared.
    pub(super) fn assembler_name(&self, start: usize) -> Option<String> {
        let tokens = &self.tokens[start..self.at];
        let is_asm = |token: &Token| keyword(self.text_of(*token)) == Some(Keyword::Asm);
        let asm = tokens.iter().position(is_asm)?;
        let strings = tokens[asm + 1..].iter().skip(1).take_while(|token| token.kind == TokenKind::String);
        let name: String = strings.map(|token| self.text_of(*token).trim_matches('"')).collect();
        Some(name).filter(|name| !name.is_empty())
    }
}
