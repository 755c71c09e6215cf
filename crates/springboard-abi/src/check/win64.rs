//! Microsoft's x64 calling convention ("x64 calling convention" and "Overview of x64 ABI conventions" in the
//! documentation of Microsoft C++), and where it says nothing what GCC does with `__attribute__((ms_abi))`.
//!
//! ```text
//! argument   0     1     2    3    4 …          results  rax, xmm0
//!            rcx   rdx   r8   r9   stack, 8 bytes each
//!            xmm0  xmm1  xmm2 xmm3 stack, 8 bytes each
//! ```
//!
//! Each argument has one position and takes its register of one kind or the other. Not here: the 32 bytes of
//! shadow space between the return address and the argument area.

use alloc::collections::BTreeMap;

use springboard_ir::{BitFields, Compiler, DataModel, FloatFormat, LayoutError, Scalar, Signature, Type};

use super::{
    demand::{Argument, Demand, Returned, arguments, own_extension},
    violation::Violation,
};
use crate::{place::Place, plan::SlotForm, target::Target};

/// Positions with registers.
const REGISTERS: u8 = 4;

/// How a value of some type is handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In the general register of its position.
    General,
    /// In the vector register of its position.
    Vector,
    /// As the address of a copy.
    Reference,
}

pub(super) fn demand(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    let model = &target.model;
    let mut demand = Demand::new(model);
    let mut position = 0;
    if result(signature.result(), model, &mut demand)? {
        // "Return values": "the caller must allocate this memory and pass a pointer to it as the first argument. The
        // remaining arguments are then shifted one argument to the right."
        demand.result_address(Place::Gpr { reg: 0, at: 0 });
        position = 1;
    }
    for argument in arguments(signature, model)? {
        let register = (position < REGISTERS).then_some(position);
        position = position.saturating_add(1);
        let general = match register {
            Some(reg) => Place::Gpr { reg, at: 0 },
            None => demand.take_stack(8, 8)?,
        };
        match (way(argument.ty, model)?, register) {
            (Way::General, _) | (Way::Vector, None) => in_word(&argument, general, model, &mut demand)?,
            (Way::Vector, Some(reg)) => {
                let size = argument.layout.size as u8;
                let place = Place::Vec { reg, at: 0 };
                demand.image(&argument, 0, size.into(), place);
                demand.open(super::demand::beyond(place, size.into()), 16 - size);
                // "Varargs": "For floating-point values only, both the integer register and the floating-point
                // register must contain the value". GCC leaves it out for those that are declared, Clang does not.
                if argument.variadic {
                    demand.image(&argument, 0, size.into(), general);
                } else if signature.fixed().is_some() {
                    demand.open_image(&argument, size, general);
                }
            }
            // "Parameter passing": "the caller-allocated temporary memory [...] must be 16-byte aligned".
            (Way::Reference, _) => demand.reference(&argument, argument.layout.align.max(16), general),
        }
    }
    Ok(demand)
}

/// "Parameter passing": floating point in vector registers; "Structs and unions of size 8, 16, 32, or 64 bits, and
/// __m64 types, are passed as if they were integers of the same size. Structs or unions of other sizes are passed as
/// a pointer to memory allocated by the caller." So are `__m128`, and with GCC and Clang `__int128`, the 80-bit
/// `long double`, and structures without size; with GCC vectors of one `double`; with Clang, which passes those as the
/// `double`, other vectors of 8 bytes that are not one integer, and structures that end in an array without a length.
fn way(ty: &Type, model: &DataModel) -> Result<Way, LayoutError> {
    if let Some(Scalar::Float(FloatFormat::F32 | FloatFormat::F64)) = ty.scalar(model) {
        return Ok(Way::Vector);
    }
    let clang = model.compiler == Some(Compiler::Clang);
    let by_reference = match ty {
        Type::Vector(vector) if vector.bytes == 8 && clang => match &*vector.element {
            Type::Double => return Ok(Way::Vector),
            lane => lane.layout(model)?.size < 8,
        },
        Type::Vector(vector) => vector.bytes > 8 || *vector.element == Type::Double,
        Type::Aggregate(aggregate) => clang && aggregate.is_flexible(),
        _ => false,
    };
    let size = ty.layout(model)?.size;
    Ok(if matches!(size, 1 | 2 | 4 | 8) && !by_reference { Way::General } else { Way::Reference })
}

/// A value of at most 8 bytes in a general register or a stack word, of which the rest is open, except for integers:
/// a plan extends those, though "the callee must not assume" it, as it does everywhere.
fn in_word(
    argument: &Argument<'_>,
    place: Place,
    model: &DataModel,
    demand: &mut Demand,
) -> Result<(), Violation> {
    match SlotForm::of(argument.ty, model)? {
        SlotForm::Word(Scalar::Bool | Scalar::Int { .. } | Scalar::Pointer) => {
            demand.integer(argument, place, own_extension(argument, model));
        }
        _ => demand.word(argument, 0, place),
    }
    Ok(())
}

/// "Return values": 8 bytes and less in rax, structures of 1, 2, 4 and 8 bytes among them; "floats, doubles, and
/// vector types such as __m128" in xmm0, and with GCC `__int128` too. True for all others, which come back in memory.
fn result(ty: &Type, model: &DataModel, demand: &mut Demand) -> Result<bool, Violation> {
    let clang = model.compiler == Some(Compiler::Clang);
    let flexible = matches!(ty, Type::Aggregate(aggregate) if aggregate.is_flexible());
    let SlotForm::Address(layout) = SlotForm::of(ty, model)? else { return Ok(false) };
    let size = layout.size as u32;
    let pieces = |place: Place| {
        let home = |byte| (byte, super::demand::beyond(place, byte));
        Returned::Pieces(BTreeMap::from_iter((0..size).map(home)))
    };
    demand.returned = match (ty.scalar(model), layout.size) {
        (Some(Scalar::Float(FloatFormat::F64)), _) => pieces(Place::Vec { reg: 0, at: 0 }),
        (Some(Scalar::Vector { bytes: 16 } | Scalar::Int { .. }), _) => pieces(Place::Vec { reg: 0, at: 0 }),
        // Those that Clang does not pass as integers.
        (Some(Scalar::Vector { .. }), _) if clang && way(ty, model)? != Way::General => {
            pieces(Place::Vec { reg: 0, at: 0 })
        }
        // Clang for Linux leaves it on the x87 stack.
        (Some(Scalar::Float(FloatFormat::X87)), _) if clang && model.bit_fields != BitFields::Microsoft => {
            return Err(Violation::X87Result);
        }
        // GCC passes no address for a result without size, though the document's words would have one, as Clang does.
        (_, 0) => {
            if clang {
                return Ok(true);
            }
            pieces(Place::Gpr { reg: 0, at: 0 })
        }
        (_, 1 | 2 | 4 | 8) if !(clang && flexible) => pieces(Place::Gpr { reg: 0, at: 0 }),
        _ => return Ok(true),
    };
    Ok(false)
}
