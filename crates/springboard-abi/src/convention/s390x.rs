//! z/Architecture ELF ABI supplement ("Parameter passing"), without the vector facility, as GCC implements it.
//!
//! ```text
//!   arguments   r2 … r6          f0 f2 f4 f6
//!   results     r2               f0
//!
//!            ┌──────────────────────┐
//!            │ argument n           │   each one 8-byte word, narrower values at its right end
//!            │ …                    │
//!  r15+160 ► │ first stack argument │
//!            │ register save area   │
//!  r15 ────► └──────────────────────┘   8-byte aligned at the call; the return address is in r14
//! ```
//!
//! Big-endian: the value of a sub-word type lies in the last bytes of its word, except that a `float` takes the left
//! half of its register. Not here: vectors. Code for z13 and later aligns them to 8 and passes them in v24 to v31; code for
//! older machines, Debian's for one, aligns them to their size and passes them by reference. Who passes one is told so.

use alloc::{vec, vec::Vec};

use springboard_ir::{AggregateKind, Compiler, DataModel, Scalar, Signature, Type};
use target_lexicon::Architecture;

use super::{
    assignment::{Assignment, Passing, Piece, Returning, Taken},
    rules::{RegisterFile, Rules},
};
use crate::{ineligible::Ineligible, place::Place};

pub(crate) const RULES: Rules = Rules {
    name: "s390x/elf",
    runs_on: |architecture| matches!(architecture, Architecture::S390x),
    big_endian: true,
    float_keeps_width: true,
    sign_extends_u32: false,
    caller_extends: true,
    packs_stack: false,
    registers: RegisterFile {
        gpr_args: &["r2", "r3", "r4", "r5", "r6"],
        vec_args: &["f0", "f2", "f4", "f6"],
        gpr_results: &["r2"],
        vec_results: &["f0"],
        result_pointer: None,
        positional: false,
    },
    assign,
};

impl Taken {
    /// The place of a value of `bytes`, at the right end of the next word.
    fn word(&mut self, bytes: u32) -> Result<Place, Ineligible> {
        let at = 8 - bytes;
        if usize::from(self.gpr) < RULES.registers.gpr_args.len() {
            return Ok(self.next_gpr(at as u8));
        }
        self.stacked(bytes)
    }

    fn stacked(&mut self, bytes: u32) -> Result<Place, Ineligible> {
        match self.stack.take(8, 8)? {
            Place::Stack { offset } => Ok(Place::Stack { offset: offset + 8 - bytes }),
            other => Ok(other),
        }
    }
}

fn assign(signature: &Signature, model: &DataModel) -> Result<Assignment, Ineligible> {
    let mut types = signature.params().iter().map(|param| &param.ty).chain([signature.result()]);
    if types.any(has_vector) {
        return Err(Ineligible::VectorAbi);
    }
    let result = returning(signature.result(), model)?;
    let mut state = Taken::by(&result);
    let params = signature
        .params()
        .iter()
        .map(|param| passing(&param.ty, model, &mut state))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(state.assignment(params, result))
}

/// Whether there is a vector in a type.
fn has_vector(ty: &Type) -> bool {
    match ty {
        Type::Vector(_) => true,
        Type::Array(array) => has_vector(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().any(|field| has_vector(&field.ty)),
        _ => false,
    }
}

fn passing(ty: &Type, model: &DataModel, state: &mut Taken) -> Result<Passing, Ineligible> {
    let layout = ty.layout(model)?;
    let bytes = layout.size as u32;
    let single = single_float(ty, model)?;
    let fits = matches!(layout.size, 1 | 2 | 4 | 8);
    let flexible = matches!(ty, Type::Aggregate(aggregate) if aggregate.is_flexible());
    // Clang passes by reference what could be longer.
    let fits = fits && !(flexible && model.compiler == Some(Compiler::Clang));
    let by_value = match ty.scalar(model) {
        Some(_) => fits,
        None => fits && matches!(ty, Type::Aggregate(_)),
    };
    // Everything that is not 1, 2, 4 or 8 bytes long, and every complex number, is passed by the address of a copy.
    // GCC does so for size 0, too.
    if !by_value {
        return Ok(Passing::Reference { to: state.word(8)?, copy: layout });
    }
    let place = match single {
        Some(_) if usize::from(state.fpr) < RULES.registers.vec_args.len() => state.next_fpr(),
        Some(_) => state.stacked(bytes)?,
        None => state.word(bytes)?,
    };
    Ok(Passing::Direct(vec![Piece { offset: 0, bytes, place }]))
}

/// A `float` or `double`, or a structure with such a value as its only member. Padding after it makes no difference:
/// a `float` in 8 bytes is passed as a `double` would be (so GCC and Clang).
fn single_float(ty: &Type, model: &DataModel) -> Result<Option<Scalar>, Ineligible> {
    match ty {
        Type::Aggregate(aggregate) if aggregate.kind == AggregateKind::Struct => {
            let [field] = &aggregate.fields[..] else { return Ok(None) };
            // Clang takes `_Atomic` for a type of its own.
            if field.declared.atomic && model.compiler == Some(Compiler::Clang) {
                return Ok(None);
            }
            single_float(&field.ty, model)
        }
        _ => Ok(ty.scalar(model).filter(|scalar| matches!(scalar, Scalar::Float(_)))),
    }
}

fn returning(ty: &Type, model: &DataModel) -> Result<Returning, Ineligible> {
    if *ty == Type::Void {
        return Ok(Returning::Nothing);
    }
    let bytes = ty.layout(model)?.size as u32;
    let direct = |place| Ok(Returning::Direct(vec![Piece { offset: 0, bytes, place }]));
    match ty.scalar(model) {
        Some(Scalar::Float(_)) if bytes <= 8 => direct(Place::Vec { reg: 0, at: 0 }),
        Some(Scalar::Bool | Scalar::Int { .. } | Scalar::Pointer) if bytes <= 8 => {
            direct(Place::Gpr { reg: 0, at: 8 - bytes as u8 })
        }
        // Aggregates and complex numbers of any size.
        _ => Ok(Returning::Memory { pointer: Place::Gpr { reg: 0, at: 0 } }),
    }
}
