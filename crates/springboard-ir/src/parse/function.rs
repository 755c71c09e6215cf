//! Function types under construction.

use alloc::{string::String, vec::Vec};

use super::{
    built::{Built, Shape},
    error::ParseErrorKind,
    places::{Failure, Placed as _},
    size::Size,
};
use crate::{
    model::DataModel,
    types::{NamedConvention, Param, Signature, Type},
};

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
    size: Size,
}

impl Parameters {
    pub(super) const NONE: Parameters = Parameters {
        list: Vec::new(),
        positions: Vec::new(),
        fixed: None,
        arguments: None,
        convention: None,
        size: Size::ONE,
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

/// Whether two declarations can be of one function or object, as far as a use of it sees: types may be compatible in more
/// ways than that they are the same (C11 6.2.7).
pub(super) fn may_be_one(known: &Built, other: &Built, model: &DataModel) -> bool {
    match (&known.shape, &other.shape) {
        (Shape::Function(known), Shape::Function(other)) => may_be_one_function(known, other, model),
        (Shape::Object { ty: Type::Array(one), .. }, Shape::Object { ty: Type::Array(two), .. })
            if known.declared.flexible || other.declared.flexible =>
        {
            alike(&one.element, &two.element, model)
        }
        (Shape::Object { ty: known, .. }, Shape::Object { ty: other, .. }) => alike(known, other, model),
        _ => false,
    }
}

/// `()` goes with any parameters.
fn may_be_one_function(known: &Signature, other: &Signature, model: &DataModel) -> bool {
    let silent = |signature: &Signature| signature.params().is_empty() && signature.fixed().is_none();
    let (params, others) = (known.params(), other.params());
    let takes_alike = known.fixed() == other.fixed()
        && params.len() == others.len()
        && params.iter().zip(others).all(|(param, other)| alike(&param.ty, &other.ty, model));
    alike(known.result(), other.result(), model) && (takes_alike || silent(known) || silent(other))
}

fn alike(known: &Type, other: &Type, model: &DataModel) -> bool {
    match (known.scalar(model), other.scalar(model)) {
        (None, None) => match (known.layout(model), other.layout(model)) {
            (Ok(known), Ok(other)) => known == other,
            _ => (*known == Type::Void) == (*other == Type::Void),
        },
        (known, other) => known == other,
    }
}
