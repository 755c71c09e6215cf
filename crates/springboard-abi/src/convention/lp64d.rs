//! RISC-V ELF psABI, hardware floating point calling convention for RV64 with D ("RISC-V Calling Conventions",
//! version 1.0).
//!
//! ```text
//!   arguments   a0 … a7          fa0 … fa7
//!   results     a0 a1            fa0 fa1
//!
//!          ┌──────────────────────┐
//!          │ argument n           │   each in whole 8-byte words
//!          │ …                    │
//!   sp ──► │ first stack argument │   16-byte aligned at the call; the return address is in ra
//!          └──────────────────────┘
//! ```
//!
//! A value may begin in the last general register and end on the stack. Not here: the vector calling convention.

use alloc::vec::Vec;

use springboard_ir::{AggregateKind, Compiler, DataModel, FloatFormat, Layout, Scalar, Signature, Type};
use target_lexicon::Architecture;

use super::{
    assignment::{Assignment, Passing, Piece, Returning, Taken},
    rules::{RegisterFile, Rules},
};
use crate::{ineligible::Ineligible, place::Place};

pub(crate) const RULES: Rules = Rules {
    name: "riscv64/lp64d",
    runs_on: |architecture| matches!(architecture, Architecture::Riscv64(_)),
    big_endian: false,
    float_keeps_width: true,
    sign_extends_u32: true,
    caller_extends: true,
    packs_stack: false,
    registers: RegisterFile {
        gpr_args: &["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"],
        vec_args: &["fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7"],
        gpr_results: &["a0", "a1"],
        vec_results: &["fa0", "fa1"],
        result_pointer: None,
        positional: false,
    },
    assign,
};

/// How many registers of each class there are.
const REGISTERS: u8 = 8;

/// Whether an argument is declared. Those passed for `...` use no floating point registers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Named,
    Variadic,
}

fn assign(signature: &Signature, model: &DataModel) -> Result<Assignment, Ineligible> {
    let result = returning(signature.result(), model)?;
    let mut state = Taken::by(&result);
    let fixed = signature.fixed().unwrap_or(usize::MAX);
    let mut params = Vec::with_capacity(signature.params().len());
    for (index, param) in signature.params().iter().enumerate() {
        let kind = if index < fixed { Kind::Named } else { Kind::Variadic };
        params.push(passing(&param.ty, kind, model, &mut state)?);
    }
    Ok(state.assignment(params, result))
}

fn passing(ty: &Type, kind: Kind, model: &DataModel, state: &mut Taken) -> Result<Passing, Ineligible> {
    let layout = ty.layout(model)?;
    if layout.size == 0 {
        return Ok(Passing::Nothing);
    }
    if kind == Kind::Named
        && let Some(pieces) = in_float_registers(ty, model, state)?
    {
        return Ok(Passing::Direct(pieces));
    }
    // "Aggregates larger than 2×XLEN bits are passed by reference", and so are larger scalars.
    if layout.size > 16 {
        let to = words(Layout { size: 8, align: 8 }, Kind::Named, state)?[0].place;
        return Ok(Passing::Reference { to, copy: layout });
    }
    Ok(Passing::Direct(words(layout, kind, state)?))
}

/// The integer calling convention: one or two words in general registers, on the stack, or one in each.
fn words(layout: Layout, kind: Kind, state: &mut Taken) -> Result<Vec<Piece>, Ineligible> {
    // "Variadic arguments with 2×XLEN-bit alignment ... are passed in an aligned register pair".
    if kind == Kind::Variadic && layout.align >= 16 {
        state.gpr = state.gpr.next_multiple_of(2);
    }
    let size = layout.size as u32;
    let mut pieces = Vec::with_capacity(2);
    let mut offset = 0;
    while offset < size && state.gpr < REGISTERS {
        pieces.push(Piece { offset, bytes: (size - offset).min(8), place: state.next_gpr(0) });
        offset += 8;
    }
    if offset < size {
        // The second half of a value that began in a register is one word; a whole value is aligned as its type,
        // between a word and the stack's own alignment.
        let align = if offset == 0 { layout.align.clamp(8, 16) } else { 8 };
        let bytes = size - offset;
        let place = state.stack.take(u64::from(bytes).next_multiple_of(8), align)?;
        pieces.push(Piece { offset, bytes, place });
    }
    Ok(pieces)
}

/// The hardware floating point convention: one or two floating point values, or one beside an integer, each in a
/// register of its own. `None` where the integer convention applies.
fn in_float_registers(
    ty: &Type,
    model: &DataModel,
    state: &mut Taken,
) -> Result<Option<Vec<Piece>>, Ineligible> {
    let mut members = Vec::with_capacity(2);
    if !flatten(ty, 0, model, &mut members)? {
        return Ok(None);
    }
    let floats = members.iter().filter(|member| member.floating).count() as u8;
    let integers = members.len() as u8 - floats;
    if floats == 0 || integers > 1 || state.fpr + floats > REGISTERS || state.gpr + integers > REGISTERS {
        return Ok(None);
    }
    let pieces = members.into_iter().map(|Member { offset, bytes, floating }| {
        let place = if floating { state.next_fpr() } else { state.next_gpr(0) };
        Piece { offset, bytes, place }
    });
    Ok(Some(pieces.collect()))
}

/// A member of a flattened structure.
struct Member {
    offset: u32,
    bytes: u32,
    floating: bool,
}

/// Takes a type apart into at most two scalars of at most 8 bytes. Answers whether that was possible.
fn flatten(ty: &Type, offset: u64, model: &DataModel, members: &mut Vec<Member>) -> Result<bool, Ineligible> {
    if let Some(scalar) = ty.scalar(model) {
        let floating = match scalar {
            Scalar::Float(FloatFormat::F32 | FloatFormat::F64) => true,
            // GCC and Clang count an address among neither floats nor integers.
            Scalar::Float(_) | Scalar::Vector { .. } | Scalar::Pointer => return Ok(false),
            Scalar::Bool | Scalar::Int { .. } => false,
        };
        let bytes = u32::from(scalar.bytes(model));
        if bytes > 8 || members.len() == 2 {
            return Ok(false);
        }
        members.push(Member { offset: offset as u32, bytes, floating });
        return Ok(true);
    }
    // "Fields containing empty structs or unions are ignored while flattening".
    if ty.layout(model)?.size == 0 {
        return Ok(true);
    }
    match ty {
        Type::Complex(complex) => {
            let part = complex.part();
            let size = part.layout(model)?.size;
            Ok(flatten(&part, offset, model, members)? && flatten(&part, offset + size, model, members)?)
        }
        Type::Array(array) => {
            let size = array.element.layout(model)?.size;
            for index in 0..array.length {
                if !flatten(&array.element, offset + index * size, model, members)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Type::Aggregate(aggregate) if aggregate.kind == AggregateKind::Struct => {
            let layout = aggregate.layout(model)?;
            for (field, bit_offset) in aggregate.fields.iter().zip(layout.bit_offsets) {
                let declared = field.declared;
                let done = match field.bits {
                    Some(0) => true,
                    // Clang takes `_Atomic` for a type of its own.
                    None if declared.atomic && model.compiler == Some(Compiler::Clang) => false,
                    None if declared.flexible => false,
                    None => flatten(&field.ty, offset + bit_offset / 8, model, members)?,
                    Some(bits) => bit_field(offset * 8 + bit_offset, bits, members),
                };
                if !done {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        // "Unions are never flattened".
        _ => Ok(false),
    }
}

/// A bit-field counts as an integer, "no more than XLEN bits wide": the bytes that its bits lie in.
fn bit_field(first: u64, bits: u8, members: &mut Vec<Member>) -> bool {
    let offset = first / 8;
    let end = (first + u64::from(bits)).div_ceil(8);
    if members.len() == 2 || bits > 64 {
        return false;
    }
    members.push(Member { offset: offset as u32, bytes: (end - offset) as u32, floating: false });
    true
}

/// "Values are returned in the same manner as a first named argument of the same type would be passed", or through
/// an address passed as the first argument.
fn returning(ty: &Type, model: &DataModel) -> Result<Returning, Ineligible> {
    if *ty == Type::Void {
        return Ok(Returning::Nothing);
    }
    Ok(match passing(ty, Kind::Named, model, &mut Taken::default())? {
        Passing::Nothing => Returning::Nothing,
        Passing::Direct(pieces) => Returning::Direct(pieces),
        Passing::Reference { .. } => Returning::Memory { pointer: Place::Gpr { reg: 0, at: 0 } },
    })
}
