//! Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64), release 2023Q3: sections 5.9 and 6.8.2, 6.9.
//!
//! ```text
//! x0 … x7  integers, addresses, composites      results  x0 x1
//! v0 … v7  floats, short vectors, HFAs and HVAs          v0 … v3
//! x8       the address of a result in memory
//! ```
//!
//! Not here: the argument area begins at the callee's `[sp]`.

use alloc::collections::BTreeMap;

use springboard_ir::{AggregateKind, Compiler, DataModel, FloatFormat, LayoutError, Scalar, Signature, Type};

use super::{
    demand::{Argument, Demand, Returned, arguments, beyond, own_extension},
    violation::Violation,
};
use crate::{place::Place, plan::SlotForm, target::Target};

const REGISTERS: u8 = 8;
/// The index of x8 in the convention's list.
const RESULT_POINTER: u8 = 8;

pub(super) fn demand(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    let model = &target.model;
    let mut demand = Demand::new(model);
    result(signature.result(), model, &mut demand)?;
    // Stage A.
    let mut next = Next::default();
    for argument in arguments(signature, model)? {
        // An empty structure of GNU C has no size and takes no place (as GCC does).
        if argument.layout.size > 0 {
            next.assign(&argument, model, &mut demand)?;
        }
    }
    Ok(demand)
}

/// Section 6.9: "If the type, T, of the result of a function is such that `void func(T arg)` would require that arg
/// be passed as a value in a register (or set of registers) according to the rules in Parameter passing, then the
/// result is returned in the same registers as would be used for such an argument. Otherwise, the caller shall
/// reserve a block of memory [...] in x8."
pub(super) fn result(ty: &Type, model: &DataModel, demand: &mut Demand) -> Result<(), Violation> {
    let by_value = match SlotForm::of(ty, model)? {
        SlotForm::None | SlotForm::Word(_) => return Ok(()),
        SlotForm::Address(layout) => layout,
    };
    let size = by_value.size;
    demand.returned = match homogeneous(ty, model)? {
        Some(member) => {
            let home = |byte: u32| Place::Vec { reg: (byte / member) as u8, at: (byte % member) as u8 };
            Returned::Pieces(BTreeMap::from_iter((0..size as u32).map(|byte| (byte, home(byte)))))
        }
        None if size <= 16 => {
            let home = |byte: u32| Place::Gpr { reg: (byte / 8) as u8, at: (byte % 8) as u8 };
            Returned::Pieces(BTreeMap::from_iter((0..size as u32).map(|byte| (byte, home(byte)))))
        }
        None => {
            demand.result_address(Place::Gpr { reg: RESULT_POINTER, at: 0 });
            Returned::InPlace
        }
    };
    Ok(())
}

/// The next general register and the next vector register; NSAA is the demand's stack.
#[derive(Default)]
pub(super) struct Next {
    ngrn: u8,
    nsrn: u8,
}

impl Next {
    /// C.9, C.11, C.12: as many registers as a value has double-words. C.13: else no later one gets a register.
    pub(super) fn general(&mut self, words: u8) -> Option<Place> {
        let fits = self.ngrn + words <= REGISTERS;
        let place = fits.then_some(Place::Gpr { reg: self.ngrn, at: 0 });
        self.ngrn = if fits { self.ngrn + words } else { REGISTERS };
        place
    }

    /// C.1, C.2: one register per member, of `member` bytes. C.3: else no later one gets a register. Says whether it did.
    pub(super) fn vectors(&mut self, argument: &Argument<'_>, member: u32, demand: &mut Demand) -> bool {
        let count = (argument.layout.size / u64::from(member)) as u8;
        let fits = self.nsrn + count <= REGISTERS;
        for reg in (self.nsrn..).take(if fits { count.into() } else { 0 }) {
            let place = Place::Vec { reg, at: 0 };
            let start = u64::from(reg - self.nsrn) * u64::from(member);
            demand.image(argument, start, member.into(), place);
            demand.open(beyond(place, member), 16 - member as u8);
        }
        self.nsrn = if fits { self.nsrn + count } else { REGISTERS };
        fits
    }

    /// Stages B and C.
    fn assign(
        &mut self,
        argument: &Argument<'_>,
        model: &DataModel,
        demand: &mut Demand,
    ) -> Result<(), Violation> {
        let size = argument.layout.size;
        if let Some(member) = homogeneous(argument.ty, model)? {
            if !self.vectors(argument, member, demand) {
                // C.4: 8 or 16 by the natural alignment; C.5: at least 8 bytes.
                let align = natural_alignment(argument.ty, model)?.clamp(8, 16);
                let place = demand.take_stack(size.next_multiple_of(8), align)?;
                in_words(argument, place, demand);
            }
            return Ok(());
        }
        // B.4: a composite that is larger than 16 bytes is replaced by a pointer to a copy. C.9, C.13 to C.17 for
        // that pointer.
        if size > 16 {
            let place = self.general(1).map_or_else(|| demand.take_stack(8, 8), Ok)?;
            demand.reference(argument, argument.layout.align, place);
            return Ok(());
        }
        // B.5: the size of a composite is rounded up to 8; C.16 does the same to a scalar on the stack.
        let words = size.div_ceil(8) as u8;
        // B.6 and section 5.9: what counts is the alignment before the whole was adjusted, 8 or 16.
        let align = natural_alignment(argument.ty, model)?.clamp(8, 16);
        // C.10: "If the argument has an alignment of 16 then the NGRN is rounded up to the next even number."
        if align == 16 {
            self.ngrn = self.ngrn.next_multiple_of(2);
        }
        // C.14 to C.17.
        let on_stack = || demand.take_stack(u64::from(words) * 8, align);
        let place = self.general(words).map_or_else(on_stack, Ok)?;
        if let SlotForm::Word(_) = SlotForm::of(argument.ty, model)? {
            // "the remaining bits have unspecified values": a plan extends all the same, as the slot has it, because
            // callees compiled by Clang for other systems trust 32 bits.
            demand.integer(argument, place, own_extension(argument, model));
            return Ok(());
        }
        in_words(argument, place, demand);
        Ok(())
    }
}

/// The words of a value are in consecutive general registers or on the stack; what is left of the last is open.
pub(super) fn in_words(argument: &Argument<'_>, place: Place, demand: &mut Demand) {
    for (index, start) in (0..argument.layout.size).step_by(8).enumerate() {
        let place = match place {
            Place::Gpr { reg, at } => Place::Gpr { reg: reg + index as u8, at },
            _ => beyond(place, start as u32),
        };
        demand.word(argument, start, place);
    }
}

/// Section 5.9: "The natural alignment of a composite type is the maximum of each of the member alignments of the
/// 'top-level' members of the composite type i.e. before any alignment adjustment of the entire composite is
/// applied". Members without size count, as they do for GCC; a bit-field counts as its container does, and where it has no width
/// even in a packed structure.
fn natural_alignment(ty: &Type, model: &DataModel) -> Result<u32, LayoutError> {
    let Type::Aggregate(aggregate) = ty else { return Ok(ty.layout(model)?.align) };
    let mut most = 1;
    for field in &aggregate.fields {
        let own = field.declared.type_align.map_or_else(|| Ok(field.ty.layout(model)?.align), Ok)?;
        let asked = field.align.unwrap_or(1);
        most = most.max(match (field.bits, aggregate.packed || field.declared.packed, aggregate.pack) {
            (Some(0), ..) | (_, false, None) => own.max(asked),
            (_, true, None) => asked,
            (_, true, Some(pack)) => asked.min(pack),
            (_, false, Some(pack)) => own.max(asked).min(pack),
        });
    }
    Ok(most)
}

/// The size of the members of a value that goes to vector registers: itself, where it is a floating point number or
/// a short vector, or the members of a homogeneous aggregate (section 5.9.5), of which there are at most four.
pub(super) fn homogeneous(ty: &Type, model: &DataModel) -> Result<Option<u32>, LayoutError> {
    // Four members of 16 bytes.
    if ty.layout(model)?.size > 64 {
        return Ok(None);
    }
    let mut base = None;
    let count = uniform(ty, model, &mut base)?;
    Ok(base.filter(|_| count.is_some_and(|count| (1..=4).contains(&count))).map(Base::bytes))
}

/// A fundamental type of a homogeneous aggregate: the lanes of a short vector make no difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Float(FloatFormat),
    Vector(u8),
}

impl Base {
    fn bytes(self) -> u32 {
        match self {
            Base::Float(format) => format.bytes().into(),
            Base::Vector(bytes) => bytes.into(),
        }
    }
}

/// Whether a type is an aggregate in which nothing has a name and a size. An array without a length could have both.
fn has_no_value(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => array.length > 0 && has_no_value(&array.element),
        Type::Aggregate(aggregate) => !aggregate.fields.iter().any(|field| match (field.bits, &field.ty) {
            (Some(_), _) => field.name.is_some(),
            (None, Type::Array(array)) if array.length == 0 => field.declared.flexible,
            (None, ty) => !has_no_value(ty),
        }),
        _ => false,
    }
}

/// How many members of the one type `base` make up `ty`. `None` where it has others, or padding.
fn uniform(ty: &Type, model: &DataModel, base: &mut Option<Base>) -> Result<Option<u64>, LayoutError> {
    if let Some(scalar) = ty.scalar(model) {
        let own = match scalar {
            Scalar::Float(format) => Base::Float(format),
            Scalar::Vector { bytes } => Base::Vector(bytes),
            Scalar::Bool | Scalar::Int { .. } | Scalar::Pointer => return Ok(None),
        };
        return Ok((*base.get_or_insert(own) == own).then_some(1));
    }
    let count = match ty {
        Type::Complex(complex) => uniform(&complex.part(), model, base)?.map(|count| count * 2),
        // GCC and Clang both refuse an array without elements.
        Type::Array(array) if array.length == 0 => None,
        Type::Array(array) => uniform(&array.element, model, base)?.map(|count| count * array.length),
        Type::Aggregate(aggregate) => {
            let mut total = 0;
            for field in &aggregate.fields {
                // In a union, GCC takes a bit-field without a width for a member. Clang takes nothing for one that has no
                // value, and `_Atomic` for a type of its own.
                let clang = model.compiler == Some(Compiler::Clang);
                let nothing = clang && field.bits.is_none() && has_no_value(&field.ty);
                if nothing || (field.bits == Some(0) && (aggregate.kind == AggregateKind::Struct || clang)) {
                    continue;
                }
                if clang && field.declared.atomic {
                    return Ok(None);
                }
                let count = if field.bits.is_some() { None } else { uniform(&field.ty, model, base)? };
                let Some(count) = count else { return Ok(None) };
                total = match aggregate.kind {
                    AggregateKind::Struct => total + count,
                    AggregateKind::Union => total.max(count),
                };
            }
            Some(total)
        }
        _ => return Err(LayoutError::Incomplete),
    };
    let size = ty.layout(model)?.size;
    let full = |count: &u64| count * base.map_or(0, |base| u64::from(base.bytes())) == size;
    Ok(count.filter(full))
}
