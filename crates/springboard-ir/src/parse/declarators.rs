//! Declarators: the part of a declaration around the name (C11 6.7.6).

use alloc::{string::String, vec::Vec};

use super::{
    Built, ConstantError, Parser,
    attributes::Attributes,
    built::Parameters,
    error::{Expected, Failure, ParseErrorKind},
    lexer::TokenKind,
    specifiers::Specifiers,
    words::{Keyword, keyword},
};
use crate::layout::MAX_DEPTH;

/// Whether a declarator has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Naming {
    Required,
    Optional,
    Forbidden,
}

/// One step from the name towards the type that all is derived from.
pub(super) enum Derivation {
    Pointer { constant: bool },
    Array { length: Length, position: usize },
    Function { parameters: Parameters, position: usize },
}

/// The number of elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Length {
    Known(u64),
    /// `[]`.
    Unknown,
    /// `[n]` or `[*]` in a parameter.
    Variable,
}

/// What a declarator declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Parameter,
    /// A function that is called once, as its variadic arguments say.
    Call,
    Other,
}

/// A declarator.
pub(super) struct Declarator<'a> {
    /// The name and where it stands.
    pub(super) name: Option<(&'a str, usize)>,
    /// Where the declarator begins.
    pub(super) position: usize,
    /// The steps from the name outwards.
    pub(super) derivations: Vec<Derivation>,
}

impl<'a> Parser<'a> {
    pub(super) fn declarator(&mut self, naming: Naming) -> Result<Declarator<'a>, Failure> {
        let mut declarator = Declarator { name: None, position: self.position(), derivations: Vec::new() };
        self.declarator_into(&mut declarator, naming)?;
        Ok(declarator)
    }

    fn declarator_into(&mut self, declarator: &mut Declarator<'a>, naming: Naming) -> Result<(), Failure> {
        let pointers = self.pointers()?;
        if self.at("(") && self.opens_declarator(naming) {
            self.nested(|parser| {
                parser.bump();
                parser.attributes_without_effect()?;
                parser.declarator_into(declarator, naming)?;
                parser.expect(")")
            })?;
        } else if let Some(name) = self.name().filter(|_| naming != Naming::Forbidden) {
            declarator.name = Some((name, self.bump().start));
        } else if naming == Naming::Required {
            let begun = !pointers.is_empty() || self.depth > 0;
            return Err(self.unexpected(if begun { Expected::NameOrBracket } else { Expected::Name }));
        }
        loop {
            let position = self.position();
            let derivation = if self.at("[") {
                Derivation::Array { length: self.array_length()?, position }
            } else if self.at("(") {
                Derivation::Function { parameters: self.parameters()?, position }
            } else {
                break;
            };
            self.derive(declarator, derivation, position)?;
        }
        for (constant, position) in pointers.into_iter().rev() {
            self.derive(declarator, Derivation::Pointer { constant }, position)?;
        }
        Ok(())
    }

    fn derive(
        &self,
        declarator: &mut Declarator<'a>,
        derivation: Derivation,
        position: usize,
    ) -> Result<(), Failure> {
        if declarator.derivations.len() == MAX_DEPTH as usize {
            return Err(Failure { position, kind: ParseErrorKind::TooDeep(MAX_DEPTH) });
        }
        declarator.derivations.push(derivation);
        Ok(())
    }

    /// The stars at the start of a declarator: whether each is `const`, and where it stands.
    fn pointers(&mut self) -> Result<Vec<(bool, usize)>, Failure> {
        let mut pointers = Vec::new();
        while self.at("*") {
            let position = self.bump().start;
            let mut constant = false;
            loop {
                self.attributes_without_effect()?;
                match self.word().and_then(keyword) {
                    Some(Keyword::Const) => constant = true,
                    Some(Keyword::Qualifier) => {}
                    _ => break,
                }
                self.bump();
            }
            if pointers.len() == MAX_DEPTH as usize {
                return Err(Failure { position, kind: ParseErrorKind::TooDeep(MAX_DEPTH) });
            }
            pointers.push((constant, position));
        }
        Ok(pointers)
    }

    /// The next token, if it can be a name.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.word().filter(|word| keyword(word).is_none())
    }

    /// Whether the bracket that comes next holds a declarator, and not the parameters of a function without a
    /// name (C11 6.7.6.3, 11: a type name there is a parameter's).
    fn opens_declarator(&self, naming: Naming) -> bool {
        let second = self.peek_second();
        let text = self.text_of(second);
        match keyword(text) {
            Some(Keyword::Attribute) => true,
            Some(_) => false,
            None if naming == Naming::Required => true,
            None => !matches!(text, ")" | "...") && !self.is_type_name(text),
        }
    }

    fn array_length(&mut self) -> Result<Length, Failure> {
        self.nested(|parser| {
            parser.bump();
            while parser.at("static")
                || matches!(parser.word().and_then(keyword), Some(Keyword::Const | Keyword::Qualifier))
            {
                parser.bump();
            }
            if parser.eat("]") {
                return Ok(Length::Unknown);
            }
            let position = parser.position();
            let start = parser.at;
            let value = match parser.constant() {
                Ok(value) => value,
                // A parameter may be an array of as many elements as an expression says; nobody counts them.
                Err(failure) if parser.in_parameters() => {
                    parser.at = start;
                    return parser.skip_length(failure);
                }
                Err(failure) => return Err(failure),
            };
            parser.expect("]")?;
            let length = u64::try_from(value.value);
            length
                .map(Length::Known)
                .map_err(|_| Failure { position, kind: ParseErrorKind::ArrayLength(value.value) })
        })
    }

    /// Passes an array length that is no constant, if `failure` is because of that.
    fn skip_length(&mut self, failure: Failure) -> Result<Length, Failure> {
        let variable = match &failure.kind {
            ParseErrorKind::Constant(ConstantError::Unknown(_)) => true,
            ParseErrorKind::Expected { .. } => self.at("*") && self.text_of(self.peek_second()) == "]",
            _ => false,
        };
        if !variable {
            return Err(failure);
        }
        while !self.at("]") {
            if self.at("(") || self.at("[") {
                self.skip_group()?;
            } else if self.at(",") || self.at(";") || self.at(")") || self.bump().kind == TokenKind::End {
                return Err(self.unexpected(Expected::Text("]")));
            }
        }
        self.bump();
        Ok(Length::Variable)
    }

    /// Attributes behind `declarator`, and the type that comes out of all.
    ///
    /// Of the attributes returned, only those that concern the declared thing are left to obey.
    pub(super) fn complete(
        &mut self,
        specifiers: &Specifiers,
        declarator: &mut Declarator<'a>,
        role: Role,
    ) -> Result<(Built, Attributes), Failure> {
        let attributes = self.attributes()?;
        let base = if declarator.derivations.is_empty() {
            self.with_attributes(specifiers.built.clone(), &attributes)?
        } else {
            self.apply_to_no_type(&attributes)?;
            specifiers.built.clone()
        };
        let built = self.build(base, declarator, role)?;
        Ok((built, specifiers.attributes.with(attributes)))
    }

    /// The type that `declarator` derives from `base`. Takes the derivations out.
    fn build(&self, base: Built, declarator: &mut Declarator<'a>, role: Role) -> Result<Built, Failure> {
        let start = declarator.position;
        let mut built = base;
        let mut derivations = core::mem::take(&mut declarator.derivations).into_iter().rev().peekable();
        while let Some(derivation) = derivations.next() {
            let position = derivation.position().unwrap_or(start);
            let fail = |kind| Failure { position, kind };
            let outer = derivations.peek();
            built = match derivation {
                // The length of the array that becomes a pointer means nothing.
                Derivation::Array { .. } if outer.is_none() && role == Role::Parameter => {
                    built.pointer(self.model()).map_err(fail)?
                }
                Derivation::Pointer { constant } => {
                    let pointer = built.pointer(self.model()).map_err(fail)?;
                    if constant { pointer.constant() } else { pointer }
                }
                Derivation::Array { length, .. } => {
                    self.check_complete(&built, start)?;
                    let length = match length {
                        Length::Known(length) => length,
                        Length::Unknown if matches!(outer, Some(Derivation::Array { .. })) => {
                            return Err(fail(ParseErrorKind::UnknownLength));
                        }
                        Length::Unknown | Length::Variable => 0,
                    };
                    built.array(length).map_err(fail)?
                }
                Derivation::Function { parameters, .. } => {
                    if let Some(position) = parameters.arguments
                        && (outer.is_some() || role != Role::Call)
                    {
                        let found = Some(String::from(","));
                        let kind = ParseErrorKind::Expected { expected: Expected::Text(")"), found };
                        return Err(Failure { position, kind });
                    }
                    self.check_complete(&built, start)?;
                    let function = parameters.returning(built);
                    function.map_err(|(at, kind)| Failure { position: at.unwrap_or(position), kind })?
                }
            };
        }
        Ok(built)
    }

    /// Refuses an aggregate without a definition.
    pub(super) fn check_complete(&self, built: &Built, position: usize) -> Result<(), Failure> {
        let Some((kind, tag)) = built.incomplete() else { return Ok(()) };
        let open = self.open.iter().any(|(open_kind, open_tag)| *open_kind == kind && open_tag == tag);
        let kind = match open {
            true => ParseErrorKind::Recursive(kind, tag.into()),
            false => ParseErrorKind::Incomplete(kind, tag.into()),
        };
        Err(Failure { position, kind })
    }
}

impl Derivation {
    /// Where it stands, if it does not stand where the declarator begins.
    fn position(&self) -> Option<usize> {
        match self {
            Derivation::Pointer { .. } => None,
            Derivation::Array { position, .. } | Derivation::Function { position, .. } => Some(*position),
        }
    }
}
