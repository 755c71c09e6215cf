//! Enumerations (C11 6.7.2.2).

use alloc::{string::String, sync::Arc, vec::Vec};

use super::{
    Built, Parser,
    arithmetic::Value,
    attributes::Attributes,
    built::Shape,
    error::{Expected, ParseErrorKind},
    lexer::TokenKind,
    meaning::{Name, Tag},
    names::redefined,
    places::{Failure, Placed as _},
    shortened,
};
use crate::{definitions::Definition, enumeration::Enumeration, integer::Integer, types::Type};

impl Parser<'_> {
    /// An enumeration specifier, of which the keyword comes next. Without a tag it is its integer type.
    pub(super) fn enumeration(&mut self) -> Result<Built, Failure> {
        let mut position = self.bump().start;
        let attributes = self.attributes()?;
        let tag = self.name();
        if tag.is_some() {
            position = self.bump().start;
        }
        // Else it is a bit-field without a name.
        let names_type = self.at(":") && matches!(self.peek_second().kind, TokenKind::Word);
        let named = if names_type && self.starts_type_at(1) { Some(self.underlying_type()?) } else { None };
        if !self.at("{") {
            let Some(tag) = tag else { return Err(self.unexpected(Expected::Tag)) };
            // It stands alone (C23 6.7.3.3).
            if named.is_some() && !self.at(";") {
                return Err(self.unexpected(Expected::Either("{", ";")));
            }
            return match (self.find_tag(tag), named) {
                // It is complete by its type, and its constants come later, if at all (C23 6.7.3.3).
                (None, Some(integer)) => {
                    let built = Built::simple(Type::Int(integer), self.model());
                    self.own.define_tag(tag, Tag::Enumeration(built.clone()));
                    Ok(built)
                }
                (Some(known @ Tag::Enumeration(_)), Some(_)) if known.names_integer() != named => {
                    Err(redefined(tag, position))
                }
                _ => self.tagged_enumeration(tag).at(position),
            };
        }
        let mut constants = Vec::new();
        let enumeration = self.enumeration_with(tag, position, attributes, named, &mut constants);
        if enumeration.is_err() {
            // The constants go with it.
            constants.iter().for_each(|(name, _)| self.own.forget_name(name));
        }
        let enumeration = Arc::new(enumeration?);
        let integer = enumeration.underlying();
        for (name, value) in constants {
            // Without a type of its own, the enumeration's is that of what does not fit an `int` (so GCC and Clang).
            let ty = named.unwrap_or(if i32::try_from(value).is_ok() { Integer::Int } else { integer });
            let value = Value::of_type(value, ty, self.model());
            self.own.define_name(name, Name::Constant(value));
        }
        let Some(tag) = tag else {
            self.own.define(Definition::Enumeration(enumeration));
            return Ok(Built::simple(Type::Int(integer), self.model()));
        };
        let built = Built::simple(Type::Enum(enumeration), self.model());
        self.define_tag(tag, Tag::Enumeration(built.clone()), position)?;
        Ok(built)
    }

    /// The enumeration of which the braces come next. What has been defined of it is in `constants`.
    fn enumeration_with(
        &mut self,
        tag: Option<&str>,
        position: usize,
        attributes: Attributes,
        named: Option<Integer>,
        constants: &mut Vec<(String, i128)>,
    ) -> Result<Enumeration, Failure> {
        if let Some(tag) = tag
            && let Some(known) = self.find_tag(tag)
            && (named.is_none() || named != known.announced())
        {
            return Err(match known.keyword() {
                "enum" => redefined(tag, position),
                declared => ParseErrorKind::WrongTag { tag: shortened(tag), declared }.at(position),
            });
        }
        self.constants_of_enumeration(constants)?;
        let attributes = attributes.with(self.attributes()?);
        if attributes.alignment().is_some() {
            return Err(ParseErrorKind::Unsupported("aligned".into()).at(position));
        }
        let mode = attributes.mode.map(|(mode, position)| {
            let signed = constants.iter().any(|(_, value)| *value < 0);
            mode.integer(signed).ok_or(Failure::unsupported("mode", position))
        });
        self.apply_to_no_type(&Attributes { mode: None, ..attributes })?;
        let tag = tag.map(String::from);
        let constants = constants.clone();
        let enumeration = match named.or(mode.transpose()?) {
            Some(integer) => Enumeration::fixed(tag, constants, integer, self.model()),
            None if attributes.packed => Enumeration::packed(tag, constants),
            None => Enumeration::new(tag, constants),
        };
        enumeration.at(position)
    }

    /// The integer type that a C23 enumeration names after a colon (6.7.2.2).
    fn underlying_type(&mut self) -> Result<Integer, Failure> {
        self.bump();
        let position = self.position();
        let specifiers = self.specifiers()?;
        specifiers.storage.check_nothing()?;
        match specifiers.built.shape {
            Shape::Object { ty: Type::Int(integer), .. } => Ok(integer),
            _ => Err(ParseErrorKind::EnumerationType.at(position)),
        }
    }

    fn tagged_enumeration(&self, tag: &str) -> Result<Built, ParseErrorKind> {
        match self.find_tag(tag) {
            Some(Tag::Enumeration(built)) => Ok(built.clone()),
            Some(other) => Err(ParseErrorKind::WrongTag { tag: shortened(tag), declared: other.keyword() }),
            None => Err(ParseErrorKind::UnknownEnum(shortened(tag))),
        }
    }

    /// Everything between the braces, with them.
    fn constants_of_enumeration(&mut self, constants: &mut Vec<(String, i128)>) -> Result<(), Failure> {
        self.expect("{")?;
        let mut next = 0i128;
        while !self.eat("}") {
            let Some(name) = self.name() else { return Err(self.unexpected(Expected::Name)) };
            let position = self.bump().start;
            self.attributes_without_effect()?;
            let value = if self.eat("=") { self.constant()?.value } else { next };
            self.define_constant(name, value, position)?;
            constants.push((name.into(), value));
            next = value + 1;
            if !self.eat(",") && !self.at("}") {
                return Err(self.unexpected(Expected::Either(",", "}")));
            }
        }
        Ok(())
    }
}
