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

use springboard_ir::{DataModel, FloatFormat, Layout, Scalar, Signature, Type};
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
    // "Any argument that doesn't fit in 8 bytes, or isn't 1, 2, 4, or 8 bytes, must be passed by reference." GCC
    // counts size 0 among those.
    if !matches!(layout.size, 1 | 2 | 4 | 8) || is_vector_of_one_double(ty) {
        let copy = Layout { size: layout.size, align: layout.align.max(COPY_ALIGN) };
        return Ok(Passing::Reference { to: word, copy });
    }
    let bytes = layout.size as u32;
    let floating = matches!(ty.scalar(model), Some(Scalar::Float(_)));
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

/// Such a vector has no machine mode in GCC, which passes it by reference.
fn is_vector_of_one_double(ty: &Type) -> bool {
    matches!(ty, Type::Vector(vector) if vector.bytes == 8 && *vector.element == Type::Double)
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
    let rax = Place::Gpr { reg: 0, at: 0 };
    let xmm0 = Place::Vec { reg: 0, at: 0 };
    match (ty.scalar(model), bytes) {
        (Some(Scalar::Float(FloatFormat::F32 | FloatFormat::F64)), _) => register(xmm0),
        // `__m128i`; GCC returns `__int128` the same way.
        (Some(Scalar::Vector { bytes: 16 } | Scalar::Int { bytes: 16, .. }), _) => register(xmm0),
        (_, 1 | 2 | 4 | 8) => register(rax),
        // GCC passes no address for it.
        (_, 0) => Ok(Returning::Nothing),
        _ => {
            *position += 1;
            Ok(Returning::Memory { pointer: Place::Gpr { reg: 0, at: 0 } })
        }
    }
}
