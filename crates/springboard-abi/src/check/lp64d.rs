//! RISC-V ABIs Specification, version 1.0: the calling convention of LP64D, "Integer Calling Convention" and
//! "Hardware Floating-point Calling Convention" with XLEN and FLEN of 64.
//!
//! ```text
//! a0 … a7      integers, addresses, all that is no float     results  a0 a1
//! fa0 … fa7    floats of at most 8 bytes                              fa0 fa1
//! ```
//!
//! Not here: the argument area begins at the callee's `sp`.

use alloc::{collections::BTreeMap, vec::Vec};

use springboard_ir::{AggregateKind, Compiler, DataModel, FloatFormat, LayoutError, Scalar, Signature, Type};

use super::{
    demand::{Argument, Demand, Returned, arguments, beyond, own_extension},
    spot::Source,
    violation::Violation,
};
use crate::{place::Place, plan::SlotForm, target::Target};

const REGISTERS: u8 = 8;

pub(super) fn demand(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    let model = &target.model;
    let mut demand = Demand::new(model);
    let mut next = Next { gpr: 0, fpr: 0 };
    // "Values are returned in the same manner as a first named argument of the same type would be passed. If such an
    // argument would have been passed by reference, the caller allocates memory for the return value, and passes the
    // address as an implicit first parameter."
    if let SlotForm::Address(layout) = SlotForm::of(signature.result(), model)? {
        match result(signature.result(), layout.size, model)? {
            Some(pieces) => demand.returned = Returned::Pieces(pieces),
            None => {
                let place = next.general(&mut demand)?;
                demand.result_address(place);
            }
        }
    }
    for argument in arguments(signature, model)? {
        next.assign(&argument, model, &mut demand)?;
    }
    Ok(demand)
}

/// One scalar of a flattened structure that the floating point convention knows.
#[derive(Clone, Copy)]
struct Part {
    kind: Kind,
    /// Its first byte and how many it has; for a bit-field those in which it has bits.
    start: u64,
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Real,
    Integer,
}

/// The registers that are left.
struct Next {
    gpr: u8,
    fpr: u8,
}

impl Next {
    /// The next place for a word of the integer convention.
    fn general(&mut self, demand: &mut Demand) -> Result<Place, Violation> {
        if self.gpr == REGISTERS {
            return demand.take_stack(8, 8);
        }
        self.gpr += 1;
        Ok(Place::Gpr { reg: self.gpr - 1, at: 0 })
    }

    fn assign(
        &mut self,
        argument: &Argument<'_>,
        model: &DataModel,
        demand: &mut Demand,
    ) -> Result<(), Violation> {
        let size = argument.layout.size;
        // "Empty structs or union arguments or return values are ignored by C compilers which support them as a
        // non-standard extension."
        if size == 0 {
            return Ok(());
        }
        // "The hardware floating-point calling convention" is for named arguments: "Variadic arguments are passed
        // according to the integer calling convention."
        if !argument.variadic
            && let Some(parts) = parts(argument.ty, model)?
            && self.fits(&parts)
        {
            self.in_parts(argument, &parts, demand);
            return Ok(());
        }
        // "Scalars/aggregates wider than 2×XLEN bits are passed by reference and are replaced in the argument list
        // with the address".
        if size > 16 {
            let place = self.general(demand)?;
            demand.reference(argument, argument.layout.align, place);
            return Ok(());
        }
        if let SlotForm::Word(scalar) = SlotForm::of(argument.ty, model)? {
            let place = self.general(demand)?;
            match scalar {
                // "floating-point types narrower than XLEN bits are widened to XLEN bits, with the upper bits
                // undefined."
                Scalar::Float(_) => demand.word(argument, 0, place),
                _ => demand.integer(argument, place, widened(argument, scalar, model)),
            }
            return Ok(());
        }
        let align = argument.layout.align;
        // "Variadic arguments with 2×XLEN-bit alignment and size at most 2×XLEN bits are passed in an aligned register
        // pair [...], or on the stack by value if none is available. After a variadic argument has been passed on the
        // stack, all future arguments will also be passed on the stack".
        if argument.variadic && align >= 16 {
            self.gpr = self.gpr.next_multiple_of(2);
        }
        // "If no argument registers are available, the scalar is passed on the stack by value", "aligned to the
        // greater of the type alignment and XLEN bits, but never more than the stack alignment".
        if self.gpr == REGISTERS {
            let rounded = size.next_multiple_of(8);
            let place = demand.take_stack(rounded, align.clamp(8, 16))?;
            demand.image(argument, 0, size, place);
            demand.open(beyond(place, size as u32), (rounded - size) as u8);
            return Ok(());
        }
        // "If exactly one register is available, the low-order XLEN bits are passed in the register and the
        // high-order XLEN bits are passed on the stack." "Bits unused due to padding, and bits past the end of an
        // aggregate whose size in bits is not divisible by XLEN, are undefined."
        for start in (0..size).step_by(8) {
            let place = self.general(demand)?;
            demand.word(argument, start, place);
        }
        Ok(())
    }

    fn fits(&self, parts: &[Part]) -> bool {
        let count = |kind| parts.iter().filter(|part| part.kind == kind).count() as u8;
        self.fpr + count(Kind::Real) <= REGISTERS && self.gpr + count(Kind::Integer) <= REGISTERS
    }

    fn in_parts(&mut self, argument: &Argument<'_>, parts: &[Part], demand: &mut Demand) {
        for part in parts {
            match part.kind {
                // "1-extended (NaN-boxed) to FLEN bits": the rest of the register belongs to the boxing, so that a
                // plan has to move exactly the value.
                Kind::Real => {
                    let place = Place::Vec { reg: self.fpr, at: 0 };
                    self.fpr += 1;
                    demand.image(argument, part.start, part.bytes, place);
                }
                // "if the integer is narrower than XLEN bits, the remaining bits are unspecified."
                Kind::Integer => {
                    let place = Place::Gpr { reg: self.gpr, at: 0 };
                    self.gpr += 1;
                    demand.image(argument, part.start, part.bytes, place);
                    demand.open(beyond(place, part.bytes as u32), (8 - part.bytes) as u8);
                }
            }
        }
    }
}

/// "integer scalars narrower than XLEN bits are widened according to the sign of their type up to 32 bits, then
/// sign-extended to XLEN bits."
fn widened(argument: &Argument<'_>, scalar: Scalar, model: &DataModel) -> Source {
    match scalar {
        Scalar::Int { bytes: 4, signed: false } => Source::Sign { param: argument.index, byte: 3 },
        _ => own_extension(argument, model),
    }
}

/// Where each byte of a result is. `None` where it is in memory.
fn result(ty: &Type, size: u64, model: &DataModel) -> Result<Option<BTreeMap<u32, Place>>, LayoutError> {
    let mut pieces = BTreeMap::new();
    let mut put = |start: u64, bytes: u64, place: Place| {
        pieces.extend((0..bytes as u32).map(|byte| (start as u32 + byte, beyond(place, byte))));
    };
    if let Some(parts) = parts(ty, model)? {
        let (mut gpr, mut fpr) = (0, 0);
        for part in parts {
            let place = match part.kind {
                Kind::Real => {
                    fpr += 1;
                    Place::Vec { reg: fpr - 1, at: 0 }
                }
                Kind::Integer => {
                    gpr += 1;
                    Place::Gpr { reg: gpr - 1, at: 0 }
                }
            };
            put(part.start, part.bytes, place);
        }
    } else if size > 16 {
        return Ok(None);
    } else {
        for start in (0..size).step_by(8) {
            put(start, (size - start).min(8), Place::Gpr { reg: (start / 8) as u8, at: 0 });
        }
    }
    Ok(Some(pieces))
}

/// The parts of a value that the floating point convention applies to: one real, two reals, or one real and one
/// integer, in either order. Its size does not matter, nor do alignment and packing.
fn parts(ty: &Type, model: &DataModel) -> Result<Option<Vec<Part>>, LayoutError> {
    let mut parts = Vec::new();
    if !flatten(ty, 0, model, &mut parts)? {
        return Ok(None);
    }
    let reals = parts.iter().filter(|part| part.kind == Kind::Real).count();
    Ok(Some(parts).filter(|_| reals > 0))
}

/// "struct refers to a C struct with its hierarchy flattened, including any array fields." False where a part is of
/// another kind or there are more than two.
fn flatten(ty: &Type, start: u64, model: &DataModel, parts: &mut Vec<Part>) -> Result<bool, LayoutError> {
    let layout = ty.layout(model)?;
    if let Some(scalar) = ty.scalar(model) {
        // GCC and Clang take neither an address nor a vector for an integer here.
        let kind = match scalar {
            Scalar::Float(FloatFormat::F32 | FloatFormat::F64) => Kind::Real,
            Scalar::Bool | Scalar::Int { bytes: 1..=8, .. } => Kind::Integer,
            _ => return Ok(false),
        };
        parts.push(Part { kind, start, bytes: layout.size });
        return Ok(parts.len() <= 2);
    }
    // "Fields containing empty structs or unions are ignored while flattening", and so are "zero-length bit-fields
    // or zero-length arrays".
    if layout.size == 0 {
        return Ok(true);
    }
    match ty {
        Type::Complex(complex) => {
            let part = complex.part();
            Ok(flatten(&part, start, model, parts)? && flatten(&part, start + layout.size / 2, model, parts)?)
        }
        Type::Array(array) => {
            for index in 0..array.length {
                if !flatten(&array.element, start + index * (layout.size / array.length), model, parts)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Type::Aggregate(aggregate) if aggregate.kind == AggregateKind::Struct => {
            let offsets = aggregate.layout(model)?.bit_offsets;
            for (field, bit) in aggregate.fields.iter().zip(offsets) {
                let fine = match field.bits {
                    // An array without a length could be anything; and Clang takes `_Atomic` for a type of its own.
                    None if field.declared.flexible => false,
                    None if field.declared.atomic && model.compiler == Some(Compiler::Clang) => false,
                    None => flatten(&field.ty, start + bit / 8, model, parts)?,
                    Some(0) => true,
                    // "one integer (or bitfield)", "no more than XLEN bits wide".
                    Some(bits) => {
                        let bytes = u64::from(bits).div_ceil(8);
                        parts.push(Part { kind: Kind::Integer, start: start + bit / 8, bytes });
                        bits <= 64 && parts.len() <= 2
                    }
                };
                if !fine {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        // "Unions are never flattened".
        _ => Ok(false),
    }
}
