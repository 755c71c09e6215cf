//! What is wrong with a text, and where.

use alloc::{boxed::Box, format, string::String};
use core::fmt::{self, Display, Formatter};

use thiserror::Error;

use crate::{
    enumeration::EnumerationError,
    layout::{LayoutError, MAX_ALIGN},
    types::{AggregateKind, SignatureError},
};

/// What is wrong with a text, and where.
///
/// Displays as one line, `line 1, column 12: expected …, found …`. [`ParseError::excerpt`] shows the place.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}, column {column}: {kind}")]
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
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else had to come here.
    #[error("expected {expected}, found {}", came(found))]
    Expected {
        /// What had to come.
        expected: Expected,
        /// What came, shortened. `None` at the end of the text.
        found: Option<String>,
    },
    /// A word that is no type and no attribute, where one or the other is wanted.
    #[error("unknown type or attribute `{name}`{}", perhaps(nearest))]
    UnknownType {
        /// The word.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// A calling convention that the target's functions do not have.
    #[error("`{0}` is a calling convention that the functions of this target do not have")]
    Convention(String),
    /// A type whose definition stands in the text and could not be read.
    #[error("`{name}` could not be read: {why}")]
    Unread {
        /// The type, as it is used.
        name: String,
        /// What is wrong with the first definition in the way.
        why: Box<ParseErrorKind>,
    },
    /// `enum` with a tag of which no definition has been seen.
    #[error("`enum {0}` has no definition")]
    UnknownEnum(String),
    /// Type specifiers that name no type together, such as `unsigned float`.
    #[error("`{0}` is no type")]
    Specifiers(String),
    /// A tag used with another keyword than the one it was declared with.
    #[error("`{tag}` was declared as `{declared} {tag}`")]
    WrongTag {
        /// The tag.
        tag: String,
        /// `struct`, `union` or `enum`, as declared.
        declared: &'static str,
    },
    /// An aggregate by value, of which no definition has been seen.
    #[error("`{} {}` is not defined here; only a pointer to it can be used", .0.keyword(), .1)]
    Incomplete(AggregateKind, String),
    /// An aggregate that contains itself.
    #[error("`{} {}` contains itself", .0.keyword(), .1)]
    Recursive(AggregateKind, String),
    /// A tag, type name or constant that has another meaning already.
    #[error("`{0}` is defined already")]
    Redefined(String),
    /// A function or an object that a declaration before made another, by its type or by who shares it.
    #[error("`{0}` was declared otherwise before")]
    Redeclared(String),
    /// Two members or two parameters of one name.
    #[error("`{0}` is declared twice")]
    Duplicate(String),
    /// Types that form no signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A type without a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Constants that form no enumeration.
    #[error(transparent)]
    Enumeration(#[from] EnumerationError),
    /// An enumeration that names a type which is not an integer type.
    #[error("the type of an enumeration is an integer type")]
    EnumerationType,
    /// Something that is not a function, where a prototype is wanted.
    #[error("expected a function, found a declaration of something else")]
    NotAFunction,
    /// A function or `void`, where the type of an object is wanted.
    #[error("expected the type of an object, found a function or void")]
    NotAnObject,
    /// A function that returns a function.
    #[error("the result is a function, which C cannot return")]
    FunctionResult,
    /// An array of negative length.
    #[error("an array cannot have {0} elements")]
    ArrayLength(i128),
    /// An array whose elements would not all have the alignment that their type has by its name.
    #[error("elements of {size} bytes in an array are not all aligned to {align}")]
    ElementAlignment {
        /// Size of an element, in bytes.
        size: u64,
        /// Its alignment, in bytes.
        align: u32,
    },
    /// An array without a length anywhere except as a parameter, or at the end of a structure with other members.
    #[error("an array without a length ends a structure or is a parameter")]
    UnknownLength,
    /// A bit-field of a type that is not an integer.
    #[error("a bit-field is of an integer type")]
    BitFieldType,
    /// A bit-field of a width that its type does not have.
    #[error("a bit-field of this type has 0 to {widest} bits, not {bits}")]
    BitFieldWidth {
        /// The width asked for, in bits.
        bits: i128,
        /// The widest that the type allows, in bits.
        widest: u64,
    },
    /// `: 0` on a bit-field with a name.
    #[error("a bit-field of 0 bits has no name, this one is `{0}`")]
    NamedZeroWidth(String),
    /// An alignment that is no power of two, or too large.
    #[error("alignment {0} is not a power of two from 1 to {MAX_ALIGN}")]
    Alignment(i128),
    /// `_Alignas` with less than the type's own alignment (C11 6.7.5, 5).
    #[error("`_Alignas({asked})` is less than the {natural} bytes that the type is aligned to")]
    AlignmentReduced {
        /// The alignment asked for, in bytes.
        asked: u32,
        /// The alignment the type has, in bytes.
        natural: u32,
    },
    /// A vector of another size than 8 or 16 bytes, or of an element that does not divide it.
    #[error("a vector has 8 or 16 bytes in whole elements, not {0}")]
    VectorSize(i128),
    /// A vector of elements that are not numbers of at most 8 bytes.
    #[error("the elements of a vector are numbers of at most 8 bytes")]
    VectorElement,
    /// An attribute or pragma that changes types or calls in a way that is not supported here.
    #[error("`{0}` is not supported here")]
    Unsupported(String),
    /// `#pragma pack` within a structure, whose end finds it otherwise than its beginning does.
    #[error(
        "`#pragma pack` changes within this structure: GCC packs it by what is said at its end, Clang by what is said before"
    )]
    PackWithin,
    /// A word of C where it means nothing, as `_Alignas` on a function.
    #[error("`{0}` cannot stand here")]
    Misplaced(&'static str),
    /// A `_Static_assert` of what is not so: the text is for another target, or wrong.
    #[error("what is asserted here does not hold")]
    Assertion,
    /// A directive of the preprocessor, which has to run first.
    #[error("`#{0}` is for the preprocessor, which has to run first")]
    Directive(String),
    /// A function that is defined in the old style, with the types of its parameters after their names: it is no prototype.
    #[error("it is defined in the old style, which gives no prototype")]
    OldStyle,
    /// An expression that is not a constant, for the reason given.
    #[error(transparent)]
    Constant(#[from] ConstantError),
    /// A comment, string or character constant without an end.
    #[error("expected an end of what begins here, found the end of the text")]
    Unterminated,
    /// A malformed number, or one that does not fit 64 bits.
    #[error("`{0}` is no number that 64 bits hold")]
    Number(String),
    /// A character that means nothing in C.
    #[error("`{}` means nothing in C", .0.escape_debug())]
    Character(char),
    /// Brackets, aggregates or declarators nested more deeply than this limit.
    #[error("declarations are nested more than {0} deep")]
    TooDeep(u32),
    /// A type made of more parts than this limit.
    #[error("the type has more than {0} parts")]
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
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ConstantError {
    /// A name that is no enumeration constant.
    #[error("`{0}` is no constant")]
    Unknown(String),
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A shift by a negative count, or by the width of the value or more.
    #[error("shift by {0} bits")]
    Shift(i128),
    /// A cast to a type that is no number and no pointer, or of a number to a pointer that is no integer.
    #[error("a constant cannot be cast to this type")]
    Cast,
    /// An operator with an operand that it does not take in a constant: `1.5 << 1`.
    #[error("this operator does not take such an operand in a constant")]
    Operand,
    /// A constant that is no integer, where one is wanted.
    #[error("an integer is wanted, and the constant is none")]
    NoInteger,
}

impl Display for Expected {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::Type => "a type",
            Expected::Name => "a name",
            Expected::NameOrBracket => "a name, `*` or `(`",
            Expected::Expression => "a constant",
            Expected::String => "a string",
            Expected::Tag => "a tag or `{`",
            Expected::Members => "a member or `}`",
            Expected::End => "the end",
            Expected::Text(text) => return write!(f, "`{text}`"),
            Expected::Either(one, other) => return write!(f, "`{one}` or `{other}`"),
        })
    }
}

/// What came, as a message calls it.
fn came(found: &Option<String>) -> String {
    found.as_ref().map_or_else(|| "the end of the text".into(), |found| format!("`{found}`"))
}

/// What a message adds where something else may have been meant.
fn perhaps(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; the nearest known name is `{nearest}`"))
}
