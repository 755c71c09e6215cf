//! Parameter lists (C11 6.7.6.3).

use alloc::collections::BTreeSet;

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
            let parameters = parser.parameters_inside();
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
        let start = self.at;
        if self.attributes().is_ok() && self.eat(")") {
            return Ok(Parameters { unseen: Unseen::UNKNOWN, ..parameters });
        }
        self.at = start;
        let mut names = BTreeSet::new();
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
                    && !names.insert(name)
                {
                    return Err(ParseErrorKind::Duplicate(super::shortened(name)).at(position));
                }
                let name = name.map(|(name, _)| name.into());
                parameters.add(name, built, position).at(position)?;
            }
            if self.eat(")") {
                return Ok(parameters);
            }
            // GNU: what came before declares parameters of the list that follows, ahead of it.
            if parameters.fixed.is_none() && self.eat(";") {
                parameters = Parameters::NONE;
                names.clear();
                if self.eat(")") {
                    return Ok(parameters);
                }
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
        // An alignment that a name gives a type changes nothing about how it is passed.
        let built = built.adjusted(self.model()).at(position)?;
        attributes.check_no_align_as(position)?;
        Ok((declarator.name, built))
    }
}
