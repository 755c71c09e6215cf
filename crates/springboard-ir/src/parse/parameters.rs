//! Parameter lists (C11 6.7.6.3).

use alloc::collections::{BTreeMap, BTreeSet};

use super::{
    Built, Parser,
    declarators::Naming,
    derivations::{Derivation, Length, Role},
    error::{Expected, ParseErrorKind},
    function::Parameters,
    places::{Failure, Placed as _},
    unseen::Unseen,
};

/// A name and where it stands.
type Placed<'a> = (&'a str, usize);

impl<'a> Parser<'a> {
    /// A parameter list with its brackets. What follows `...` are the arguments of one call.
    pub(super) fn parameters(&mut self) -> Result<Parameters, Failure> {
        self.nested(|parser| {
            parser.parameter_lists += 1;
            parser.parameter_names.push(BTreeSet::new());
            let parameters = parser.parameters_inside();
            parser.parameter_names.pop();
            parser.parameter_lists -= 1;
            parameters
        })
    }

    /// Whether the parser is in a parameter list.
    pub(super) fn in_parameters(&self) -> bool {
        self.parameter_lists > 0
    }

    fn parameters_inside(&mut self) -> Result<Parameters, Failure> {
        self.bump();
        let mut parameters = Parameters::NONE;
        if self.eat(")") {
            return Ok(Parameters { unseen: Unseen::UNKNOWN, ..parameters });
        }
        // GCC reads attributes alone as nothing.
        if self.attributes_alone() {
            self.attributes()?;
            self.expect(")")?;
            return Ok(Parameters { unseen: Unseen::UNKNOWN, ..parameters });
        }
        // Parameters that were declared ahead of their list, and what is wrong if they are not in it.
        let mut ahead: BTreeMap<&str, Failure> = BTreeMap::new();
        loop {
            while self.eat_layout_pragma()? {}
            let position = self.position();
            if self.at("...") && parameters.fixed.is_none() {
                self.bump();
                parameters.fixed = Some(parameters.list.len());
            } else {
                let (name, built) = self.parameter(&mut parameters, position)?;
                let only = parameters.list.is_empty() && parameters.fixed.is_none();
                if only && name.is_none() && built.is_void() && self.eat(")") {
                    return Ok(parameters);
                }
                if let Some((name, position)) = name
                    && !self.names_of_parameters().insert(name)
                {
                    return Err(ParseErrorKind::Duplicate(super::shortened(name)).at(position));
                }
                let name = name.map(|(name, _)| name.into());
                parameters.add(name, built, position).at(position)?;
            }
            if self.eat(")") {
                let names = self.names_of_parameters();
                let missing = ahead.into_iter().filter(|(name, _)| !names.contains(name));
                let failure = missing.map(|(_, failure)| failure).min_by_key(|failure| failure.position);
                return failure.map_or(Ok(parameters), Err);
            }
            // GNU: what came before declares parameters of the list that follows, ahead of it.
            if parameters.fixed.is_none() && self.at(";") {
                let failure = self.unexpected(Expected::Either(",", ")"));
                self.bump();
                // GCC takes that for no list.
                if self.eat(")") {
                    return Ok(Parameters::NONE);
                }
                let names = core::mem::take(self.names_of_parameters());
                if names.len() < parameters.list.len() {
                    return Err(failure);
                }
                parameters = Parameters::NONE;
                ahead.extend(names.into_iter().map(|name| (name, failure.clone())));
                continue;
            }
            let position = self.position();
            if !self.eat(",") {
                return Err(self.unexpected(Expected::Either(",", ")")));
            }
            if parameters.fixed.is_some() {
                parameters.arguments.get_or_insert(position);
            }
        }
    }

    /// Whether attributes come next, and after them the end of the list. They are not read for that: they may hold lists.
    fn attributes_alone(&mut self) -> bool {
        let start = self.at;
        while self.eat("__attribute__") || self.eat("__attribute") || self.at_attribute_brackets() {
            if self.skip_group().is_err() {
                break;
            }
        }
        let alone = self.at > start && self.at(")");
        self.at = start;
        alone
    }

    /// The names in the innermost list.
    fn names_of_parameters(&mut self) -> &mut BTreeSet<&'a str> {
        self.parameter_names.last_mut().expect("within a list")
    }

    /// Whether a parameter hides what else is called `name`.
    pub(super) fn is_parameter(&self, name: &str) -> bool {
        self.parameter_names.iter().any(|names| names.contains(name))
    }

    /// One parameter, adjusted, with its name and where that stands.
    fn parameter(
        &mut self,
        parameters: &mut Parameters,
        position: usize,
    ) -> Result<(Option<Placed<'a>>, Built), Failure> {
        let specifiers = self.specifiers()?;
        specifiers.storage.check_parameter()?;
        let mut declarator = self.declarator(Naming::Optional)?;
        let unspecified =
            |derivation| matches!(derivation, &Derivation::Array { length: Length::Unspecified, .. });
        if declarator.derivations.iter().any(unspecified) {
            parameters.unspecified = Some(position);
        }
        let (built, attributes) = self.complete(&specifiers, &mut declarator, Role::Parameter)?;
        if built.is_void() {
            specifiers.storage.check_nothing()?;
        }
        // An alignment that a name gives a type changes nothing about how it is passed.
        let built = built.adjusted(self.model()).at(position)?;
        attributes.check_no_align_as(position)?;
        Ok((declarator.name, built))
    }
}
