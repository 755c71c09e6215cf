//! The stub's own C type: where V8 puts what it passes.

use alloc::vec::Vec;

use springboard_ir::{DataModel, Integer, Param, Signature, Type};

use crate::{
    convention::{Passing, assign},
    ineligible::Ineligible,
    place::Place,
    plan::{Parameter, Plan},
    target::Target,
};

/// Where a stub of the `v8` entry finds what it is passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entered {
    /// The receiver, which no stub looks at.
    pub receiver: Place,
    /// The stub's parameters, in the order of [`Plan::parameters`].
    pub parameters: Vec<Place>,
}

impl Plan {
    /// Whether V8 passes a pointer to its options to a stub of this plan, behind the parameters.
    pub fn takes_options(&self) -> bool {
        self.parameters.last() == Some(&Parameter::Options)
    }

    /// Where a stub of this plan, of the `v8` entry, finds what V8 passes.
    ///
    /// # Errors
    /// Where there are more parameters than a signature may have.
    pub fn entered(&self) -> Result<Entered, Ineligible> {
        let param = |ty| Param { name: None, ty };
        let parameters = self.parameters.iter().map(|parameter| {
            param(match parameter {
                Parameter::Int32 | Parameter::Narrow { .. } => Type::Int(Integer::Int32),
                Parameter::Int64 => Type::Int(Integer::Int64),
                Parameter::Float => Type::Float,
                Parameter::Double => Type::Double,
                Parameter::Buffer | Parameter::Options => Type::void_pointer(),
                Parameter::InSlot | Parameter::InMemory => unreachable!("no parameter of a fast call"),
            })
        });
        let receiver = param(Type::void_pointer());
        let params: Vec<Param> = [receiver].into_iter().chain(parameters).collect();
        let signature = Signature::new(Type::Void, params)
            .map_err(|error| Ineligible::NoLayout(alloc::string::ToString::to_string(&error)))?;
        // The types are the same in every data model.
        let model = DataModel { big_endian: self.caller.is_big_endian(), ..DataModel::LP64 };
        let caller = Target { model, convention: self.caller, caller: self.caller };
        let places = assign(&signature, &caller)?.params.into_iter().map(|passing| match passing {
            Passing::Direct(pieces) => pieces[0].place,
            _ => unreachable!("a scalar is passed directly"),
        });
        let mut places = places.collect::<Vec<_>>();
        let receiver = places.remove(0);
        Ok(Entered { receiver, parameters: places })
    }
}
