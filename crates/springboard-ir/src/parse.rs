//! C text to types, signatures and declarations.
//!
//! A recursive-descent parser of C11 declarations (6.7) with what GCC adds to them and FFI users write. Statements
//! are skipped, expressions read where a constant is wanted.
//!
//! Time and memory are linear in the length of the text, and the depth of recursion is bounded by
//! [`MAX_NESTING`], whatever the text: what a type name stands for is shared, and how large it is known without
//! looking into it (`built`). The deepest text takes less than 256 KiB of stack in an optimised build, and less than
//! 2 MiB in one that is not.

mod aggregates;
mod arithmetic;
mod attributes;
mod basic;
mod built;
mod constants;
mod cursor;
mod declarations;
mod declarators;
mod derivations;
mod enumerations;
mod error;
mod excerpt;
mod external;
mod function;
mod lexer;
mod literals;
mod macros;
mod meaning;
mod mode;
mod names;
mod nearest;
mod object;
mod parameters;
mod places;
mod pragma;
mod qualifiers;
mod recovery;
mod redeclared;
mod size;
mod specifiers;
mod storage;
mod symbol;
mod unseen;
mod words;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

pub use declarations::Declarations;
pub use error::{ConstantError, Expected, ParseError, ParseErrorKind};

pub(crate) use built::{Built, Shape};
pub(crate) use external::Seen;
pub(crate) use macros::Macros;
pub use macros::NotConstant;
pub(crate) use names::spelled;
pub use object::Object;

use crate::{
    constant::Constant,
    model::DataModel,
    types::{AggregateKind, Declared, Prototype, Signature, Type},
};
use lexer::Token;
use places::{Failure, Places};
use pragma::Packing;
use redeclared::Known;

/// Brackets, aggregates and parameter lists within each other beyond which a text is refused.
const MAX_NESTING: u32 = 64;

impl Prototype {
    /// Reads a prototype: `double pow(double x, double y)`, or without a name `int (*)(void)`.
    ///
    /// Definitions of types may stand before it: `struct point { double x, y; }; double dist(struct point)`.
    /// What follows `...` are the arguments of this call: `int printf(const char *, ..., int, double)`. A
    /// semicolon at the end, storage classes, comments and attributes without a meaning for the call are
    /// accepted. A declared pointer to a function counts as a function of that name.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Prototype, ParseError> {
        Prototype::parse_in(text, &Declarations::default())
    }

    /// As [`Prototype::parse`], with the types that `declarations` holds.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse_in(text: &str, declarations: &Declarations) -> Result<Prototype, ParseError> {
        run(text, declarations, Parser::prototype).map(|(prototype, _)| prototype)
    }
}

impl Signature {
    /// Reads a function type: `int (*)(void)` or `int(int, double)`. A name is accepted and forgotten; all else
    /// as [`Prototype::parse`].
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Signature, ParseError> {
        Prototype::parse(text).map(|prototype| prototype.signature)
    }

    /// As [`Signature::parse`], with the types that `declarations` holds.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse_in(text: &str, declarations: &Declarations) -> Result<Signature, ParseError> {
        Prototype::parse_in(text, declarations).map(|prototype| prototype.signature)
    }
}

impl Type {
    /// Reads the name of a type: `const char *`, `struct point`, `int (*)(void)`. Definitions may stand before it.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Type, ParseError> {
        Type::parse_in(text, &Declarations::default())
    }

    /// As [`Type::parse`], with the types that `declarations` holds.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse_in(text: &str, declarations: &Declarations) -> Result<Type, ParseError> {
        Type::parse_declared(text, declarations).map(|(ty, _)| ty)
    }

    /// As [`Type::parse_in`], with what the text says of the type beside: `int[]` is an array of length 0 that is
    /// `flexible`.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse_declared(text: &str, declarations: &Declarations) -> Result<(Type, Declared), ParseError> {
        run(text, declarations, Parser::type_name_alone).map(|(named, _)| named)
    }
}

impl Declarations {
    /// Reads definitions of types and prototypes: a piece of a header, or a whole one after the preprocessor.
    ///
    /// Objects, statements and function bodies are skipped. `sizeof` answers for 64-bit Linux on x86_64;
    /// [`Declarations::parse_for`] takes another target's model.
    ///
    /// # Errors
    /// What is wrong first and where.
    pub fn parse(text: &str) -> Result<Declarations, ParseError> {
        Declarations::parse_for(text, &DataModel::LP64)
    }

    /// As [`Declarations::parse`], for the target with `model`.
    ///
    /// # Errors
    /// What is wrong first and where.
    pub fn parse_for(text: &str, model: &DataModel) -> Result<Declarations, ParseError> {
        run(text, &Declarations::for_model(model), Parser::translation_unit)
            .map(|((), declarations)| declarations)
    }

    /// Reads a text with `earlier` declarations before it, and returns what the text itself declares.
    ///
    /// # Errors
    /// What is wrong first and where.
    pub fn parse_in(text: &str, earlier: &Declarations) -> Result<Declarations, ParseError> {
        run(text, earlier, Parser::translation_unit).map(|((), declarations)| declarations)
    }

    /// As [`Declarations::parse_for`] for texts that were not written for this reader: a declaration that cannot
    /// be read is left out, and the errors say which.
    pub fn scan(text: &str, model: &DataModel) -> (Declarations, Vec<ParseError>) {
        let outer = Declarations::for_model(model);
        let Scan { declarations, skipped, .. } = scan(text, &outer);
        (declarations, skipped.into_iter().map(|(error, _)| error).collect())
    }
}

/// All that can be read of a text.
pub(crate) struct Scan<'a> {
    pub(crate) declarations: Declarations,
    /// Functions, each time that they are declared.
    pub(crate) seen: Vec<Seen<'a>>,
    /// What was left out, with the name that it most likely declares.
    pub(crate) skipped: Vec<(ParseError, Option<&'a str>)>,
}

/// Reads what can be read of `text`.
pub(crate) fn scan<'a>(text: &'a str, outer: &'a Declarations) -> Scan<'a> {
    let mut parser = Parser::new(text, outer);
    let mut places = Places::of(text);
    let skipped = parser.scan();
    let skipped = skipped.into_iter().map(|skipped| (places.locate(skipped.failure), skipped.name)).collect();
    Scan { declarations: parser.own, seen: parser.seen, skipped }
}

/// The value of the constant expression that is all of `text`, in which the names of `outer` can stand.
fn constant(text: &str, outer: &Declarations) -> Result<Constant, ParseErrorKind> {
    run(text, outer, Parser::constant_alone).map(|(constant, _)| constant).map_err(|error| error.kind)
}

/// Runs `parse` on a whole text. Also returns what the text declared.
fn run<'a, T>(
    text: &'a str,
    outer: &'a Declarations,
    parse: impl FnOnce(&mut Parser<'a>) -> Result<T, Failure>,
) -> Result<(T, Declarations), ParseError> {
    let mut parser = Parser::new(text, outer);
    match parse(&mut parser) {
        Ok(value) => Ok((value, parser.own)),
        Err(failure) => Err(Places::of(text).locate(failure)),
    }
}

/// A text being read.
struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// Index of the next token. The last token is `End` and is never passed.
    at: usize,
    /// How many tokens have been passed, those that were passed again counted again.
    passed: usize,
    /// How deep the parser is in brackets, aggregates and parameter lists.
    depth: u32,
    /// How many parameter lists it is in, within the innermost aggregate.
    parameter_lists: u32,
    /// Names of parameters in each list that it is in, outermost first. They hide types of those names.
    parameter_names: Vec<BTreeSet<&'a str>>,
    /// What was declared before this text.
    outer: &'a Declarations,
    /// What this text has declared so far.
    own: Declarations,
    /// Aggregates whose members are being read, outermost first.
    open: Vec<(AggregateKind, String)>,
    /// What pragmas say about layouts.
    packing: Packing<'a>,
    /// Functions declared, in the order of the text.
    seen: Vec<Seen<'a>>,
    /// Objects and functions by name.
    objects: BTreeMap<&'a str, Known>,
}

/// A token of a text for a message: in full unless it is very long, and without what would break the line.
fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == MOST {
            shown.push('…');
            break;
        }
        match character.is_control() {
            true => shown.extend(character.escape_debug()),
            false => shown.push(character),
        }
    }
    shown
}
