//! Where GCC and Clang follow one document in two ways.
//!
//! A planner answers for the compiler that the data model names. Where it names none, both are asked, and a plan is what
//! they agree on.

use core::fmt;

use springboard_ir::{Compiler, DataModel, Signature, Type};

use crate::{
    convention::{Assignment, Passing, Piece, Returning},
    ineligible::Ineligible,
    place::Place,
};

/// How one compiler passes a value that the other passes in another way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Way {
    /// Not at all.
    Nowhere,
    /// In general registers.
    General,
    /// In floating point or vector registers.
    Vector,
    /// In registers of both kinds.
    Mixed,
    /// On the stack, or a result in memory of the caller's.
    Memory,
    /// By the address of a copy.
    Reference,
    /// In a way for which there is no plan.
    Unplanned,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Nowhere => "nowhere",
            Way::General => "in general registers",
            Way::Vector => "in vector registers",
            Way::Mixed => "in registers of both kinds",
            Way::Memory => "in memory",
            Way::Reference => "by its address",
            Way::Unplanned => "in a way that has no plan",
        })
    }
}

impl Way {
    fn of(pieces: &[Piece]) -> Way {
        let any = |which: fn(&Place) -> bool| pieces.iter().any(|piece| which(&piece.place));
        let general = any(|place| matches!(place, Place::Gpr { .. }));
        let vector = any(|place| matches!(place, Place::Vec { .. }));
        match (general, vector, any(|place| matches!(place, Place::Stack { .. }))) {
            (_, _, true) => Way::Memory,
            (true, true, _) => Way::Mixed,
            (true, false, _) => Way::General,
            (false, true, _) => Way::Vector,
            (false, false, _) => Way::Nowhere,
        }
    }

    fn passing(passing: &Passing) -> Way {
        match passing {
            Passing::Nothing => Way::Nowhere,
            Passing::Direct(pieces) => Way::of(pieces),
            Passing::Reference { .. } => Way::Reference,
        }
    }

    fn returning(returning: &Returning) -> Way {
        match returning {
            Returning::Nothing => Way::Nowhere,
            Returning::Direct(pieces) => Way::of(pieces),
            Returning::Memory { .. } => Way::Memory,
        }
    }
}

/// What the planner `assign` says about `signature`, where both compilers agree or the model names one.
pub(super) fn agreed(
    assign: fn(&Signature, &DataModel) -> Result<Assignment, Ineligible>,
    signature: &Signature,
    model: &DataModel,
) -> Result<Assignment, Ineligible> {
    let params = signature.params().iter().map(|param| &param.ty);
    let mut aggregates =
        params.chain([signature.result()]).filter(|ty| matches!(ty, Type::Aggregate(_) | Type::Vector(_)));
    // Of other types there are no two ways.
    if model.compiler.is_some() || aggregates.clone().next().is_none() {
        return assign(signature, model);
    }
    // What is laid out in two ways is passed in two, even where both lie in the same registers.
    aggregates.try_for_each(|ty| ty.layout(model).map(|_| ()))?;
    let by = |compiler| assign(signature, &DataModel { compiler: Some(compiler), ..*model });
    match (by(Compiler::Gcc), by(Compiler::Clang)) {
        (gcc, clang) if gcc == clang => gcc,
        (Ok(gcc), Ok(clang)) => {
            let mut params = gcc.params.iter().zip(&clang.params);
            let parameter =
                params.position(|(gcc, clang)| gcc != clang).filter(|_| gcc.result == clang.result);
            let (by_gcc, by_clang) = match parameter {
                Some(index) => (Way::passing(&gcc.params[index]), Way::passing(&clang.params[index])),
                None => (Way::returning(&gcc.result), Way::returning(&clang.result)),
            };
            let parameter = parameter.map(|index| index as u16);
            Err(Ineligible::Compilers { parameter, gcc: by_gcc, clang: by_clang })
        }
        (gcc, clang) => {
            let way = |by: &Result<Assignment, _>| {
                by.as_ref().map_or(Way::Unplanned, |by| Way::returning(&by.result))
            };
            Err(Ineligible::Compilers { parameter: None, gcc: way(&gcc), clang: way(&clang) })
        }
    }
}
