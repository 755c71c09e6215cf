//! One expansion of a macro (C11 6.10.3).

use alloc::{format, string::String, sync::Arc, vec::Vec};

use super::{Macro, Macros, NotConstant, Parameters, Piece, TokenKind, pieces};

/// Tokens that an expansion may go through, so that a small text cannot ask for a large one.
const MOST_TOKENS: usize = 1 << 16;

/// Macros in the arguments of macros beyond which an expansion is given up.
const MOST_NESTING: u32 = 32;

/// What is to be read next while a macro is expanded.
enum Next {
    Piece(Piece),
    /// The end of the expansion of the macro that began last.
    End,
}

/// One expansion.
pub(super) struct Expansion<'m> {
    macros: &'m Macros,
    /// Macros that are being expanded.
    active: Vec<Arc<str>>,
    /// Tokens that may still be gone through.
    left: usize,
    nesting: u32,
}

impl<'m> Expansion<'m> {
    pub(super) fn of(macros: &'m Macros) -> Expansion<'m> {
        Expansion { macros, active: Vec::new(), left: MOST_TOKENS, nesting: 0 }
    }

    /// All macros in `pieces`, expanded.
    pub(super) fn expand(
        &mut self,
        pieces: impl IntoIterator<Item = Piece>,
    ) -> Result<Vec<Piece>, NotConstant> {
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
        let comma = Piece::new(TokenKind::Punctuator, ",");
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
        let pastes = |at: Option<usize>| at.and_then(|at| body.get(at)).is_some_and(|piece| piece.is("##"));
        let mut done = Vec::new();
        let mut index = 0;
        while let Some(piece) = body.get(index) {
            let quoted = piece.is("#").then(|| body.get(index + 1).and_then(argument)).flatten();
            match (quoted, argument(piece)) {
                (Some(argument), _) => {
                    done.push(stringified(argument));
                    index += 1;
                }
                // What is pasted is not expanded before; nothing is pasted as nothing (6.10.3.3, 2).
                (_, Some(argument)) if pastes(Some(index + 1)) || pastes(index.checked_sub(1)) => {
                    done.extend_from_slice(argument);
                    if argument.is_empty() {
                        done.push(Piece::nothing());
                    }
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

/// A body after each `##` in it has made one token of its neighbours.
fn joined(body: Vec<Piece>) -> Result<Vec<Piece>, NotConstant> {
    let mut done: Vec<Piece> = Vec::with_capacity(body.len());
    let mut rest = body.into_iter();
    while let Some(piece) = rest.next() {
        if !piece.is("##") {
            done.push(piece);
            continue;
        }
        let text = |piece: Option<Piece>| piece.map(|piece| piece.text).unwrap_or_default();
        let (left, right) = (text(done.pop()), text(rest.next()));
        match pieces(&format!("{left}{right}")).as_deref() {
            Some([]) => done.push(Piece::nothing()),
            Some([piece]) => done.push(piece.clone()),
            _ => return Err(NotConstant::Expansion),
        }
    }
    done.retain(|piece| !piece.text.is_empty());
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
    Piece::new(TokenKind::String, &text)
}
