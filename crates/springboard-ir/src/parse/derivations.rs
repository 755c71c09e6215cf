//! Types from declarators: what the steps around a name make of the type they start from (C11 6.7.6).

use alloc::{string::String, vec::Vec};

use super::{
    Built, Parser,
    attributes::Attributes,
    built::Shape,
    error::{Expected, ParseErrorKind},
    function::Parameters,
    places::{Failure, Placed as _},
    qualifiers::Qualifiers,
    specifiers::Specifiers,
    words::VA_LIST,
};
use crate::types::{NamedConvention, Type};

/// A declarator.
pub(super) struct Declarator<'a> {
    /// The name and where it stands.
    pub(super) name: Option<(&'a str, usize)>,
    /// Attributes right after the name.
    pub(super) attributes: Attributes,
    /// Where the declarator begins.
    pub(super) position: usize,
    /// The steps from the name outwards.
    pub(super) derivations: Vec<Derivation>,
    /// A calling convention, of the function that the next derivation makes, or of the type that all is derived from.
    pub(super) convention: Option<(NamedConvention, usize)>,
}

/// One step from the name towards the type that all is derived from.
pub(super) enum Derivation {
    Pointer { qualifiers: Qualifiers },
    Array { length: Length, position: usize },
    Function { parameters: Parameters, position: usize },
}

/// The number of elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Length {
    Known(u64),
    /// `[]`.
    Unknown,
    /// `[n]` in a parameter.
    Variable,
    /// `[*]` in a parameter.
    Unspecified,
}

/// What a declarator declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Parameter,
    /// A function that is called once, as its variadic arguments say.
    Call,
    Other,
}

impl<'a> Parser<'a> {
    /// Attributes after `declarator`, and the type that comes out of all.
    ///
    /// Of the attributes returned, only those that concern the declared thing are left to obey.
    pub(super) fn complete(
        &mut self,
        specifiers: &Specifiers,
        declarator: &mut Declarator<'a>,
        role: Role,
    ) -> Result<(Built, Attributes), Failure> {
        let attributes = declarator.attributes.with(self.attributes()?);
        self.check_name(specifiers, declarator)?;
        let base = if declarator.derivations.is_empty() {
            self.with_attributes(specifiers.built.clone(), &attributes)?
        } else {
            self.apply_to_no_type(&Attributes { convention: None, ..attributes })?;
            specifiers.built.clone()
        };
        let base = match declarator.convention.take() {
            Some(convention) => base.called_by(convention)?,
            None => base,
        };
        let mut built = self.build(base, declarator, role)?;
        let attributes = specifiers.attributes.with(attributes);
        if let Some(convention) = attributes.convention {
            built = built.called_by(convention)?;
        }
        Ok((built, attributes))
    }

    /// Refuses `complex` as the name where, after the type, it would be read as a part of that.
    fn check_name(&self, specifiers: &Specifiers, declarator: &Declarator<'a>) -> Result<(), Failure> {
        let Some(("complex", position)) = declarator.name else { return Ok(()) };
        let pointer = |derivation: &Derivation| matches!(derivation, Derivation::Pointer { .. });
        let Shape::Object { ty: Type::Float | Type::Double | Type::LongDouble, .. } = specifiers.built.shape
        else {
            return Ok(());
        };
        if declarator.derivations.iter().any(pointer) {
            return Ok(());
        }
        let found = Some("complex".into());
        Err(ParseErrorKind::Expected { expected: Expected::Name, found }.at(position))
    }

    /// The type that `declarator` derives from `base`. Takes the derivations out.
    fn build(&self, base: Built, declarator: &mut Declarator<'a>, role: Role) -> Result<Built, Failure> {
        let start = declarator.position;
        let mut built = base;
        let mut derivations = core::mem::take(&mut declarator.derivations).into_iter().rev().peekable();
        while let Some(derivation) = derivations.next() {
            let position = derivation.position().unwrap_or(start);
            let outer = derivations.peek();
            built = match derivation {
                // The length of the array that becomes a pointer means nothing.
                Derivation::Array { .. } if outer.is_none() && role == Role::Parameter => {
                    if matches!(built.shape, Shape::Function(_) | Shape::Object { ty: Type::Void, .. }) {
                        return Err(ParseErrorKind::NotAnObject.at(position));
                    }
                    if !built.is_va_list() {
                        self.check_complete(&built, start)?;
                    }
                    built.pointer(self.model()).at(position)?
                }
                Derivation::Pointer { qualifiers } => {
                    self.qualified(built.pointer(self.model()).at(position)?, &qualifiers)?
                }
                Derivation::Array { length, .. } => {
                    self.check_complete(&built, start)?;
                    let length = match length {
                        Length::Known(length) => Some(length),
                        Length::Unknown if matches!(outer, Some(Derivation::Array { .. })) => {
                            return Err(ParseErrorKind::UnknownLength.at(position));
                        }
                        Length::Unknown | Length::Variable | Length::Unspecified => None,
                    };
                    let mut array = built.array(length.unwrap_or(0)).at(position)?;
                    array.declared.flexible = length.is_none();
                    array
                }
                Derivation::Function { parameters, .. } => {
                    if let Some(position) = parameters.arguments
                        && (outer.is_some() || role != Role::Call)
                    {
                        let found = Some(String::from(","));
                        return Err(
                            ParseErrorKind::Expected { expected: Expected::Text(")"), found }.at(position)
                        );
                    }
                    if let (Role::Call, None) = (role, outer) {
                        self.check_complete(&built, start)?;
                        let params = parameters.list.iter().zip(&parameters.positions);
                        params.clone().try_for_each(|(param, at)| self.check_defined(&param.ty, *at))?;
                    } else if built.is_va_list() {
                        return Err(ParseErrorKind::Unsupported("va_list".into()).at(position));
                    }
                    parameters.returning(built, position)?
                }
            };
        }
        Ok(built)
    }

    /// Refuses an aggregate without a definition.
    pub(super) fn check_complete(&self, built: &Built, position: usize) -> Result<(), Failure> {
        match &built.shape {
            Shape::Object { ty, .. } => self.check_defined(ty, position),
            Shape::Function(_) => Ok(()),
        }
    }

    fn check_defined(&self, ty: &Type, position: usize) -> Result<(), Failure> {
        let Type::Incomplete(kind, tag) = ty else { return Ok(()) };
        let (kind, tag) = (*kind, &**tag);
        if tag == VA_LIST {
            return Err(Failure::unsupported("va_list", position));
        }
        let open = self.open.iter().any(|(open_kind, open_tag)| *open_kind == kind && open_tag == tag);
        Err(match open {
            true => ParseErrorKind::Recursive(kind, tag.into()).at(position),
            false => ParseErrorKind::Incomplete(kind, tag.into()).at(position),
        })
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
