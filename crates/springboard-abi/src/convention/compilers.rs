//! Where GCC and Clang follow one document in two ways.
//!
//! A planner answers for the compiler that the data model names. Where it names none, both are asked, and a plan is what
//! they agree on.

use springboard_ir::{Compiler, DataModel, Signature, Type};

use crate::{
    convention::{Assignment, Passing, Piece, Returning},
    ineligible::{Ineligible, Way},
    place::Place,
};

fn direct_way(pieces: &[Piece]) -> Way {
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

fn passing_way(passing: &Passing) -> Way {
    match passing {
        Passing::Nothing => Way::Nowhere,
        Passing::Direct(pieces) => direct_way(pieces),
        Passing::Reference { .. } => Way::Reference,
    }
}

fn returning_way(returning: &Returning) -> Way {
    match returning {
        Returning::Nothing => Way::Nowhere,
        Returning::Direct(pieces) => direct_way(pieces),
        Returning::Memory { .. } => Way::Memory,
    }
}

/// What the planner `assign` says about `signature`, where both compilers agree or the model names one.
pub(super) fn agreed(
    assign: fn(&Signature, &DataModel) -> Result<Assignment, Ineligible>,
    signature: &Signature,
    model: &DataModel,
) -> Result<Assignment, Ineligible> {
    let params = signature.params().iter().map(|param| &param.ty);
    let mut aggregates = params
        .chain([signature.result()])
        .filter(|ty| matches!(ty, Type::Aggregate(_) | Type::Vector(_) | Type::LongDouble));
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
                Some(index) => (passing_way(&gcc.params[index]), passing_way(&clang.params[index])),
                None => (returning_way(&gcc.result), returning_way(&clang.result)),
            };
            let parameter = parameter.map(|index| index as u16);
            Err(Ineligible::Compilers { parameter, gcc: by_gcc, clang: by_clang })
        }
        (Ok(gcc), Err(Ineligible::LostBytes { parameter })) => {
            let gcc = match parameter {
                Some(index) => passing_way(&gcc.params[usize::from(index)]),
                None => returning_way(&gcc.result),
            };
            Err(Ineligible::Compilers { parameter, gcc, clang: Way::Unplanned })
        }
        (gcc, clang) => {
            let way = |by: &Result<Assignment, _>| {
                by.as_ref().map_or(Way::Unplanned, |by| returning_way(&by.result))
            };
            Err(Ineligible::Compilers { parameter: None, gcc: way(&gcc), clang: way(&clang) })
        }
    }
}
