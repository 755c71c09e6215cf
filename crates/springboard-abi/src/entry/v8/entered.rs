//! The stub's own C type: where V8 puts what it passes.

use alloc::vec::Vec;

use springboard_ir::{DataModel, Integer, Param, Signature, Type};

use crate::{
    convention::{Passing, Piece, assign},
    ineligible::Ineligible,
    place::Place,
    plan::{FastForm, Parameter},
    target::{Convention, Target},
};

/// Where a stub of the `v8` entry finds what it is passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entered {
    /// The receiver, which no stub looks at.
    pub receiver: Place,
    /// The stub's parameters, in the order of [`FastForm::parameters`].
    pub parameters: Vec<Place>,
}

impl FastForm {
    /// Where a stub that is called by the convention `caller` finds what V8 passes.
    ///
    /// # Errors
    /// Where there are more parameters than a signature may have.
    pub fn entered(&self, caller: Convention) -> Result<Entered, Ineligible> {
        let param = |ty| Param { name: None, ty };
        let parameters = self.parameters.iter().map(|parameter| {
            param(match parameter {
                Parameter::Int32 | Parameter::Narrow { .. } => Type::Int(Integer::Int32),
                Parameter::Int64 => Type::Int(Integer::Int64),
                Parameter::Float => Type::Float,
                Parameter::Double | Parameter::Exact { .. } => Type::Double,
                Parameter::Buffer | Parameter::Options => Type::void_pointer(),
            })
        });
        let receiver = param(Type::void_pointer());
        let params: Vec<Param> = [receiver].into_iter().chain(parameters).collect();
        let signature = Signature::new(Type::Void, params)
            .map_err(|error| Ineligible::NoLayout(alloc::string::ToString::to_string(&error)))?;
        // The types are the same in every data model.
        let model = DataModel { big_endian: caller.is_big_endian(), ..DataModel::LP64 };
        let caller = Target { model, convention: caller, caller };
        let place = |passing| match passing {
            Passing::Direct(pieces) => pieces.first().map(|piece: &Piece| piece.place),
            Passing::Reference { to, .. } => Some(to),
            Passing::Nothing => None,
        };
        let mut places = assign(&signature, &caller)?.params.into_iter().filter_map(place);
        let receiver = places.next().ok_or(Ineligible::NoRegister)?;
        Ok(Entered { receiver, parameters: places.collect() })
    }
}
