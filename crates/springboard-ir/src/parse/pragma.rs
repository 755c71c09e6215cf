//! Pragmas that change layouts: `pack`, as far as it can be told apart from other packing, and those that are refused.

use alloc::{string::String, vec::Vec};

use super::{Parser, error::ParseErrorKind, lexer::TokenKind, places::Failure};
use crate::model::Compiler;

/// Alignments saved by `push` beyond which a text is refused.
const MAX_SAVED: usize = 64;

/// What pragmas say about the layout of the structures that follow.
#[derive(Default)]
pub(super) struct Packing<'a> {
    /// What `#pragma pack` says, in bytes. 0 is nothing.
    bytes: u32,
    /// What it said at each `push`, with the name that it was saved under.
    saved: Vec<(&'a str, u32)>,
    /// The pragma that was not understood, after which no layout is known.
    unknown: Option<String>,
}

impl Packing<'_> {
    /// The most that members are aligned to, in bytes.
    pub(super) fn most(&self) -> Result<Option<u32>, ParseErrorKind> {
        match &self.unknown {
            Some(pragma) => Err(ParseErrorKind::Unsupported(pragma.clone())),
            None => Ok(Some(self.bytes).filter(|bytes| *bytes > 0)),
        }
    }
}

impl<'a> Parser<'a> {
    /// Obeys the pragma that comes next, if one does.
    pub(super) fn eat_layout_pragma(&mut self) -> Result<bool, Failure> {
        let comes = self.peek().kind == TokenKind::LayoutPragma;
        if comes {
            self.layout_pragma()?;
        }
        Ok(comes)
    }

    /// Obeys the pragma that comes next.
    pub(super) fn layout_pragma(&mut self) -> Result<(), Failure> {
        let token = self.bump();
        let line = self.text_of(token);
        let said = line.trim_start_matches("_Pragma").trim_start_matches(['#', '(', '"', ' ', '\t']);
        let said = said.strip_prefix("pragma").unwrap_or(said).trim_start();
        let word = said.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        if word == "pack" && self.pack(said).is_some() {
            return Ok(());
        }
        let mut pragma = String::from("pragma ");
        pragma.push_str(word);
        self.packing.unknown = Some(pragma.clone());
        Err(Failure::unsupported(&pragma, token.start))
    }

    /// Obeys `pack(…)`. `None` where that is not understood.
    fn pack(&mut self, said: &'a str) -> Option<()> {
        let (arguments, _) = said.split_once('(')?.1.split_once(')')?;
        let mut arguments =
            arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty()).peekable();
        let action = arguments.next_if(|first| matches!(*first, "push" | "pop"));
        let is_name = |argument: &&str| !argument.starts_with(|c: char| c.is_ascii_digit());
        let name = action.and_then(|_| arguments.next_if(is_name)).unwrap_or_default();
        let bytes = match arguments.next() {
            Some(bytes) => Some(bytes.parse().ok().filter(|bytes| matches!(bytes, 0 | 1 | 2 | 4 | 8 | 16))?),
            None => None,
        };
        if arguments.next().is_some() {
            return None;
        }
        let Packing { bytes: now, saved, .. } = &mut self.packing;
        match action {
            Some("push") if saved.len() == MAX_SAVED => return None,
            Some("push") => saved.push((name, *now)),
            // GCC and Clang go on in two ways after another alignment, and after a name that was not saved.
            Some(_) if bytes.is_some() => return None,
            Some(_) if name.is_empty() => *now = saved.pop().map_or(*now, |(_, before)| before),
            Some(_) => {
                let last = saved.iter().rposition(|(saved, _)| *saved == name)?;
                *now = saved[last].1;
                saved.truncate(last);
            }
            None => *now = 0,
        }
        *now = bytes.unwrap_or(*now);
        Some(())
    }

    /// What a pragma says of an aggregate whose body has just ended, and before whose body it said `before`.
    pub(super) fn pack_of(&self, before: Option<u32>) -> Result<Option<u32>, ParseErrorKind> {
        let after = self.packing.most()?;
        match self.model().compiler {
            _ if before == after => Ok(after),
            Some(Compiler::Gcc) => Ok(after),
            Some(Compiler::Clang) => Ok(before),
            None => Err(ParseErrorKind::PackWithin),
        }
    }
}
