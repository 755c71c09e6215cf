//! Declarators: the part of a declaration around the name (C11 6.7.6).

use alloc::vec::Vec;

use super::{
    ConstantError, Parser,
    attributes::Attributes,
    derivations::{Declarator, Derivation, Length},
    error::{Expected, ParseErrorKind},
    lexer::TokenKind,
    places::Failure,
    qualifiers::Qualifiers,
    words::{Keyword, keyword, may_be_defined},
};
use crate::{layout::MAX_DEPTH, types::NamedConvention};

/// A star, with what stands after it.
struct Star {
    qualifiers: Qualifiers,
    /// The convention of the function that is pointed to.
    convention: Option<(NamedConvention, usize)>,
    position: usize,
}

/// Whether a declarator has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Naming {
    Required,
    Optional,
    Forbidden,
}

impl<'a> Parser<'a> {
    pub(super) fn declarator(&mut self, naming: Naming) -> Result<Declarator<'a>, Failure> {
        let position = self.position();
        let mut declarator = Declarator {
            name: None,
            attributes: Attributes::default(),
            position,
            derivations: Vec::new(),
            convention: None,
        };
        self.declarator_into(&mut declarator, naming)?;
        Ok(declarator)
    }

    fn declarator_into(&mut self, declarator: &mut Declarator<'a>, naming: Naming) -> Result<(), Failure> {
        self.conventions()?;
        let pointers = self.pointers()?;
        self.conventions()?;
        if self.at("(") && self.opens_declarator(naming) {
            self.nested(|parser| {
                parser.bump();
                let convention = parser.attributes_of_function()?;
                parser.declarator_into(declarator, naming)?;
                declarator.convention = convention.or(declarator.convention);
                parser.expect(")")
            })?;
        } else if let Some(name) = self.name().filter(|_| naming != Naming::Forbidden) {
            let position = self.bump().start;
            // A name follows no other; the first of two was meant to be something else.
            if self.name().is_some() {
                return Err(self.unknown_word(name, position));
            }
            declarator.name = Some((name, position));
        } else if naming == Naming::Required {
            let begun = !pointers.is_empty() || self.depth > 0;
            return Err(self.unexpected(if begun { Expected::NameOrBracket } else { Expected::Name }));
        }
        loop {
            let position = self.position();
            let derivation = if self.at_attribute_brackets() {
                // After the name they are the declared thing's (C23 6.7.7.1), later the type's.
                match declarator.derivations.is_empty() && declarator.name.is_some() {
                    true => declarator.attributes = declarator.attributes.with(self.attributes()?),
                    false => self.attributes_without_effect()?,
                }
                continue;
            } else if self.at("[") {
                Derivation::Array { length: self.array_length(declarator)?, position }
            } else if self.at("(") {
                Derivation::Function { parameters: self.parameters()?, position }
            } else {
                break;
            };
            self.derive(declarator, derivation, position)?;
        }
        for Star { qualifiers, convention, position } in pointers.into_iter().rev() {
            self.derive(declarator, Derivation::Pointer { qualifiers }, position)?;
            declarator.convention = convention;
        }
        Ok(())
    }

    fn derive(
        &self,
        declarator: &mut Declarator<'a>,
        mut derivation: Derivation,
        position: usize,
    ) -> Result<(), Failure> {
        if let Some((convention, position)) = declarator.convention.take() {
            let Derivation::Function { parameters, .. } = &mut derivation else {
                return Err(Failure::unsupported(convention.attribute(), position));
            };
            parameters.convention = Some(convention);
        }
        if declarator.derivations.len() == MAX_DEPTH as usize {
            return Err(ParseErrorKind::TooDeep(MAX_DEPTH).at(position));
        }
        declarator.derivations.push(derivation);
        Ok(())
    }

    /// The stars at the start of a declarator.
    fn pointers(&mut self) -> Result<Vec<Star>, Failure> {
        let mut pointers = Vec::new();
        while self.at("*") {
            let position = self.bump().start;
            let mut qualifiers = Qualifiers::default();
            let mut convention = self.attributes_of_function()?;
            while self.qualifier(&mut qualifiers) {
                convention = self.attributes_of_function()?.or(convention);
            }
            if pointers.len() == MAX_DEPTH as usize {
                return Err(ParseErrorKind::TooDeep(MAX_DEPTH).at(position));
            }
            pointers.push(Star { qualifiers, convention, position });
        }
        Ok(pointers)
    }

    /// The next token, if it can be a name.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.word().filter(|word| keyword(word).is_none() || may_be_defined(word))
    }

    /// Whether the bracket that comes next holds a declarator, and not the parameters of a function without a
    /// name (C11 6.7.6.3, 11: a type name there is a parameter's).
    fn opens_declarator(&self, naming: Naming) -> bool {
        let second = self.peek_second();
        let text = self.text_of(second);
        match keyword(text) {
            Some(Keyword::Attribute | Keyword::Convention) => true,
            Some(_) => false,
            None if naming == Naming::Required => true,
            None => !matches!(text, ")" | "...") && !self.is_type_name(text),
        }
    }

    fn array_length(&mut self, declarator: &Declarator<'a>) -> Result<Length, Failure> {
        let outermost = declarator.derivations.is_empty();
        self.nested(|parser| {
            parser.bump();
            // These are said of the pointer that a parameter is, `static` once and with a length (6.7.6.2, 1 and 3).
            let first = parser.peek();
            let least = parser.eat("static");
            while parser.qualifier(&mut Qualifiers::default()) {}
            let least = least || parser.eat("static");
            if parser.position() > first.start && !(outermost && parser.in_parameters()) {
                let found = Some(parser.quote(first));
                return Err(ParseErrorKind::Expected { expected: Expected::Text("]"), found }.at(first.start));
            }
            if !least && parser.eat("]") {
                return Ok(Length::Unknown);
            }
            if parser.in_parameters()
                && !least
                && parser.at("*")
                && parser.text_of(parser.peek_second()) == "]"
            {
                parser.bump();
                parser.bump();
                return Ok(Length::Unspecified);
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
            length.map(Length::Known).map_err(|_| ParseErrorKind::ArrayLength(value.value).at(position))
        })
    }

    /// Passes an array length that is no constant, if `failure` is because of that.
    fn skip_length(&mut self, failure: Failure) -> Result<Length, Failure> {
        let variable = match &failure.kind {
            ParseErrorKind::Constant(ConstantError::Unknown(_)) => true,
            // What a pointer points to.
            ParseErrorKind::Expected { expected: Expected::Expression, found } => {
                found.as_deref() == Some("*")
            }
            _ => false,
        };
        if !variable {
            return Err(failure);
        }
        let star = self.eat("*");
        if star && self.at("]") {
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
}
