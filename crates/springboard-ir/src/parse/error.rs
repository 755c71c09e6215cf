//! What is wrong with a text, and where.

use alloc::{boxed::Box, string::String};
use core::fmt::{self, Display, Formatter};

use crate::{
    enumeration::EnumerationError,
    layout::LayoutError,
    types::{AggregateKind, SignatureError},
};

/// What is wrong with a text, and where.
///
/// Displays as one line, `line 1, column 12: expected …, found …`. [`ParseError::excerpt`] shows the place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Offset from the start of the text, in bytes. At most the text's length, and between characters.
    pub position: usize,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in that line in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

/// What is wrong with a text.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else had to come here.
    Expected {
        /// What had to come.
        expected: Expected,
        /// What came, shortened. `None` at the end of the text.
        found: Option<String>,
    },
    /// A word that is no type and no attribute, where one or the other is wanted.
    UnknownType {
        /// The word.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// A calling convention that the target's functions do not have.
    Convention(String),
    /// A type whose definition stands in the text and could not be read.
    Unread {
        /// The type, as it is used.
        name: String,
        /// What is wrong with the first definition in the way.
        why: Box<ParseErrorKind>,
    },
    /// `enum` with a tag of which no definition has been seen.
    UnknownEnum(String),
    /// Type specifiers that name no type together, such as `unsigned float`.
    Specifiers(String),
    /// A tag used with another keyword than the one it was declared with.
    WrongTag {
        /// The tag.
        tag: String,
        /// `struct`, `union` or `enum`, as declared.
        declared: &'static str,
    },
    /// An aggregate by value, of which no definition has been seen.
    Incomplete(AggregateKind, String),
    /// An aggregate that contains itself.
    Recursive(AggregateKind, String),
    /// A tag, type name or constant that has another meaning already.
    Redefined(String),
    /// Two members or two parameters of one name.
    Duplicate(String),
    /// Types that form no signature.
    Signature(SignatureError),
    /// A type without a layout.
    Layout(LayoutError),
    /// Constants that form no enumeration.
    Enumeration(EnumerationError),
    /// An enumeration that names a type which is not an integer type.
    EnumerationType,
    /// Something that is not a function, where a prototype is wanted.
    NotAFunction,
    /// A function or `void`, where the type of an object is wanted.
    NotAnObject,
    /// A function that returns a function.
    FunctionResult,
    /// An array of negative length.
    ArrayLength(i128),
    /// An array whose elements would not all have the alignment that their type has by its name.
    ElementAlignment {
        /// Size of an element, in bytes.
        size: u64,
        /// Its alignment, in bytes.
        align: u32,
    },
    /// An array without a length anywhere but at the end of a structure or in a parameter.
    UnknownLength,
    /// A bit-field of a type that is not an integer.
    BitFieldType,
    /// A bit-field of a width that its type does not have.
    BitFieldWidth {
        /// The width asked for, in bits.
        bits: i128,
        /// The widest that the type allows, in bits.
        widest: u64,
    },
    /// `: 0` on a bit-field with a name.
    NamedZeroWidth(String),
    /// An alignment that is no power of two, or too large.
    Alignment(i128),
    /// `_Alignas` with less than the type's own alignment (C11 6.7.5, 5).
    AlignmentReduced {
        /// The alignment asked for, in bytes.
        asked: u32,
        /// The alignment the type has, in bytes.
        natural: u32,
    },
    /// A vector of another size than 8 or 16 bytes, or of an element that does not divide it.
    VectorSize(i128),
    /// A vector of elements that are not numbers of at most 8 bytes.
    VectorElement,
    /// An attribute or pragma that changes types or calls in a way that is not supported here.
    Unsupported(String),
    /// A word of C where it means nothing, as `_Alignas` on a function.
    Misplaced(&'static str),
    /// A directive of the preprocessor, which has to run first.
    Directive(String),
    /// A function that is defined in the old style, with the types of its parameters after their names: it is no prototype.
    OldStyle,
    /// An expression that is not a constant, for the reason given.
    Constant(ConstantError),
    /// A comment, string or character constant without an end.
    Unterminated,
    /// A malformed number, or one that does not fit 64 bits.
    Number(String),
    /// A character that means nothing in C.
    Character(char),
    /// Brackets, aggregates or declarators nested more deeply than this limit.
    TooDeep(u32),
    /// A type made of more parts than this limit.
    TooComplex(u32),
}

/// What had to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the variants say what they are
pub enum Expected {
    Type,
    Name,
    NameOrBracket,
    Expression,
    /// A string.
    String,
    Tag,
    Members,
    End,
    Text(&'static str),
    Either(&'static str, &'static str),
}

/// Why an expression is not a constant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConstantError {
    /// A name that is no enumeration constant.
    Unknown(String),
    /// A division by zero.
    DivisionByZero,
    /// A shift by a negative count, or by the width of the value or more.
    Shift(i128),
    /// A cast to a type that is no number and no pointer, or of a number to a pointer that is no integer.
    Cast,
    /// An operator with an operand that it does not take in a constant: `1.5 << 1`.
    Operand,
    /// A constant that is no integer, where one is wanted.
    NoInteger,
}

impl Display for Expected {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Type => f.write_str("a type"),
            Expected::Name => f.write_str("a name"),
            Expected::NameOrBracket => f.write_str("a name, `*` or `(`"),
            Expected::Expression => f.write_str("a constant"),
            Expected::String => f.write_str("a string"),
            Expected::Tag => f.write_str("a tag or `{`"),
            Expected::Members => f.write_str("a member or `}`"),
            Expected::End => f.write_str("the end"),
            Expected::Text(text) => write!(f, "`{text}`"),
            Expected::Either(one, other) => write!(f, "`{one}` or `{other}`"),
        }
    }
}

impl Display for ConstantError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ConstantError::Unknown(name) => write!(f, "`{name}` is no constant"),
            ConstantError::DivisionByZero => f.write_str("division by zero"),
            ConstantError::Shift(count) => write!(f, "shift by {count} bits"),
            ConstantError::Cast => f.write_str("a constant cannot be cast to this type"),
            ConstantError::Operand => {
                f.write_str("this operator does not take such an operand in a constant")
            }
            ConstantError::NoInteger => f.write_str("an integer is wanted, and the constant is none"),
        }
    }
}

impl Display for ParseErrorKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use ParseErrorKind::*;
        match self {
            Expected { expected, found: Some(found) } => write!(f, "expected {expected}, found `{found}`"),
            Expected { expected, found: None } => write!(f, "expected {expected}, found the end of the text"),
            UnknownType { name, nearest: None } => write!(f, "unknown type or attribute `{name}`"),
            UnknownType { name, nearest: Some(nearest) } => {
                write!(f, "unknown type or attribute `{name}`; the nearest known name is `{nearest}`")
            }
            Convention(word) => {
                write!(f, "`{word}` is a calling convention that the functions of this target do not have")
            }
            Unread { name, why } => write!(f, "`{name}` could not be read: {why}"),
            UnknownEnum(tag) => write!(f, "`enum {tag}` has no definition"),
            Specifiers(words) => write!(f, "`{words}` is no type"),
            WrongTag { tag, declared } => write!(f, "`{tag}` was declared as `{declared} {tag}`"),
            Incomplete(kind, tag) => {
                write!(f, "`{} {tag}` is not defined here; only a pointer to it can be used", kind.keyword())
            }
            Recursive(kind, tag) => write!(f, "`{} {tag}` contains itself", kind.keyword()),
            Redefined(name) => write!(f, "`{name}` is defined already"),
            Duplicate(name) => write!(f, "`{name}` is declared twice"),
            Signature(error) => error.fmt(f),
            Layout(error) => error.fmt(f),
            Enumeration(error) => error.fmt(f),
            EnumerationType => f.write_str("the type of an enumeration is an integer type"),
            NotAFunction => f.write_str("expected a function, found a declaration of something else"),
            NotAnObject => f.write_str("expected the type of an object, found a function or void"),
            FunctionResult => f.write_str("the result is a function, which C cannot return"),
            ArrayLength(length) => write!(f, "an array cannot have {length} elements"),
            ElementAlignment { size, align } => {
                write!(f, "elements of {size} bytes in an array are not all aligned to {align}")
            }
            UnknownLength => f.write_str("an array without a length ends a structure or is a parameter"),
            BitFieldType => f.write_str("a bit-field is of an integer type"),
            BitFieldWidth { bits, widest } => {
                write!(f, "a bit-field of this type has 0 to {widest} bits, not {bits}")
            }
            NamedZeroWidth(name) => write!(f, "a bit-field of 0 bits has no name, this one is `{name}`"),
            Alignment(align) => {
                write!(f, "alignment {align} is not a power of two from 1 to {}", crate::layout::MAX_ALIGN)
            }
            AlignmentReduced { asked, natural } => {
                write!(f, "`_Alignas({asked})` is less than the {natural} bytes that the type is aligned to")
            }
            VectorSize(bytes) => write!(f, "a vector has 8 or 16 bytes in whole elements, not {bytes}"),
            VectorElement => f.write_str("the elements of a vector are numbers of at most 8 bytes"),
            Unsupported(what) => write!(f, "`{what}` is not supported here"),
            Misplaced(word) => write!(f, "`{word}` cannot stand here"),
            Directive(name) => write!(f, "`#{name}` is for the preprocessor, which has to run first"),
            OldStyle => f.write_str("it is defined in the old style, which gives no prototype"),
            Constant(error) => error.fmt(f),
            Unterminated => f.write_str("expected an end of what begins here, found the end of the text"),
            Number(text) => write!(f, "`{text}` is no number that 64 bits hold"),
            Character(character) => write!(f, "`{}` means nothing in C", character.escape_debug()),
            TooDeep(limit) => write!(f, "declarations are nested more than {limit} deep"),
            TooComplex(limit) => write!(f, "the type has more than {limit} parts"),
        }
    }
}

impl Display for ParseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.kind)
    }
}

impl core::error::Error for ParseErrorKind {}

impl core::error::Error for ParseError {}

/// What is wrong and at which byte, before line and column are known.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) position: usize,
    pub(crate) kind: ParseErrorKind,
}

impl Failure {
    /// The failure that `what` at `position` changes types or calls in a way that is not supported.
    pub(crate) fn unsupported(what: &str, position: usize) -> Failure {
        Failure { position, kind: ParseErrorKind::Unsupported(what.into()) }
    }
}

/// Lines and columns of a text. Going through the text once is enough for failures in order.
pub(crate) struct Places<'a> {
    text: &'a str,
    position: usize,
    line: usize,
    column: usize,
}

impl<'a> Places<'a> {
    pub(crate) fn of(text: &'a str) -> Places<'a> {
        Places { text, position: 0, line: 1, column: 1 }
    }

    /// The error that `failure` is in this text.
    pub(crate) fn locate(&mut self, failure: Failure) -> ParseError {
        let Failure { position, kind } = failure;
        if position < self.position {
            *self = Places::of(self.text);
        }
        for character in self.text[self.position..position].chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.position = position;
        ParseError { position, line: self.line, column: self.column, kind }
    }
}
