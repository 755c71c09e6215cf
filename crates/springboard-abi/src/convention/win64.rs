//! Microsoft's x64 convention ("x64 calling convention", "x64 ABI conventions"), as GCC implements it for
//! `__attribute__((ms_abi))` where Microsoft's compiler has no such type.
//!
//! ```text
//!   position     1        2        3        4        5 …
//!   integer      rcx      rdx      r8       r9       stack
//!   floating     xmm0     xmm1     xmm2     xmm3     stack
//!   results      rax      xmm0
//!
//!            ┌──────────────────────┐
//!            │ argument 5           │   each one 8-byte word
//!   rsp+40 ► ├──────────────────────┤
//!            │ shadow space, 32     │   always there; the callee's
//!   rsp+8  ► ├──────────────────────┤   stack 16-byte aligned here, at the call
//!   rsp    ► │ return address       │   on entry of the callee
//!            └──────────────────────┘
//! ```
//!
//! Not here: `__vectorcall`.

use alloc::{vec, vec::Vec};

use springboard_ir::{BitFields, Compiler, DataModel, FloatFormat, Layout, Scalar, Signature, Type};
use target_lexicon::Architecture;

use super::{
    assignment::{Assignment, Passing, Piece, Returning},
    rules::{RegisterFile, Rules},
};
use crate::{ineligible::Ineligible, place::Place};

pub(crate) const RULES: Rules = Rules {
    name: "x86_64/win64",
    runs_on: |architecture| matches!(architecture, Architecture::X86_64),
    big_endian: false,
    float_keeps_width: false,
    sign_extends_u32: false,
    caller_extends: false,
    packs_stack: false,
    registers: RegisterFile {
        gpr_args: &["rcx", "rdx", "r8", "r9"],
        vec_args: &["xmm0", "xmm1", "xmm2", "xmm3"],
        gpr_results: &["rax"],
        vec_results: &["xmm0"],
        result_pointer: None,
        positional: true,
    },
    assign,
};

/// Positions that are passed in registers.
const IN_REGISTERS: u32 = 4;

/// A copy that is passed by reference is aligned to so many bytes at least.
const COPY_ALIGN: u32 = 16;

fn assign(signature: &Signature, model: &DataModel) -> Result<Assignment, Ineligible> {
    let mut position = 0;
    let result = returning(signature.result(), model, &mut position)?;
    let fixed = signature.fixed().unwrap_or(usize::MAX);
    let mut params = Vec::with_capacity(signature.params().len());
    for (index, param) in signature.params().iter().enumerate() {
        params.push(passing(&param.ty, index >= fixed, model, position)?);
        position += 1;
    }
    let stack_bytes = position.saturating_sub(IN_REGISTERS) * 8;
    Ok(Assignment { params, result, stack_bytes, stack_align: None, vector_count: None })
}

fn passing(ty: &Type, anonymous: bool, model: &DataModel, position: u32) -> Result<Passing, Ineligible> {
    let layout = ty.layout(model)?;
    let word = integer_place(position);
    let short_vector = short_vector(ty, model);
    // "Any argument that doesn't fit in 8 bytes, or isn't 1, 2, 4, or 8 bytes, must be passed by reference." GCC and
    // Clang count size 0 among those, and Clang what could be longer.
    if !matches!(layout.size, 1 | 2 | 4 | 8)
        || short_vector == Some(ShortVector::Reference)
        || is_flexible_to_clang(ty, model)
    {
        let copy = Layout { size: layout.size, align: layout.align.max(COPY_ALIGN) };
        return Ok(Passing::Reference { to: word, copy });
    }
    let bytes = layout.size as u32;
    let floating =
        matches!(ty.scalar(model), Some(Scalar::Float(_))) || short_vector == Some(ShortVector::Floating);
    if !floating || position >= IN_REGISTERS {
        return Ok(Passing::Direct(vec![Piece { offset: 0, bytes, place: word }]));
    }
    let vec = Piece { offset: 0, bytes, place: Place::Vec { reg: position as u8, at: 0 } };
    // "Varargs": a floating point value is in both registers of its position.
    Ok(Passing::Direct(if anonymous {
        vec![vec, Piece { offset: 0, bytes, place: word }]
    } else {
        vec![vec]
    }))
}

/// How a vector of 8 bytes is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ShortVector {
    /// As an integer of its size.
    Integer,
    /// As a `double`.
    Floating,
    Reference,
}

/// `__m64` is an integer to Microsoft's compiler, and other such vectors are nothing. To GCC all are integers, except one of
/// one `double`, which has no machine mode. Clang widens those of several lanes to 16 bytes, and sees in others their lane.
fn short_vector(ty: &Type, model: &DataModel) -> Option<ShortVector> {
    let Type::Vector(vector) = ty else { return None };
    let lone_double = *vector.element == Type::Double;
    let lone = vector.element.layout(model).is_ok_and(|lane| lane.size == 8);
    Some(match model.compiler {
        _ if vector.bytes != 8 => return None,
        Some(Compiler::Clang) if lone_double => ShortVector::Floating,
        Some(Compiler::Clang) if !lone => ShortVector::Reference,
        Some(Compiler::Clang) => ShortVector::Integer,
        _ if lone_double => ShortVector::Reference,
        _ => ShortVector::Integer,
    })
}

fn is_flexible_to_clang(ty: &Type, model: &DataModel) -> bool {
    model.compiler == Some(Compiler::Clang)
        && matches!(ty, Type::Aggregate(aggregate) if aggregate.is_flexible())
}

/// Where the word of a position goes that is no floating point value.
fn integer_place(position: u32) -> Place {
    if position < IN_REGISTERS {
        Place::Gpr { reg: position as u8, at: 0 }
    } else {
        Place::Stack { offset: (position - IN_REGISTERS) * 8 }
    }
}

fn returning(ty: &Type, model: &DataModel, position: &mut u32) -> Result<Returning, Ineligible> {
    if *ty == Type::Void {
        return Ok(Returning::Nothing);
    }
    let layout = ty.layout(model)?;
    let bytes = layout.size as u32;
    let register = |place| Ok(Returning::Direct(vec![Piece { offset: 0, bytes, place }]));
    let memory = Returning::Memory { pointer: Place::Gpr { reg: 0, at: 0 } };
    let clang = model.compiler == Some(Compiler::Clang);
    let rax = Place::Gpr { reg: 0, at: 0 };
    let xmm0 = Place::Vec { reg: 0, at: 0 };
    match (ty.scalar(model), bytes) {
        (Some(Scalar::Float(FloatFormat::F32 | FloatFormat::F64)), _) => register(xmm0),
        // `__m128i`; GCC returns `__int128` the same way.
        (Some(Scalar::Vector { bytes: 16 } | Scalar::Int { bytes: 16, .. }), _) => register(xmm0),
        // Clang widens it to one of 16 bytes, if it is not one integer.
        (Some(Scalar::Vector { .. }), _)
            if clang && short_vector(ty, model) != Some(ShortVector::Integer) =>
        {
            register(xmm0)
        }
        // Clang has Microsoft's memory for one where it makes code for Windows, and not for `ms_abi`.
        (Some(Scalar::Float(FloatFormat::X87)), _) if clang && model.bit_fields != BitFields::Microsoft => {
            Err(Ineligible::X87Result)
        }
        (_, 1 | 2 | 4 | 8) if !is_flexible_to_clang(ty, model) => register(rax),
        // GCC passes no address for it.
        (_, 0) if !clang => Ok(Returning::Nothing),
        _ => {
            *position += 1;
            Ok(memory)
        }
    }
}
