//! The `columns` entry: elements that a row's arguments are made of, and where its result goes.

use springboard_ir::{FloatFormat, Scalar, Signature, Type};

use super::violation::Violation;
use crate::{
    place::Place,
    plan::{Columns, Fill, ResultMove},
    target::{Convention, Target},
};

/// Every column is of its parameter's own width and sign, and the result is stored with its own width from the register
/// in which the target's document returns it: the first general one, or the first for floating point.
pub(super) fn check(columns: &Columns, signature: &Signature, target: &Target) -> Result<(), Violation> {
    if columns.inputs.len() != signature.params().len() {
        return Err(Violation::NoColumns);
    }
    for (index, (param, found)) in signature.params().iter().zip(&columns.inputs).enumerate() {
        let expected = element(&param.ty, target);
        if expected != Some((found.bytes, found.fill)) {
            return Err(Violation::Column { index, expected, found: *found });
        }
    }
    let expected = element(signature.result(), target).map(|(bytes, _)| {
        let floating = matches!(signature.result(), Type::Float | Type::Double);
        let at = |word: u8| match (target.convention, floating) {
            // The low bytes of a big-endian register are its last.
            (Convention::S390x, false) => word - bytes,
            _ => 0,
        };
        let place = match floating {
            true => Place::Vec { reg: 0, at: at(8) },
            false => Place::Gpr { reg: 0, at: at(8) },
        };
        ResultMove { offset: 0, place, bytes }
    });
    if expected == columns.result {
        Ok(())
    } else {
        Err(Violation::ColumnResult { expected, found: columns.result })
    }
}

/// Width and extension of an element. `None` for `void` and for what is not a word.
fn element(ty: &Type, target: &Target) -> Option<(u8, Fill)> {
    match ty.scalar(&target.model)? {
        Scalar::Bool => Some((1, Fill::Zero)),
        Scalar::Int { bytes: bytes @ (1 | 2 | 4), signed: true } => Some((bytes, Fill::Sign)),
        Scalar::Int { bytes: bytes @ (1 | 2 | 4 | 8), .. } => Some((bytes, Fill::Zero)),
        Scalar::Pointer => Some((8, Fill::Zero)),
        Scalar::Float(FloatFormat::F32) => Some((4, Fill::Zero)),
        Scalar::Float(FloatFormat::F64) => Some((8, Fill::Zero)),
        _ => None,
    }
}
