//! Constant expressions (C11 6.6): literals, enumeration constants, operators, casts, `sizeof`.

use super::{
    Parser,
    arithmetic::{Number, Value},
    built::Shape,
    declarators::Naming,
    derivations::Role,
    error::{ConstantError, Expected, ParseErrorKind},
    lexer::TokenKind,
    meaning::Name,
    places::{Failure, Placed as _},
    shortened,
    words::{Keyword, keyword},
};
use crate::{
    constant::Constant,
    layout::{Layout, LayoutError},
    types::Type,
};

/// Binary operators, from those that bind least tightly (C11 6.5.5 to 6.5.14).
const OPERATORS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", ">", "<=", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl<'a> Parser<'a> {
    /// An integer constant expression.
    pub(super) fn constant(&mut self) -> Result<Value, Failure> {
        let position = self.position();
        match self.expression()? {
            Number::Integer(value) => Ok(value),
            _ => Err(ParseErrorKind::from(ConstantError::NoInteger).at(position)),
        }
    }

    /// A constant expression that is all of the text, or a string.
    pub(super) fn constant_alone(&mut self) -> Result<Constant, Failure> {
        let constant = match self.strings()? {
            Some(text) => Constant::Text(text),
            None => self.expression()?.constant(),
        };
        if self.peek().kind != TokenKind::End {
            return Err(self.unexpected(Expected::End));
        }
        Ok(constant)
    }

    /// The type of a constant expression.
    pub(super) fn constant_type(&mut self) -> Result<Type, Failure> {
        Ok(match self.expression()?.constant() {
            Constant::Integer { ty, .. } | Constant::Float { ty, .. } => ty,
            Constant::Text(_) | Constant::Address(_) => Type::void_pointer(),
        })
    }

    /// A constant expression.
    fn expression(&mut self) -> Result<Number, Failure> {
        self.nested(|parser| {
            let condition = parser.binary(0)?;
            let position = parser.position();
            if !parser.eat("?") {
                return Ok(condition);
            }
            let yes = parser.expression()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            let (yes, no) = yes.balanced(no).at(position)?;
            Ok(if condition.is_true() { yes } else { no })
        })
    }

    /// Operators that bind at least as tightly as `least`, with their operands.
    fn binary(&mut self, least: usize) -> Result<Number, Failure> {
        let mut left = self.unary()?;
        while let Some((operator, binds)) = self.operator().filter(|(_, binds)| *binds >= least) {
            let position = self.bump().start;
            let right = self.binary(binds + 1)?;
            left = left.apply(operator, right).at(position)?;
        }
        Ok(left)
    }

    /// The binary operator that comes next, and how tightly it binds.
    fn operator(&self) -> Option<(&'static str, usize)> {
        let token = self.peek();
        let text = self.text_of(token);
        let known = |(binds, level): (usize, &&[&'static str])| {
            level.iter().find(|operator| **operator == text).map(|operator| (*operator, binds))
        };
        OPERATORS.iter().enumerate().find_map(known).filter(|_| token.kind == TokenKind::Punctuator)
    }

    fn unary(&mut self) -> Result<Number, Failure> {
        self.nested(|parser| {
            let token = parser.peek();
            let text = parser.text_of(token);
            match token.kind {
                TokenKind::Number => parser.number(),
                TokenKind::Character => parser.character().map(Number::Integer),
                TokenKind::Word => parser.word_operand(text),
                TokenKind::Punctuator => {
                    if text == "(" {
                        return parser.bracketed();
                    }
                    if !matches!(text, "-" | "+" | "~" | "!") {
                        return Err(parser.unexpected(Expected::Expression));
                    }
                    parser.bump();
                    parser.unary()?.applied(text).at(token.start)
                }
                _ => Err(parser.unexpected(Expected::Expression)),
            }
        })
    }

    /// An enumeration constant, `sizeof` of a type or a constant, or `_Alignof` of a type.
    fn word_operand(&mut self, word: &str) -> Result<Number, Failure> {
        if let "sizeof" | "_Alignof" | "alignof" | "__alignof__" | "__alignof" = word {
            self.bump();
            if word == "sizeof" && !(self.at("(") && self.starts_type_at(1)) {
                if let Some(size) = self.object_size() {
                    return Ok(Number::Integer(Value::size(size)));
                }
                let size = match self.strings()? {
                    Some(text) => text.len() as u64 + 1,
                    None => self.unary()?.size(self.model()),
                };
                return Ok(Number::Integer(Value::size(size)));
            }
            let layout = self.in_brackets(Parser::type_layout)?;
            let value = if word == "sizeof" { layout.size } else { layout.align.into() };
            return Ok(Number::Integer(Value::size(value)));
        }
        match self.find_name(word) {
            Some(Name::Constant(value)) => {
                let value = *value;
                self.bump();
                Ok(Number::Integer(value))
            }
            None if matches!(word, "true" | "false") => {
                self.bump();
                Ok(Number::Integer(Value::truth(word == "true")))
            }
            _ if keyword(word).is_some() => Err(self.unexpected(Expected::Expression)),
            _ => Err(self.fail(ParseErrorKind::Constant(ConstantError::Unknown(shortened(word))))),
        }
    }

    /// Passes the name of an object, in brackets or not, if one comes next of which the size is known.
    fn object_size(&mut self) -> Option<u64> {
        let brackets = usize::from(self.at("("));
        let token = |ahead: usize| self.tokens[(self.at + ahead).min(self.tokens.len() - 1)];
        let name = self.text_of(token(brackets));
        let after = self.text_of(token(brackets * 2 + 1));
        let closed = brackets == 0 || self.text_of(token(2)) == ")";
        if !closed || matches!(after, "[" | "(" | "." | "->" | "++" | "--") || self.is_parameter(name) {
            return None;
        }
        let built = self.objects.get(name).map(|known| self.completed(&known.built))?;
        let size = built.layout().filter(|_| !built.declared.flexible)?.size;
        self.at += brackets * 2 + 1;
        Some(size)
    }

    /// An expression in brackets, or a cast.
    fn bracketed(&mut self) -> Result<Number, Failure> {
        self.bump();
        if !self.starts_type() {
            let number = self.expression()?;
            self.expect(")")?;
            return Ok(number);
        }
        let position = self.position();
        let ty = self.type_name()?;
        let scalar = match &ty.shape {
            Shape::Object { ty, .. } => ty.scalar(self.model()),
            Shape::Function(_) => None,
        };
        self.expect(")")?;
        self.unary()?.cast(scalar).at(position)
    }

    /// Whether a type name comes next.
    pub(super) fn starts_type(&self) -> bool {
        self.starts_type_at(0)
    }

    /// Whether a type name comes after `ahead` tokens.
    pub(super) fn starts_type_at(&self, ahead: usize) -> bool {
        let token = self.tokens[(self.at + ahead).min(self.tokens.len() - 1)];
        let word = (token.kind == TokenKind::Word).then(|| self.text_of(token));
        word.is_some_and(|word| match keyword(word) {
            Some(Keyword::Basic(_) | Keyword::Const | Keyword::Qualifier | Keyword::Aggregate(_)) => true,
            Some(Keyword::Enum | Keyword::Atomic | Keyword::TypeOf | Keyword::Unsupported) => true,
            Some(Keyword::Attribute | Keyword::AlignAs) => true,
            Some(_) => false,
            None => self.is_type_name(word),
        })
    }

    /// A type name (C11 6.7.7).
    pub(super) fn type_name(&mut self) -> Result<super::Built, Failure> {
        let position = self.position();
        let specifiers = self.specifiers()?;
        specifiers.storage.check_nothing()?;
        let mut declarator = self.declarator(Naming::Forbidden)?;
        let (built, attributes) = self.complete(&specifiers, &mut declarator, Role::Other)?;
        attributes.check_no_align_as(position)?;
        // GCC applies it to the whole type; Clang ignores it.
        Ok(built.aligned(attributes.align))
    }

    /// A type name of which the layout is wanted.
    pub(super) fn type_layout(&mut self) -> Result<Layout, Failure> {
        let position = self.position();
        let built = self.type_name()?;
        // GNU C has a function, and what a `void *` points to, count as a byte.
        if let None | Some(Type::Void) = built.object_type() {
            return Ok(Layout { size: 1, align: 1 });
        }
        self.check_complete(&built, position)?;
        built.layout().filter(|_| !built.declared.flexible).ok_or(LayoutError::Incomplete).at(position)
    }
}
