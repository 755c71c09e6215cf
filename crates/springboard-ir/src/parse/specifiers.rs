//! Declaration specifiers: the part of a declaration before the declarators (C11 6.7.2).

use alloc::{string::String, vec::Vec};

use super::{
    Built, Parser,
    attributes::Attributes,
    declarations::Name,
    error::{Expected, Failure, ParseErrorKind},
    lexer::{Token, TokenKind},
    words::{Basic, Keyword, VA_LIST, keyword, may_be_defined, short_type, standard_type},
};
use crate::{
    integer::Integer,
    types::{Complex, Type},
};

/// What the specifiers of a declaration say.
pub(super) struct Specifiers {
    /// The type.
    pub(super) built: Built,
    /// Attributes that are the declared thing's: its alignment.
    pub(super) attributes: Attributes,
    /// Whether `typedef` is among them.
    pub(super) storage: Storage,
    /// Whether they can stand without a declarator, as `struct point { … };` does.
    pub(super) tagged: Tagged,
    /// A specifier that objects alone can have.
    pub(super) of_objects: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Storage {
    Typedef,
    /// `static`: nothing outside of the text can name it.
    Static,
    Other,
}

/// Whether specifiers declare a tag or constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tagged {
    No,
    Yes,
}

/// The type among specifiers, as far as it has been read.
enum TypeSoFar {
    Nothing,
    Words(Words),
    Whole(Built),
}

impl<'a> Parser<'a> {
    pub(super) fn specifiers(&mut self) -> Result<Specifiers, Failure> {
        let mut ty = TypeSoFar::Nothing;
        let mut constant = false;
        let (mut atomic, mut restrict, mut thread_local) = (None, None, None);
        let mut attributes = Attributes::default();
        let mut storage = Storage::Other;
        let mut tagged = Tagged::No;
        let start = self.at;
        loop {
            if self.at_attribute_brackets() {
                attributes = attributes.with(self.attributes()?);
                continue;
            }
            let Some(word) = self.word() else { break };
            match keyword(word) {
                Some(Keyword::Const) => constant = true,
                Some(Keyword::Atomic) => {
                    atomic = Some(self.bump().start);
                    if self.at("(") {
                        if !matches!(ty, TypeSoFar::Nothing) {
                            return Err(self.second_type(start));
                        }
                        ty = TypeSoFar::Whole(self.nested(Parser::type_name_in_brackets)?);
                    }
                    continue;
                }
                Some(Keyword::Convention) => {
                    self.conventions()?;
                    continue;
                }
                Some(Keyword::Qualifier) if word.contains("restrict") => restrict = Some(self.position()),
                Some(Keyword::Qualifier) => {}
                Some(Keyword::Typedef) => storage = Storage::Typedef,
                Some(Keyword::Storage) if word == "static" => storage = Storage::Static,
                Some(Keyword::Storage) => {
                    if matches!(word, "_Thread_local" | "thread_local" | "__thread") {
                        thread_local = Some("_Thread_local");
                    }
                }
                Some(Keyword::Attribute) => {
                    attributes = attributes.with(self.attributes()?);
                    continue;
                }
                Some(Keyword::AlignAs) => {
                    attributes.align_as = attributes.align_as.max(self.align_as()?);
                    continue;
                }
                // GCC knows `_Float32`, and headers define it for compilers that do not.
                Some(Keyword::Basic(basic))
                    if storage == Storage::Typedef
                        && may_be_defined(word)
                        && matches!(&ty, TypeSoFar::Words(words) if words.resolve() == basic.alone()) =>
                {
                    break;
                }
                Some(Keyword::Basic(basic)) => self.add_word(&mut ty, basic, start)?,
                Some(Keyword::Aggregate(_) | Keyword::Enum) => {
                    if !matches!(ty, TypeSoFar::Nothing) {
                        return Err(self.second_type(start));
                    }
                    tagged = Tagged::Yes;
                    ty = TypeSoFar::Whole(match keyword(word) {
                        Some(Keyword::Aggregate(kind)) => self.nested(|parser| parser.aggregate(kind))?,
                        _ => self.nested(Parser::enumeration)?,
                    });
                    continue;
                }
                Some(Keyword::TypeOf) => {
                    if !matches!(ty, TypeSoFar::Nothing) {
                        return Err(self.second_type(start));
                    }
                    self.bump();
                    let built = self.nested(Parser::type_of)?;
                    let unqualified = word.contains("unqual");
                    ty = TypeSoFar::Whole(if unqualified { built.unqualified() } else { built });
                    continue;
                }
                Some(Keyword::Unsupported) => return Err(self.fail(ParseErrorKind::Unsupported(word.into()))),
                Some(Keyword::Asm | Keyword::StaticAssert | Keyword::Other) => break,
                None if self.complex_follows(word, &ty) => self.add_word(&mut ty, Basic::Complex, start)?,
                None if !matches!(ty, TypeSoFar::Nothing) => break,
                None => match self.named_type(word) {
                    Some(built) => {
                        self.declare_named(&built);
                        ty = TypeSoFar::Whole(built);
                    }
                    None => return Err(self.unknown_word(word, self.position())),
                },
            }
            self.bump();
        }
        let built = match ty {
            TypeSoFar::Nothing => return Err(self.unexpected(Expected::Type)),
            TypeSoFar::Whole(built) => built,
            TypeSoFar::Words(words) => match words.resolve() {
                Some(ty) => Built::simple(ty, self.model()),
                None => return Err(self.no_such_type(start)),
            },
        };
        let mut built = self.with_attributes(built, &attributes)?;
        if let Some(position) = atomic {
            self.check_atomic(&built, position)?;
            built = built.atomic();
        }
        if let Some(position) = restrict.filter(|_| !built.is_pointer()) {
            return Err(Failure { position, kind: ParseErrorKind::Misplaced("restrict") });
        }
        let built = if constant { built.constant() } else { built };
        let of_objects = thread_local.or(attributes.align_as.map(|_| "_Alignas"));
        Ok(Specifiers { built, attributes, storage, tagged, of_objects })
    }

    /// What stands in the brackets of `typeof`: the name of a type, or of something declared.
    fn type_of(&mut self) -> Result<Built, Failure> {
        if !matches!(self.peek_second().kind, TokenKind::Word) {
            self.expect("(")?;
            return Err(self.unexpected(Expected::Type));
        }
        let name = self.text_of(self.peek_second());
        let Some(declared) = self.declared(name) else { return self.type_name_in_brackets() };
        self.bump();
        self.bump();
        self.expect(")").map(|_| declared)
    }

    fn type_name_in_brackets(&mut self) -> Result<Built, Failure> {
        self.expect("(")?;
        let built = self.type_name()?;
        self.expect(")").map(|_| built)
    }

    /// Refuses `_Atomic` where it may change size or alignment: not of numbers and pointers, nor of what is aligned to its
    /// whole size.
    fn check_atomic(&self, built: &Built, position: usize) -> Result<(), Failure> {
        let is_scalar = built.object_type().is_some_and(|ty| ty.scalar(self.model()).is_some());
        if is_scalar || built.layout().is_some_and(|layout| layout.size == u64::from(layout.align)) {
            return Ok(());
        }
        Err(Failure { position, kind: ParseErrorKind::Unsupported("_Atomic".into()) })
    }

    fn add_word(&self, ty: &mut TypeSoFar, basic: Basic, start: usize) -> Result<(), Failure> {
        let mut words = match core::mem::replace(ty, TypeSoFar::Nothing) {
            TypeSoFar::Nothing => Words::default(),
            TypeSoFar::Words(words) => words,
            TypeSoFar::Whole(_) => return Err(self.second_type(start)),
        };
        if words.add(basic).is_none() {
            return Err(self.second_type(start));
        }
        *ty = TypeSoFar::Words(words);
        Ok(())
    }

    /// Whether `word` is the macro of `<complex.h>`: next to a floating type it is, elsewhere it is a name.
    fn complex_follows(&self, word: &str, ty: &TypeSoFar) -> bool {
        let second = self.text_of(self.peek_second());
        let before_floating =
            matches!(keyword(second), Some(Keyword::Basic(Basic::Float | Basic::Double | Basic::Long)));
        word == "complex"
            && match ty {
                TypeSoFar::Nothing => before_floating,
                TypeSoFar::Words(words) => words.floats() && (words.base.is_some() || before_floating),
                TypeSoFar::Whole(_) => false,
            }
    }

    /// The type that a name stands for.
    pub(super) fn named_type(&self, word: &str) -> Option<Built> {
        match self.find_name(word) {
            Some(Name::Type(built)) => Some(self.completed(built)),
            Some(Name::Constant(_)) => None,
            None => {
                let ty = standard_type(word).or_else(|| short_type(word))?;
                Some(Built::simple(ty, self.model()))
            }
        }
    }

    /// Declares the tag that `va_list` stands for, as a text must that writes it out.
    fn declare_named(&mut self, built: &Built) {
        if let Some((kind, VA_LIST)) = built.incomplete()
            && self.find_tag(VA_LIST).is_none()
        {
            self.own.declare_tag(kind, VA_LIST);
        }
    }

    /// The failure that `word` is neither a type nor anything else that may stand where it does.
    pub(super) fn unknown_word(&self, word: &str, position: usize) -> Failure {
        let names = self.own.type_names().chain(self.outer.type_names()).chain(KNOWN.iter().copied());
        let near = names.map(|name| (distance(word, name), name)).min();
        let near = near.filter(|(distance, _)| *distance <= (word.len() / 3).clamp(1, 2));
        let nearest = near.map(|(_, name)| super::shortened(name));
        Failure { position, kind: ParseErrorKind::UnknownType { name: super::shortened(word), nearest } }
    }

    /// Whether `word` names a type.
    pub(super) fn is_type_name(&self, word: &str) -> bool {
        match self.find_name(word) {
            Some(name) => matches!(name, Name::Type(_)),
            None => standard_type(word).is_some() || short_type(word).is_some(),
        }
    }

    /// The failure that the next token is a second type, after the one that begins at token `start`.
    fn second_type(&self, start: usize) -> Failure {
        self.fail(ParseErrorKind::Specifiers(self.words_of(&self.tokens[start..=self.at])))
    }

    /// The failure that the words from token `start` on are no type.
    fn no_such_type(&self, start: usize) -> Failure {
        let tokens = &self.tokens[start..self.at];
        let position = tokens.first().map_or(self.position(), |token| token.start);
        Failure { position, kind: ParseErrorKind::Specifiers(self.words_of(tokens)) }
    }

    fn words_of(&self, tokens: &[Token]) -> String {
        let words: Vec<&str> = tokens.iter().take(8).map(|token| self.text_of(*token)).collect();
        super::shortened(&words.join(" "))
    }
}

/// Names that may have been meant by one that is not known.
const KNOWN: [&str; 32] = [
    "char",
    "short",
    "int",
    "long",
    "unsigned",
    "signed",
    "float",
    "double",
    "void",
    "bool",
    "struct",
    "union",
    "enum",
    "const",
    "static",
    "extern",
    "inline",
    "volatile",
    "size_t",
    "ssize_t",
    "ptrdiff_t",
    "intptr_t",
    "uintptr_t",
    "wchar_t",
    "int8_t",
    "uint8_t",
    "int16_t",
    "uint16_t",
    "int32_t",
    "uint32_t",
    "int64_t",
    "uint64_t",
];

/// How many letters have to be changed, added, left out or swapped with the next to make one word of the other. Words of
/// many letters are as far apart as can be.
fn distance(a: &str, b: &str) -> usize {
    const MOST: usize = 32;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > MOST || a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = Vec::from([i + 1]);
        for (j, y) in b.iter().enumerate() {
            let mut least = (row[j] + usize::from(x != y)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = core::mem::replace(&mut row, next);
    }
    row[b.len()]
}

/// The words of an arithmetic type, in any order.
#[derive(Default)]
struct Words {
    base: Option<Basic>,
    sign: Option<Basic>,
    short: bool,
    longs: u8,
    complex: bool,
}

impl Basic {
    /// The type that the word names by itself.
    fn alone(self) -> Option<Type> {
        let mut words = Words::default();
        words.add(self)?;
        words.resolve()
    }
}

impl Words {
    /// Adds a word. `None` where it cannot stand with the others.
    fn add(&mut self, word: Basic) -> Option<()> {
        match word {
            Basic::Signed | Basic::Unsigned if self.sign.is_none() => self.sign = Some(word),
            Basic::Short if !self.short && self.longs == 0 => self.short = true,
            Basic::Long if !self.short && self.longs < 2 => self.longs += 1,
            Basic::Complex if !self.complex => self.complex = true,
            Basic::Signed | Basic::Unsigned | Basic::Short | Basic::Long | Basic::Complex => return None,
            _ if self.base.is_none() => self.base = Some(word),
            _ => return None,
        }
        Some(())
    }

    /// Whether they can be a floating type, and not yet a complex one.
    fn floats(&self) -> bool {
        let floating = matches!(self.base, None | Some(Basic::Float | Basic::Double | Basic::Float64x));
        floating && self.sign.is_none() && !self.short && !self.complex
    }

    /// The type they name together (C11 6.7.2, 2).
    fn resolve(&self) -> Option<Type> {
        use Integer::*;
        let unsigned = self.sign == Some(Basic::Unsigned);
        let pick = |signed, other| Some(Type::Int(if unsigned { other } else { signed }));
        if self.complex {
            return match (self.base, self.longs, self.sign, self.short) {
                (Some(Basic::Float), 0, None, false) => Some(Type::Complex(Complex::Float)),
                (Some(Basic::Double) | None, 0, None, false) => Some(Type::Complex(Complex::Double)),
                (Some(Basic::Double), 1, None, false) | (Some(Basic::Float64x), 0, None, false) => {
                    Some(Type::Complex(Complex::LongDouble))
                }
                _ => None,
            };
        }
        match (self.base, self.longs, self.short, self.sign) {
            (Some(Basic::Void), 0, false, None) => Some(Type::Void),
            (Some(Basic::Bool), 0, false, None) => Some(Type::Bool),
            (Some(Basic::Float), 0, false, None) => Some(Type::Float),
            (Some(Basic::Double), 0, false, None) => Some(Type::Double),
            (Some(Basic::Double), 1, false, None) | (Some(Basic::Float64x), 0, false, None) => {
                Some(Type::LongDouble)
            }
            (Some(Basic::Char), 0, false, None) => Some(Type::Int(Char)),
            (Some(Basic::Char), 0, false, Some(_)) => pick(SChar, UChar),
            (Some(Basic::Int128), 0, false, _) => pick(Int128, UInt128),
            (Some(Basic::Int) | None, 0, true, _) => pick(Short, UShort),
            (Some(Basic::Int) | None, 0, false, _) => pick(Int, UInt),
            (Some(Basic::Int) | None, 1, false, _) => pick(Long, ULong),
            (Some(Basic::Int) | None, 2, false, _) => pick(LongLong, ULongLong),
            _ => None,
        }
    }
}
