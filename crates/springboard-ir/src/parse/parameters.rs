//! Parameter lists (C11 6.7.6.3).

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use super::{
    Built, Parser,
    built::{Shape, Size},
    declarators::Naming,
    derivations::Role,
    error::{Expected, ParseErrorKind},
    places::{Failure, Placed as _},
};
use crate::types::{NamedConvention, Param, Signature};

/// The parameters of a function type under construction.
pub(super) struct Parameters {
    pub(super) list: Vec<Param>,
    /// Where each of them begins in the text.
    pub(super) positions: Vec<usize>,
    /// How many stand before `...`.
    fixed: Option<usize>,
    /// Where the arguments of one call begin, after `...`.
    pub(super) arguments: Option<usize>,
    /// The convention that an attribute of the function type names.
    pub(super) convention: Option<NamedConvention>,
    size: Size,
}

impl Parameters {
    const NONE: Parameters = Parameters {
        list: Vec::new(),
        positions: Vec::new(),
        fixed: None,
        arguments: None,
        convention: None,
        size: Size::ONE,
    };

    /// Adds a parameter, adjusted, that begins at `position`.
    fn add(&mut self, name: Option<String>, built: Built, position: usize) -> Result<(), ParseErrorKind> {
        let Shape::Object { ty, .. } = built.shape else { return Err(ParseErrorKind::NotAnObject) };
        self.size = self.size.around(built.size)?;
        self.list.push(Param { name, ty });
        self.positions.push(position);
        Ok(())
    }

    /// The function type with these parameters, a list at `position`, and that result, which must be of an object type or
    /// `void`.
    pub(super) fn returning(self, result: Built, position: usize) -> Result<Built, Failure> {
        let Shape::Object { ty, .. } = result.shape else {
            return Err(ParseErrorKind::FunctionResult.at(position));
        };
        let size = self.size.around(result.size).at(position)?;
        let signature = match self.fixed {
            None => Signature::new(ty, self.list),
            Some(fixed) => Signature::variadic(ty, self.list, fixed),
        };
        let signature = signature.map_err(|error| {
            let blamed = error.parameter().and_then(|at| self.positions.get(at)).copied();
            ParseErrorKind::Signature(error).at(blamed.unwrap_or(position))
        })?;
        Ok(Built::function(
            match self.convention {
                Some(convention) => signature.called_by(convention),
                None => signature,
            },
            size,
        ))
    }
}

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
            return Ok(parameters);
        }
        // GCC reads attributes alone as nothing.
        let start = self.at;
        if self.attributes().is_ok() && self.eat(")") {
            return Ok(parameters);
        }
        self.at = start;
        let mut names = BTreeSet::new();
        loop {
            let position = self.position();
            if self.at("...") && parameters.fixed.is_none() {
                self.bump();
                parameters.fixed = Some(parameters.list.len());
            } else {
                let (name, built) = self.parameter(position)?;
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
    fn parameter(&mut self, position: usize) -> Result<(Option<Placed<'a>>, Built), Failure> {
        let specifiers = self.specifiers()?;
        specifiers.storage.check_parameter()?;
        let mut declarator = self.declarator(Naming::Optional)?;
        let (built, attributes) = self.complete(&specifiers, &mut declarator, Role::Parameter)?;
        // An alignment that a name gives a type changes nothing about how it is passed.
        let built = built.adjusted(self.model()).at(position)?;
        if attributes.align_as.is_some() {
            return Err(ParseErrorKind::Misplaced("_Alignas").at(position));
        }
        Ok((declarator.name, built))
    }
}
