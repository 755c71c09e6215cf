//! Integer constant expressions (C11 6.6): literals, enumeration constants, operators, casts, `sizeof`.

use super::{
    Parser,
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
    layout::{Layout, LayoutError},
    model::Scalar,
};

/// The value of an integer constant expression, with its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) value: i128,
    /// Size of its type, in bytes. 4 or 8: the types below `int` have been promoted.
    bytes: u8,
    signed: bool,
}

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

impl Value {
    /// A value of type `int`, or of the smallest larger type that holds it.
    pub(super) fn of(value: i128) -> Value {
        let signed = value <= i64::MAX.into();
        let bytes = if i32::try_from(value).is_ok() { 4 } else { 8 };
        Value { value, bytes, signed }
    }

    /// A value that its type holds.
    pub(super) fn typed(value: i128, bytes: u8, signed: bool) -> Value {
        Value { value, bytes, signed }
    }

    fn size(value: u64) -> Value {
        Value { value: value.into(), bytes: 8, signed: false }
    }

    fn truth(value: bool) -> Value {
        Value { value: value.into(), bytes: 4, signed: true }
    }

    /// The value converted to a type, modulo its range.
    pub(super) fn converted(self, bytes: u8, signed: bool) -> Value {
        let bits = u32::from(bytes) * 8;
        let low = self.value & ((1 << bits) - 1);
        let negative = signed && low >> (bits - 1) == 1;
        Value { value: if negative { low - (1 << bits) } else { low }, bytes, signed }
    }

    /// Both values in the type that an operator brings them to (C11 6.3.1.8).
    fn balanced(self, other: Value) -> (Value, Value) {
        let bytes = self.bytes.max(other.bytes);
        let unsigned = |value: Value| !value.signed && value.bytes == bytes;
        let signed = !unsigned(self) && !unsigned(other);
        (self.converted(bytes, signed), other.converted(bytes, signed))
    }

    fn apply(self, operator: &str, other: Value) -> Result<Value, ConstantError> {
        if let "<<" | ">>" = operator {
            return self.shifted(operator, other);
        }
        let (a, b) = self.balanced(other);
        let typed = |value: i128| Value { value, ..a }.converted(a.bytes, a.signed);
        Ok(match operator {
            "*" => typed(a.value.wrapping_mul(b.value)),
            "/" | "%" if b.value == 0 => return Err(ConstantError::DivisionByZero),
            "/" => typed(a.value / b.value),
            "%" => typed(a.value % b.value),
            "+" => typed(a.value + b.value),
            "-" => typed(a.value - b.value),
            "<" => Value::truth(a.value < b.value),
            ">" => Value::truth(a.value > b.value),
            "<=" => Value::truth(a.value <= b.value),
            ">=" => Value::truth(a.value >= b.value),
            "==" => Value::truth(a.value == b.value),
            "!=" => Value::truth(a.value != b.value),
            "&" => typed(a.value & b.value),
            "^" => typed(a.value ^ b.value),
            "|" => typed(a.value | b.value),
            "&&" => Value::truth(self.value != 0 && other.value != 0),
            _ => Value::truth(self.value != 0 || other.value != 0),
        })
    }

    fn shifted(self, operator: &str, count: Value) -> Result<Value, ConstantError> {
        let bits = u32::try_from(count.value).ok().filter(|bits| *bits < u32::from(self.bytes) * 8);
        let bits = bits.ok_or(ConstantError::Shift(count.value))?;
        let value = if operator == "<<" { self.value << bits } else { self.value >> bits };
        Ok(Value { value, ..self }.converted(self.bytes, self.signed))
    }
}

impl<'a> Parser<'a> {
    /// An integer constant expression.
    pub(super) fn constant(&mut self) -> Result<Value, Failure> {
        self.nested(|parser| {
            let condition = parser.binary(1)?;
            if !parser.eat("?") {
                return Ok(condition);
            }
            let yes = parser.constant()?;
            parser.expect(":")?;
            let no = parser.constant()?;
            let (yes, no) = yes.balanced(no);
            Ok(if condition.value != 0 { yes } else { no })
        })
    }

    /// Operators that bind at least as tightly as `least`, with their operands.
    fn binary(&mut self, least: u8) -> Result<Value, Failure> {
        let mut left = self.unary()?;
        while let Some((operator, binds)) = self.operator().filter(|(_, binds)| *binds >= least) {
            let position = self.bump().start;
            let right = self.binary(binds + 1)?;
            let fail = |error| Failure { position, kind: ParseErrorKind::Constant(error) };
            left = left.apply(operator, right).map_err(fail)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, u8)> {
        let token = self.peek();
        let text = self.text_of(token);
        let known = OPERATORS.iter().find(|(operator, _)| *operator == text).copied();
        known.filter(|_| token.kind == TokenKind::Punctuator)
    }

    fn unary(&mut self) -> Result<Value, Failure> {
        self.nested(|parser| {
            let token = parser.peek();
            let text = parser.text_of(token);
            match token.kind {
                TokenKind::Number => parser.number(),
                TokenKind::Character => parser.character(),
                TokenKind::Word => parser.word_operand(text),
                TokenKind::Punctuator => {
                    if text == "(" {
                        return parser.bracketed();
                    }
                    if !matches!(text, "-" | "+" | "~" | "!") {
                        return Err(parser.unexpected(Expected::Expression));
                    }
                    parser.bump();
                    let operand = parser.unary()?;
                    let typed = |value| Value { value, ..operand }.converted(operand.bytes, operand.signed);
                    Ok(match text {
                        "-" => typed(-operand.value),
                        "~" => typed(!operand.value),
                        "!" => Value::truth(operand.value == 0),
                        _ => operand,
                    })
                }
                _ => Err(parser.unexpected(Expected::Expression)),
            }
        })
    }

    /// An enumeration constant, or `sizeof` and `_Alignof` of a type.
    fn word_operand(&mut self, word: &str) -> Result<Value, Failure> {
        if let "sizeof" | "_Alignof" | "alignof" | "__alignof__" | "__alignof" = word {
            self.bump();
            self.expect("(")?;
            let layout = self.type_layout()?;
            self.expect(")")?;
            return Ok(Value::size(if word == "sizeof" { layout.size } else { layout.align.into() }));
        }
        match self.find_name(word) {
            Some(Name::Constant(value)) => {
                let value = Value::of(*value);
                self.bump();
                Ok(value)
            }
            None if matches!(word, "true" | "false") => {
                self.bump();
                Ok(Value::truth(word == "true"))
            }
            _ if keyword(word).is_some() => Err(self.unexpected(Expected::Expression)),
            _ => Err(self.fail(ParseErrorKind::Constant(ConstantError::Unknown(shortened(word))))),
        }
    }

    /// An expression in brackets, or a cast.
    fn bracketed(&mut self) -> Result<Value, Failure> {
        self.bump();
        if !self.starts_type() {
            let value = self.constant()?;
            self.expect(")")?;
            return Ok(value);
        }
        let position = self.position();
        let ty = self.type_name()?;
        let scalar = match &ty.shape {
            Shape::Object { ty, .. } => ty.scalar(self.model()),
            Shape::Function(_) => None,
        };
        self.expect(")")?;
        let operand = self.unary()?;
        match scalar {
            Some(Scalar::Bool) => Ok(Value::truth(operand.value != 0)),
            Some(Scalar::Int { bytes: bytes @ (1 | 2), signed }) => {
                Ok(operand.converted(bytes, signed).converted(4, true))
            }
            Some(Scalar::Int { bytes: bytes @ (4 | 8), signed }) => Ok(operand.converted(bytes, signed)),
            _ => Err(Failure { position, kind: ParseErrorKind::Constant(ConstantError::Cast) }),
        }
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
