//! Declaration specifiers: the part of a declaration before the declarators (C11 6.7.2).

use alloc::{string::String, vec::Vec};

use super::{
    Built, Parser,
    attributes::Attributes,
    basic::Words,
    error::{Expected, ParseErrorKind},
    lexer::{Token, TokenKind},
    meaning::Name,
    places::Failure,
    qualifiers::Qualifiers,
    storage::Storage,
    words::{Basic, Keyword, VA_LIST, keyword, may_be_defined, short_type, standard_type},
};
use crate::types::Type;

/// What the specifiers of a declaration say.
pub(super) struct Specifiers {
    /// The type.
    pub(super) built: Built,
    /// Attributes that are the declared thing's: its alignment.
    pub(super) attributes: Attributes,
    pub(super) storage: Storage,
    /// Whether they declare something without a declarator, as `struct point { … };` does.
    pub(super) tagged: Tagged,
}

impl Specifiers {
    /// Whether they can end a declaration, outside of structures: `int;` declares nothing, and compilers read it. What
    /// follows `typedef` may be a name that is taken for a word here, such as `complex`.
    pub(super) fn may_be_alone(&self) -> bool {
        self.tagged == Tagged::Yes || !self.storage.is_typedef()
    }
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
        let mut qualifiers = Qualifiers::default();
        let mut attributes = Attributes::default();
        let mut storage = Storage::default();
        let mut tagged = Tagged::No;
        let start = self.at;
        loop {
            if self.at_attribute_brackets() {
                // After specifiers they are the type's (C23 6.7.3.1), to which they do nothing.
                if self.at > start {
                    self.attributes_without_effect()?;
                    continue;
                }
                attributes = attributes.with(self.attributes()?);
                continue;
            }
            let Some(word) = self.word() else { break };
            match keyword(word) {
                Some(Keyword::Const | Keyword::Qualifier | Keyword::Atomic) => {
                    if !self.qualifier(&mut qualifiers) {
                        self.check_first(&ty, start)?;
                        ty = TypeSoFar::Whole(self.nested(Parser::atomic_type)?);
                    }
                    continue;
                }
                Some(Keyword::Convention) => {
                    self.conventions()?;
                    continue;
                }
                // It stands before all others.
                Some(Keyword::Storage)
                    if word == "__extension__"
                        && self.tokens[start..self.at].iter().any(|token| self.text_of(*token) != word) =>
                {
                    return Err(self.fail(ParseErrorKind::Misplaced("__extension__")));
                }
                Some(Keyword::Storage) => storage.add(word, self.position())?,
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
                    if storage.is_typedef()
                        && may_be_defined(word)
                        && matches!(&ty, TypeSoFar::Words(words) if words.resolve() == basic.alone()) =>
                {
                    break;
                }
                Some(Keyword::Basic(basic)) => self.add_word(&mut ty, basic, start)?,
                Some(Keyword::Aggregate(_) | Keyword::Enum) => {
                    self.check_first(&ty, start)?;
                    tagged = Tagged::Yes;
                    ty = TypeSoFar::Whole(match keyword(word) {
                        Some(Keyword::Aggregate(kind)) => self.nested(|parser| parser.aggregate(kind))?,
                        _ => self.nested(Parser::enumeration)?,
                    });
                    continue;
                }
                Some(Keyword::TypeOf) => {
                    self.check_first(&ty, start)?;
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
                    None if self.is_parameter(word) => return Err(self.unexpected(Expected::Type)),
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
                // GNU C has complex integers.
                None if words.complex => {
                    return Err(Failure::unsupported("_Complex", self.tokens[start].start));
                }
                None => return Err(self.no_such_type(start)),
            },
        };
        let built = self.with_attributes(built, &attributes)?;
        let built = self.qualified(built, &qualifiers)?;
        Ok(Specifiers { built, attributes, storage, tagged })
    }

    /// What stands in the brackets of `typeof`: the name of a type, or of something declared, or a constant.
    fn type_of(&mut self) -> Result<Built, Failure> {
        let position = self.position();
        let is_word = matches!(self.peek_second().kind, TokenKind::Word);
        let name = self.text_of(self.peek_second());
        if !self.at("(") {
            return Err(self.unexpected(Expected::Text("(")));
        }
        let Some(declared) = self.declared(name).filter(|_| is_word) else {
            let is_value = name == "nullptr" || matches!(self.find_name(name), Some(Name::Constant(_)));
            if is_word && !is_value {
                return self.in_brackets(Parser::type_name);
            }
            self.expect("(")?;
            let ty = if self.eat("nullptr") { Ok(Type::void_pointer()) } else { self.constant_type() };
            let ty = ty.map_err(|failure| match failure.kind {
                ParseErrorKind::Constant(_) | ParseErrorKind::Expected { .. } => {
                    Failure::unsupported("typeof", position)
                }
                _ => failure,
            })?;
            let built = Built::simple(ty, self.model());
            return self.expect(")").map(|_| built);
        };
        self.bump();
        self.bump();
        self.expect(")").map(|_| declared)
    }

    /// Refuses a second type.
    fn check_first(&self, ty: &TypeSoFar, start: usize) -> Result<(), Failure> {
        if matches!(ty, TypeSoFar::Nothing) { Ok(()) } else { Err(self.second_type(start)) }
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
            _ if self.is_parameter(word) => None,
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

    /// Whether `word` names a type.
    pub(super) fn is_type_name(&self, word: &str) -> bool {
        match self.find_name(word) {
            _ if self.is_parameter(word) => false,
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
        ParseErrorKind::Specifiers(self.words_of(tokens)).at(position)
    }

    fn words_of(&self, tokens: &[Token]) -> String {
        let words: Vec<&str> = tokens.iter().take(8).map(|token| self.text_of(*token)).collect();
        super::shortened(&words.join(" "))
    }
}
