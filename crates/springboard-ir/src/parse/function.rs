//! Function types under construction.

use alloc::{string::String, vec::Vec};

use super::{
    built::{Built, Shape},
    error::ParseErrorKind,
    places::{Failure, Placed as _},
    size::Size,
    unseen::Unseen,
};
use crate::types::{NamedConvention, Param, Signature};

/// The parameters of a function type under construction.
pub(super) struct Parameters {
    pub(super) list: Vec<Param>,
    /// Where each of them begins in the text.
    pub(super) positions: Vec<usize>,
    /// How many stand before `...`.
    pub(super) fixed: Option<usize>,
    /// Where the arguments of one call begin, after `...`.
    pub(super) arguments: Option<usize>,
    /// The convention that an attribute of the function type names.
    pub(super) convention: Option<NamedConvention>,
    /// Where an array of `[*]` elements stands among them, of which only a prototype can have one.
    pub(super) unspecified: Option<usize>,
    pub(super) size: Size,
    /// [`Unseen::UNKNOWN`] of `()`.
    pub(super) unseen: Unseen,
}

impl Parameters {
    pub(super) const NONE: Parameters = Parameters {
        list: Vec::new(),
        positions: Vec::new(),
        fixed: None,
        arguments: None,
        convention: None,
        unspecified: None,
        size: Size::ONE,
        unseen: Unseen::NONE,
    };

    /// Adds a parameter, adjusted, that begins at `position`.
    pub(super) fn add(
        &mut self,
        name: Option<String>,
        built: Built,
        position: usize,
    ) -> Result<(), ParseErrorKind> {
        let Shape::Object { ty, .. } = built.shape else { return Err(ParseErrorKind::NotAnObject) };
        self.size = self.size.around(built.size)?;
        self.unseen = self.unseen.with(built.unseen, self.list.len());
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
        let unseen = self.unseen.with(result.unseen, usize::MAX);
        let signature = match self.fixed {
            None => Signature::new(ty, self.list),
            Some(fixed) => Signature::variadic(ty, self.list, fixed),
        };
        let signature = signature.map_err(|error| {
            let blamed = error.parameter().and_then(|at| self.positions.get(at)).copied();
            ParseErrorKind::Signature(error).at(blamed.unwrap_or(position))
        })?;
        let signature = match self.convention {
            Some(convention) => signature.called_by(convention),
            None => signature,
        };
        Ok(Built::function(signature, size, unseen))
    }
}
