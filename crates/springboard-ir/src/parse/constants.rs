//! Constant expressions (C11 6.6): literals, enumeration constants, operators, casts, `sizeof`.

use super::{
    Parser,
    arithmetic::{Number, Value},
    built::Shape,
    declarations::Name,
    declarators::Naming,
    derivations::Role,
    error::{ConstantError, Expected, Failure, ParseErrorKind},
    lexer::TokenKind,
    shortened,
    words::{Keyword, keyword},
};
use crate::{
    constant::Constant,
    layout::{Layout, LayoutError},
    types::Type,
};

/// Binary operators with how tightly they bind (C11 6.5.5 to 6.5.14).
const OPERATORS: [(&str, u8); 18] = [
    ("*", 10),
    ("/", 10),
    ("%", 10),
    ("+", 9),
    ("-", 9),
    ("<<", 8),
    (">>", 8),
    ("<", 7),
    (">", 7),
    ("<=", 7),
    (">=", 7),
    ("==", 6),
    ("!=", 6),
    ("&", 5),
    ("^", 4),
    ("|", 3),
    ("&&", 2),
    ("||", 1),
];

impl<'a> Parser<'a> {
    /// An integer constant expression.
    pub(super) fn constant(&mut self) -> Result<Value, Failure> {
        let position = self.position();
        match self.expression()? {
            Number::Integer(value) => Ok(value),
            _ => Err(constant_error(position, ConstantError::NoInteger)),
        }
    }

    /// A constant expression that is all of the text, or a string.
    pub(super) fn constant_alone(&mut self) -> Result<Constant, Failure> {
        let constant = match self.string_alone()? {
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
            let condition = parser.binary(1)?;
            let position = parser.position();
            if !parser.eat("?") {
                return Ok(condition);
            }
            let yes = parser.expression()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            let (yes, no) = yes.balanced(no).map_err(|error| constant_error(position, error))?;
            Ok(if condition.is_true() { yes } else { no })
        })
    }

    /// Operators that bind at least as tightly as `least`, with their operands.
    fn binary(&mut self, least: u8) -> Result<Number, Failure> {
        let mut left = self.unary()?;
        while let Some((operator, binds)) = self.operator().filter(|(_, binds)| *binds >= least) {
            let position = self.bump().start;
            let right = self.binary(binds + 1)?;
            left = left.apply(operator, right).map_err(|error| constant_error(position, error))?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, u8)> {
        let token = self.peek();
        let text = self.text_of(token);
        let known = OPERATORS.iter().find(|(operator, _)| *operator == text).copied();
        known.filter(|_| token.kind == TokenKind::Punctuator)
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
                    parser.unary()?.applied(text).map_err(|error| constant_error(token.start, error))
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
                let size = self.unary()?.size(self.model());
                return Ok(Number::Integer(Value::size(size)));
            }
            self.expect("(")?;
            let layout = self.type_layout()?;
            self.expect(")")?;
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
        self.unary()?.cast(scalar).map_err(|error| constant_error(position, error))
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
        let specifiers = self.specifiers()?;
        specifiers.storage.check_nothing()?;
        let mut declarator = self.declarator(Naming::Forbidden)?;
        let (built, attributes) = self.complete(&specifiers, &mut declarator, Role::Other)?;
        // GCC applies it to the whole type; Clang ignores it.
        Ok(match attributes.align {
            Some(align) => built.aligned(align),
            None => built,
        })
    }

    /// A type name of which the layout is wanted.
    pub(super) fn type_layout(&mut self) -> Result<Layout, Failure> {
        let position = self.position();
        let built = self.type_name()?;
        self.check_complete(&built, position)?;
        let incomplete = Failure { position, kind: ParseErrorKind::Layout(LayoutError::Incomplete) };
        built.layout().ok_or(incomplete)
    }
}

fn constant_error(position: usize, error: ConstantError) -> Failure {
    Failure { position, kind: ParseErrorKind::Constant(error) }
}
