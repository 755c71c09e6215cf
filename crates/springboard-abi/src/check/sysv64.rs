//! System V Application Binary Interface, AMD64 Architecture Processor Supplement, version 1.0, section 3.2.3.
//!
//! ```text
//! INTEGER  rdi rsi rdx rcx r8 r9        results  rax rdx
//! SSE      xmm0 … xmm7                           xmm0 xmm1
//! al       for a variadic callee: at most how many vector registers hold arguments
//! ```
//!
//! Not here: the argument area begins at `8(%rsp)` at the callee's entry; where that is, is the emitter's business.

use alloc::{collections::BTreeMap, vec::Vec};

use springboard_ir::{
    AggregateKind, Array, Compiler, DataModel, Field, FloatFormat, LayoutError, Scalar, Signature, Type,
};

use super::{
    demand::{Argument, Demand, Returned, arguments, own_extension},
    spot::Source,
    violation::Violation,
};
use crate::{place::Place, plan::SlotForm, target::Target};

const GPRS: u8 = 6;
const VECS: u8 = 8;

/// The classes of "Classification", without NO_CLASS: an eightbyte of only padding has none of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Integer,
    Sse,
    SseUp,
    X87,
    X87Up,
    ComplexX87,
}

/// The classes of a value's eightbytes. `None` is class MEMORY.
type Classes = Option<[Option<Class>; 2]>;

pub(super) fn demand(signature: &Signature, target: &Target) -> Result<Demand, Violation> {
    let model = &target.model;
    let mut demand = Demand::new(model);
    let (mut gprs, mut vecs) = (0, 0);
    result(signature.result(), model, &mut demand, &mut gprs)?;
    for argument in arguments(signature, model)? {
        // An empty structure of GNU C has no eightbyte: nothing is passed (as GCC does).
        if argument.layout.size == 0 {
            continue;
        }
        let places = classify(argument.ty, argument.layout.size, model)?
            .filter(|classes| !classes.iter().flatten().any(is_x87))
            .and_then(|classes| hand_out(&classes, argument.layout.size, (GPRS, VECS), &mut gprs, &mut vecs));
        match places {
            Some(places) => in_registers(&argument, &places, model, &mut demand)?,
            None => on_the_stack(&argument, model, &mut demand)?,
        }
    }
    // "When a function taking variable-arguments is called, %al must be set to the total number of floating point
    // parameters passed to the function in vector registers"; an upper bound from 0 to 8 is enough.
    demand.vectors = signature.fixed().map(|_| vecs);
    Ok(demand)
}

/// "Returning of Values".
fn result(ty: &Type, model: &DataModel, demand: &mut Demand, gprs: &mut u8) -> Result<(), Violation> {
    if *ty == Type::Void {
        return Ok(());
    }
    let size = ty.layout(model)?.size;
    let classes = match ty {
        // Clang returns a vector of one `double` as it returns the `double`.
        Type::Vector(vector) if is_clang(model) && vector.bytes == 8 => Some([Some(Class::Sse), None]),
        _ => classify(ty, size, model)?,
    };
    match classes {
        // Step 2: "the caller provides space for the return value and passes the address of this storage in %rdi as
        // if it were the first argument".
        None => {
            demand.result_address(Place::Gpr { reg: 0, at: 0 });
            *gprs = 1;
        }
        // Steps 6 to 8: st0, st1.
        Some(classes) if classes.iter().flatten().any(is_x87) => return Err(Violation::X87Result),
        // Steps 3 to 5: the next of rax and rdx, the next of xmm0 and xmm1, the upper half of the last.
        Some(classes) => {
            if matches!(SlotForm::of(ty, model)?, SlotForm::Word(_)) {
                return Ok(());
            }
            let places = hand_out(&classes, size, (2, 2), &mut 0, &mut 0);
            let places = places.expect("two eightbytes need at most two registers of a kind");
            demand.returned = Returned::Pieces(BTreeMap::from_iter(places));
        }
    }
    Ok(())
}

fn is_x87(class: &Class) -> bool {
    matches!(class, Class::X87 | Class::X87Up | Class::ComplexX87)
}

/// "Passing", steps 2 to 4: for each byte with a class, the byte of the register that it goes to. `None` where
/// there are too few registers, and then none is used: "If there are no registers available for any eightbyte of an
/// argument, the whole argument is passed on the stack. If registers have already been assigned for some eightbytes
/// of such an argument, the assignments get reverted."
fn hand_out(
    classes: &[Option<Class>; 2],
    size: u64,
    (gprs, vecs): (u8, u8),
    next_gpr: &mut u8,
    next_vec: &mut u8,
) -> Option<Vec<(u32, Place)>> {
    let (mut gpr, mut vec) = (*next_gpr, *next_vec);
    let mut places = Vec::new();
    for (eightbyte, class) in classes.iter().enumerate() {
        let start = eightbyte as u32 * 8;
        let Some(class) = class.filter(|_| start < size as u32) else { continue };
        let first = match class {
            Class::Integer => {
                gpr += 1;
                Place::Gpr { reg: gpr - 1, at: 0 }
            }
            // Step 4: "the eightbyte is passed in the next available eightbyte chunk of the last used vector
            // register".
            Class::SseUp => Place::Vec { reg: vec - 1, at: 8 },
            _ => {
                vec += 1;
                Place::Vec { reg: vec - 1, at: 0 }
            }
        };
        let end = (start + 8).min(size as u32);
        places.extend((start..end).map(|byte| (byte, super::demand::beyond(first, byte - start))));
    }
    if gpr > gprs || vec > vecs {
        return None;
    }
    (*next_gpr, *next_vec) = (gpr, vec);
    Some(places)
}

/// The bytes of the argument are where `places` says; what is left of these registers is open.
fn in_registers(
    argument: &Argument<'_>,
    places: &[(u32, Place)],
    model: &DataModel,
    demand: &mut Demand,
) -> Result<(), Violation> {
    if let (Some(extension), Some((_, place))) = (word_extension(argument, model)?, places.first()) {
        demand.integer(argument, *place, extension);
        return Ok(());
    }
    for (byte, place) in places {
        demand.image(argument, u64::from(*byte), 1, *place);
    }
    // The registers are filled from their low end, so the rest begins after the last byte of each.
    for (index, (_, place)) in places.iter().enumerate() {
        let next = places.get(index + 1).map(|(_, place)| *place);
        let (end, size) = match *place {
            Place::Gpr { at, .. } => (at + 1, 8),
            Place::Vec { at, .. } => (at + 1, 16),
            Place::Stack { .. } => continue,
        };
        let after = super::demand::beyond(*place, 1);
        if next != Some(after) {
            demand.open(after, size - end);
        }
    }
    Ok(())
}

/// "Once registers are assigned, the arguments passed in memory are pushed on the stack", each rounded up to
/// eightbytes, and aligned as its type is, but at least to 8. GCC takes the alignment of the type, packed or
/// over-aligned, as it stands.
fn on_the_stack(argument: &Argument<'_>, model: &DataModel, demand: &mut Demand) -> Result<(), Violation> {
    let align = argument.layout.align.max(8);
    let size = argument.layout.size;
    let rounded = size.next_multiple_of(8);
    let place = demand.take_stack(rounded, align)?;
    if let Some(extension) = word_extension(argument, model)? {
        demand.integer(argument, place, extension);
        return Ok(());
    }
    demand.image(argument, 0, size, place);
    demand.open(super::demand::beyond(place, size as u32), (rounded - size) as u8);
    Ok(())
}

/// What an integer that lies in its slot is extended with. The document leaves the bits above a narrow integer open
/// (except for `_Bool`, whose low 8 bits are 0 or 1). Clang's callees trust an extension to 32 bits all the same, so a
/// plan extends by the type, and to the whole word, as the slot has it.
fn word_extension(argument: &Argument<'_>, model: &DataModel) -> Result<Option<Source>, LayoutError> {
    Ok(match SlotForm::of(argument.ty, model)? {
        SlotForm::Word(Scalar::Float(_)) | SlotForm::Address(_) | SlotForm::None => None,
        SlotForm::Word(_) => Some(own_extension(argument, model)),
    })
}

/// "Classification", the steps for aggregates 1 and 5(c): more than two eightbytes are MEMORY, as no type here has
/// class SSEUP in its third.
fn classify(ty: &Type, size: u64, model: &DataModel) -> Result<Classes, LayoutError> {
    if size > 16 {
        // The one exception is not an aggregate: `long double _Complex` is COMPLEX_X87.
        let complex = *ty == Type::Complex(springboard_ir::Complex::LongDouble);
        let x87 = complex && model.long_double == FloatFormat::X87;
        return Ok(x87.then_some([Some(Class::ComplexX87); 2]));
    }
    classes(ty, 0, model)
}

/// The classes of the two eightbytes in which an object at byte `offset` of a value of at most 16 bytes may lie.
fn classes(ty: &Type, offset: u64, model: &DataModel) -> Result<Classes, LayoutError> {
    if let Some(scalar) = ty.scalar(model) {
        return Ok(scalar_classes(ty, scalar, offset, model));
    }
    let layout = ty.layout(model)?;
    let clang = is_clang(model);
    match ty {
        _ if layout.size == 0 && !clang && offset.is_multiple_of(8) => return Ok(Some([None; 2])),
        _ => {}
    }
    let mut merged = Some([None; 2]);
    match ty {
        // "A variable of type complex T is classified as if it were struct { T real; T imag; }".
        Type::Complex(complex) => {
            for part in 0..2 {
                merged = merge(merged, classes(&complex.part(), offset + part * layout.size / 2, model)?);
            }
        }
        Type::Array(array) => {
            let step = array.element.layout(model)?.size;
            if !clang {
                return repeated(array, offset, step, model);
            }
            for index in 0..array.length {
                merged = merge(merged, classes(&array.element, offset + index * step, model)?);
            }
        }
        Type::Aggregate(aggregate) => {
            // What could be longer has no class for Clang, nor has `_Atomic`.
            if clang && aggregate.is_flexible() {
                return Ok(None);
            }
            let bit_offsets = aggregate.layout(model)?.bit_offsets;
            for (field, bit) in aggregate.fields.iter().zip(bit_offsets) {
                let (within, bit) = (bit, offset * 8 + bit);
                let field_classes = match (field.bits, aggregate.kind) {
                    (None, _) if clang && !is_aligned(field, bit, model)? => None,
                    (None, _) if clang && field.declared.atomic && field.ty.layout(model)?.size > 0 => None,
                    // It is padding to Clang.
                    (Some(_), _) if clang && field.name.is_none() => continue,
                    (Some(bits), _) if clang => Some(integer_bits(bit, bits.into())),
                    (None, _) if field.declared.flexible => continue,
                    (None, _) => classes(&field.ty, bit / 8, model)?,
                    // C has no zero-width member in its structures.
                    (Some(0), AggregateKind::Struct) => continue,
                    (Some(bits), AggregateKind::Struct) => {
                        let bits = u64::from(bits);
                        let packed = aggregate.packed || field.declared.packed;
                        // GCC lays out as a plain member, which may be unaligned, what is as wide as one and lies as one.
                        let plain = (bits == 8 || (!packed && matches!(bits, 16 | 32 | 64)))
                            && within.is_multiple_of(bits);
                        let unaligned = plain && !bit.is_multiple_of(bits);
                        Some(integer_bits(bit, bits)).filter(|_| !unaligned)
                    }
                    (Some(bits), AggregateKind::Union) => union_bits(bit, bits.into()),
                };
                merged = merge(merged, field_classes);
            }
            merged = merged.and_then(clean_up);
        }
        _ => return Err(LayoutError::Incomplete),
    }
    Ok(merged)
}

fn is_clang(model: &DataModel) -> bool {
    model.compiler == Some(Compiler::Clang)
}

/// Whether a member at a bit of a value is aligned as its type is: "unaligned fields", which Clang looks for in aggregates,
/// and GCC in what they are made of.
fn is_aligned(field: &Field, bit: u64, model: &DataModel) -> Result<bool, LayoutError> {
    let align = field.declared.type_align.unwrap_or(field.ty.layout(model)?.align);
    Ok(bit.is_multiple_of(u64::from(align) * 8))
}

/// The classes of an array to GCC: it looks at the first element where that lies, of an array of none too, and takes its
/// eightbytes for those of all.
fn repeated(array: &Array, offset: u64, step: u64, model: &DataModel) -> Result<Classes, LayoutError> {
    let before = offset % 8;
    let eightbytes = |bytes: u64| (before + bytes).div_ceil(8);
    let mut all = [None; 2];
    if step == 0 || eightbytes(step * array.length) == 0 {
        return Ok(Some(all));
    }
    let Some(first) = classes(&array.element, before, model)?.filter(|_| eightbytes(step) <= 2) else {
        return Ok(None);
    };
    for index in 0..eightbytes(step * array.length) {
        if let Some(class) = all.get_mut((offset / 8 + index) as usize) {
            *class = first[(index % eightbytes(step)) as usize];
        }
    }
    Ok(Some(all))
}

/// Bit-fields are INTEGER in each eightbyte that they touch, unnamed ones too (as GCC does).
fn integer_bits(bit: u64, bits: u64) -> [Option<Class>; 2] {
    let touched = bit / 64..=(bit + bits - 1) / 64;
    [0, 1].map(|eightbyte| touched.contains(&eightbyte).then_some(Class::Integer))
}

/// A bit-field of a union is to GCC an integer of as few bytes as hold it, which may be unaligned; one without width
/// is of one byte.
fn union_bits(bit: u64, bits: u64) -> Classes {
    let bytes = bits.div_ceil(8).next_power_of_two();
    bit.is_multiple_of(bytes * 8).then(|| integer_bits(bit, bytes * 8))
}

/// "The basic types are assigned their natural classes"; step 1 for aggregates: "unaligned fields" are MEMORY.
fn scalar_classes(ty: &Type, scalar: Scalar, offset: u64, model: &DataModel) -> Classes {
    if !is_clang(model) && !offset.is_multiple_of(scalar.align(model).into()) {
        return None;
    }
    let pair = match scalar {
        Scalar::Bool | Scalar::Pointer | Scalar::Int { bytes: 1..=8, .. } => [Some(Class::Integer), None],
        // "as if it were implemented as struct { long low, high; }".
        Scalar::Int { .. } => [Some(Class::Integer); 2],
        Scalar::Float(FloatFormat::F32 | FloatFormat::F64) => [Some(Class::Sse), None],
        Scalar::Float(FloatFormat::X87) => [Some(Class::X87), Some(Class::X87Up)],
        Scalar::Float(FloatFormat::Binary128) => [Some(Class::Sse), Some(Class::SseUp)],
        // GCC passes `double __attribute__((vector_size(8)))` in memory, and Clang follows it.
        Scalar::Vector { bytes: 8 } if is_vector_of(ty, &Type::Double) => return None,
        Scalar::Vector { bytes: 8 } => [Some(Class::Sse), None],
        Scalar::Vector { .. } => [Some(Class::Sse), Some(Class::SseUp)],
    };
    // What is wider than 8 is aligned to 16, and begins in the first eightbyte.
    Some(if offset >= 8 { [None, pair[0]] } else { pair })
}

fn is_vector_of(ty: &Type, element: &Type) -> bool {
    matches!(ty, Type::Vector(vector) if *vector.element == *element)
}

/// Step 4: each eightbyte's class is merged of those of the fields in it.
fn merge(a: Classes, b: Classes) -> Classes {
    let (a, b) = (a?, b?);
    let mut merged = [None; 2];
    for eightbyte in 0..2 {
        merged[eightbyte] = match (a[eightbyte], b[eightbyte]) {
            // (a), (b)
            (one, other) if one == other => one,
            (None, one) | (one, None) => one,
            // (d)
            (Some(Class::Integer), _) | (_, Some(Class::Integer)) => Some(Class::Integer),
            // (e): MEMORY, and with (c) and 5(a) the whole is.
            (Some(one), Some(other)) if is_x87(&one) || is_x87(&other) => return None,
            // (f)
            _ => Some(Class::Sse),
        };
    }
    Some(merged)
}

/// Step 5, "post merger cleanup".
fn clean_up(classes: [Option<Class>; 2]) -> Classes {
    match classes {
        // (b)
        [first, Some(Class::X87Up)] if first != Some(Class::X87) => None,
        // (d)
        [first, Some(Class::SseUp)] if first != Some(Class::Sse) => Some([first, Some(Class::Sse)]),
        _ => Some(classes),
    }
}
