//! System V AMD64: the psABI of x86_64 on everything but Windows (version 1.0, section 3.2).
//!
//! ```text
//!   arguments   rdi rsi rdx rcx r8 r9        xmm0 … xmm7
//!   results     rax rdx                      xmm0 xmm1        st0 st1 (x87)
//!   variadic    al = vector registers used
//!
//!            ┌──────────────────────┐
//!            │ argument n           │   each in whole eightbytes
//!            │ …                    │
//!   rsp+8 ─► │ first stack argument │   stack 16-byte aligned here, at the call
//!   rsp   ─► │ return address       │   on entry of the callee
//!            └──────────────────────┘
//! ```
//!
//! Not here: `__m256` and larger, and `_Decimal` types, which the type model does not have.

use alloc::{vec, vec::Vec};

use springboard_ir::{
    AggregateKind, Array, Compiler, DataModel, Field, FloatFormat, Layout, Scalar, Signature, Type,
};
use target_lexicon::Architecture;

use super::{
    assignment::{Assignment, Passing, Piece, Returning, StackArea},
    rules::{RegisterFile, Rules},
};
use crate::{ineligible::Ineligible, place::Place};

pub(crate) const RULES: Rules = Rules {
    name: "x86_64/sysv64",
    runs_on: |architecture| matches!(architecture, Architecture::X86_64),
    big_endian: false,
    float_keeps_width: false,
    sign_extends_u32: false,
    caller_extends: false,
    packs_stack: false,
    registers: RegisterFile {
        gpr_args: &["rdi", "rsi", "rdx", "rcx", "r8", "r9"],
        vec_args: &["xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"],
        gpr_results: &["rax", "rdx"],
        vec_results: &["xmm0", "xmm1"],
        result_pointer: None,
        positional: false,
    },
    assign,
};

/// The class of an eightbyte (3.2.3, "Classification").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    /// NO_CLASS: padding.
    Nothing,
    /// Clang's NO_CLASS of bytes that are no padding.
    Lost,
    Integer,
    Sse,
    SseUp,
    X87,
    X87Up,
    Memory,
}

/// What the stack is aligned to at a call (3.2.2).
const STACK_ALIGN: u32 = 16;

/// Argument registers in use.
#[derive(Default)]
struct Registers {
    gpr: u8,
    vec: u8,
}

fn assign(signature: &Signature, model: &DataModel) -> Result<Assignment, Ineligible> {
    let mut registers = Registers::default();
    let mut stack = StackArea::default();
    let result = returning(signature.result(), model, &mut registers)?;
    let params = signature
        .params()
        .iter()
        .zip(0..)
        .map(|(param, index)| {
            passing(&param.ty, model, &mut registers, &mut stack).map_err(|reason| match reason {
                Ineligible::LostBytes { .. } => Ineligible::LostBytes { parameter: Some(index) },
                reason => reason,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    // 3.2.3, "Passing", variable arguments: al is an upper bound on the number of vector registers used.
    let vector_count = signature.fixed().map(|_| registers.vec);
    let (stack_bytes, stack_align) = (stack.bytes(), stack.align_above(STACK_ALIGN));
    Ok(Assignment { params, result, stack_bytes, stack_align, vector_count })
}

fn passing(
    ty: &Type,
    model: &DataModel,
    registers: &mut Registers,
    stack: &mut StackArea,
) -> Result<Passing, Ineligible> {
    let layout = ty.layout(model)?;
    if layout.size == 0 {
        return Ok(Passing::Nothing);
    }
    let classes = classify(ty, layout, model)?;
    if let Some(pieces) = in_registers(&classes, layout.size, registers) {
        return Ok(Passing::Direct(pieces));
    }
    // 3.2.3, "Passing": in memory each argument is aligned to eight bytes, or more where its type is. 3.2.2 has the caller
    // align the end of the argument area to 32 or 64 for a vector of that size; GCC and Clang do so for every type.
    let place = stack.take(layout.size.next_multiple_of(8), layout.align.max(8))?;
    Ok(Passing::Direct(vec![Piece { offset: 0, bytes: layout.size as u32, place }]))
}

/// Takes registers for all eightbytes of a value, or none (3.2.3, "Passing": "if there are no registers available
/// for any eightbyte of an argument, the whole argument is passed on the stack").
fn in_registers(classes: &[Class], size: u64, registers: &mut Registers) -> Option<Vec<Piece>> {
    let count = |class| classes.iter().filter(|c| **c == class).count();
    if classes.iter().any(|class| matches!(class, Class::Memory | Class::X87 | Class::X87Up))
        || usize::from(registers.gpr) + count(Class::Integer) > RULES.registers.gpr_args.len()
        || usize::from(registers.vec) + count(Class::Sse) > RULES.registers.vec_args.len()
    {
        return None;
    }
    Some(pieces(classes, size, &mut registers.gpr, &mut registers.vec))
}

/// The eightbytes of a value in the next registers of their classes.
fn pieces(classes: &[Class], size: u64, gpr: &mut u8, vec: &mut u8) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(2);
    for (index, class) in classes.iter().enumerate() {
        let offset = index as u32 * 8;
        let bytes = (size as u32 - offset).min(8);
        match class {
            Class::Integer => {
                pieces.push(Piece { offset, bytes, place: Place::Gpr { reg: *gpr, at: 0 } });
                *gpr += 1;
            }
            Class::Sse => {
                // What a shorter one has after its `float` is padding.
                let bytes = if bytes < 8 { 4 } else { bytes };
                pieces.push(Piece { offset, bytes, place: Place::Vec { reg: *vec, at: 0 } });
                *vec += 1;
            }
            // The upper half of the register that the eightbyte before took.
            Class::SseUp => {
                if let Some(lower) = pieces.last_mut() {
                    lower.bytes += bytes;
                }
            }
            // Padding: no register, no bytes.
            Class::Nothing | Class::Lost | Class::X87 | Class::X87Up | Class::Memory => {}
        }
    }
    pieces
}

fn returning(ty: &Type, model: &DataModel, registers: &mut Registers) -> Result<Returning, Ineligible> {
    if *ty == Type::Void {
        return Ok(Returning::Nothing);
    }
    let layout = ty.layout(model)?;
    if layout.size == 0 {
        return Ok(Returning::Nothing);
    }
    // 3.2.3, "Returning of Values": COMPLEX_X87 comes back in st0 and st1.
    let complex_x87 = matches!(ty, Type::Complex(complex) if x87(&complex.part(), model));
    let classes = classify(ty, layout, model)?;
    if complex_x87 || classes.contains(&Class::X87) {
        return Err(Ineligible::X87Result);
    }
    // A vector of one `double` is passed in memory by both compilers, and returned so by GCC alone.
    if is_clang(model) && layout.size == 8 && is_vector_of_doubles(ty) {
        return Ok(Returning::Direct(pieces(&[Class::Sse], 8, &mut 0, &mut 0)));
    }
    if classes.contains(&Class::Memory) {
        let pointer = Place::Gpr { reg: registers.gpr, at: 0 };
        registers.gpr += 1;
        return Ok(Returning::Memory { pointer });
    }
    Ok(Returning::Direct(pieces(&classes, layout.size, &mut 0, &mut 0)))
}

fn x87(ty: &Type, model: &DataModel) -> bool {
    ty.scalar(model) == Some(Scalar::Float(FloatFormat::X87))
}

/// The classes of a value's eightbytes: one or two, or a single MEMORY.
fn classify(ty: &Type, layout: Layout, model: &DataModel) -> Result<Vec<Class>, Ineligible> {
    // 3.2.3, "Classification", aggregates, 1 and 5(c): nothing above two eightbytes stays out of memory but
    // vectors wider than any that the type model has.
    if layout.size > 16 {
        return Ok(vec![Class::Memory]);
    }
    let mut classes = vec![Class::Nothing; layout.size.div_ceil(8) as usize];
    classify_at(ty, 0, model, &mut classes)?;
    if classes.contains(&Class::Memory) {
        return Ok(vec![Class::Memory]);
    }
    if classes.contains(&Class::Lost) {
        return Err(Ineligible::LostBytes { parameter: None });
    }
    Ok(classes)
}

/// 5, post merger cleanup, which each nested aggregate goes through for itself.
fn clean_up(classes: &mut [Class]) {
    for index in 0..classes.len() {
        let before = index.checked_sub(1).map(|before| classes[before]);
        if classes[index] == Class::X87Up && before != Some(Class::X87) {
            classes[0] = Class::Memory;
        }
        if classes[index] == Class::SseUp && !matches!(before, Some(Class::Sse | Class::SseUp)) {
            classes[index] = Class::Sse;
        }
    }
}

/// What Clang wants the offset of a member to be a multiple of, in bytes.
fn field_align(field: &Field, model: &DataModel) -> Result<u64, Ineligible> {
    let own = field.ty.layout(model)?.align;
    Ok(field.declared.type_align.unwrap_or(own).into())
}

/// Whether a member has no bytes.
fn is_empty(field: &Field, model: &DataModel) -> Result<bool, Ineligible> {
    Ok(field.ty.layout(model)?.size == 0)
}

fn is_vector_of_doubles(ty: &Type) -> bool {
    matches!(ty, Type::Vector(vector) if *vector.element == Type::Double)
}

fn is_clang(model: &DataModel) -> bool {
    model.compiler == Some(Compiler::Clang)
}

/// The classes of an array of elements that are not without bytes.
///
/// GCC looks at the first element, and at that of an array of none as well, where the array does not begin an eightbyte.
fn classify_array(
    array: &Array,
    offset: u64,
    size: u64,
    model: &DataModel,
    classes: &mut [Class],
) -> Result<(), Ineligible> {
    if is_clang(model) {
        return (0..array.length)
            .try_for_each(|i| classify_at(&array.element, offset + i * size, model, classes));
    }
    let words = |bytes: u64| (bytes + offset % 8).div_ceil(8) as usize;
    if words(size * array.length) == 0 {
        return Ok(());
    }
    // An element of more than two eightbytes is that of an array of none.
    if words(size) > 2 {
        classes[0] = Class::Memory;
        return Ok(());
    }
    let mut element = vec![Class::Nothing; 2];
    classify_at(&array.element, offset % 8, model, &mut element)?;
    if element.contains(&Class::Memory) {
        classes[0] = Class::Memory;
        return Ok(());
    }
    let cycle = element[..words(size)].iter().cycle().take(words(size * array.length));
    classes.iter_mut().skip((offset / 8) as usize).zip(cycle).for_each(|(class, other)| merge(class, *other));
    Ok(())
}

fn classify_at(ty: &Type, offset: u64, model: &DataModel, classes: &mut [Class]) -> Result<(), Ineligible> {
    if let Some(scalar) = ty.scalar(model) {
        // 1: "... or it contains unaligned fields, it has class MEMORY".
        if !is_clang(model) && !offset.is_multiple_of(scalar.align(model).into()) {
            classes[0] = Class::Memory;
            return Ok(());
        }
        let (first, second) = match scalar {
            Scalar::Bool | Scalar::Pointer | Scalar::Int { bytes: 0..=8, .. } => (Class::Integer, None),
            Scalar::Int { .. } => (Class::Integer, Some(Class::Integer)),
            // GCC passes a vector of one `double` in memory, and Clang follows it.
            Scalar::Vector { bytes: 8 } if is_vector_of_doubles(ty) => (Class::Memory, None),
            Scalar::Float(FloatFormat::F32 | FloatFormat::F64) | Scalar::Vector { bytes: 0..=8 } => {
                (Class::Sse, None)
            }
            Scalar::Float(FloatFormat::X87) => (Class::X87, Some(Class::X87Up)),
            Scalar::Float(FloatFormat::Binary128) | Scalar::Vector { .. } => (Class::Sse, Some(Class::SseUp)),
        };
        let index = (offset / 8) as usize;
        merge(&mut classes[index], first);
        // Clang forgets that it reaches into the next eightbyte.
        let lost = Some(Class::Lost).filter(|_| offset % 8 + u64::from(scalar.bytes(model)) > 8);
        if let Some(second) = second.or(lost) {
            merge(&mut classes[index + 1], second);
        }
        return Ok(());
    }
    match ty {
        Type::Complex(complex) => {
            let part = complex.part();
            let size = part.layout(model)?.size;
            classify_at(&part, offset, model, classes)?;
            classify_at(&part, offset + size, model, classes)
        }
        Type::Array(array) => {
            let size = array.element.layout(model)?.size;
            // Elements without bytes have no class, however many there are.
            if size == 0 { Ok(()) } else { classify_array(array, offset, size, model, classes) }
        }
        Type::Aggregate(aggregate) => {
            let layout = aggregate.layout(model)?;
            // Only aggregates without a size can lie after the last eightbyte. They have no class, but Clang wants what is in
            // them aligned all the same.
            if layout.layout.size == 0 && !is_clang(model) && offset.is_multiple_of(8) {
                return Ok(());
            }
            if aggregate.is_flexible() && is_clang(model) {
                classes[0] = Class::Memory;
                return Ok(());
            }
            let mut inner = vec![Class::Nothing; classes.len()];
            for (field, bit_offset) in aggregate.fields.iter().zip(layout.bit_offsets) {
                let first = offset * 8 + bit_offset;
                let bits = match (field.bits, aggregate.kind) {
                    // Clang takes `_Atomic` for a type that it has no class for.
                    (None, _) if field.declared.atomic && !is_empty(field, model)? && is_clang(model) => {
                        inner[0] = Class::Memory;
                        continue;
                    }
                    // To GCC an array without a length is not a member.
                    (None, _) if field.declared.flexible => continue,
                    (None, _) if is_clang(model) && !first.is_multiple_of(field_align(field, model)? * 8) => {
                        inner[0] = Class::Memory;
                        continue;
                    }
                    (None, _) => {
                        classify_at(&field.ty, first / 8, model, &mut inner)?;
                        continue;
                    }
                    // A zero-width bit-field is not a member of a structure.
                    (Some(0), AggregateKind::Struct) => continue,
                    // The document is silent on unnamed bit-fields. GCC takes them for INTEGER, Clang for padding.
                    (Some(_), _) if is_clang(model) && field.name.is_none() => continue,
                    // To GCC one that could be an ordinary member is one, and may be unaligned in what is around it.
                    (Some(bits), AggregateKind::Struct) if !is_clang(model) => {
                        let packed = aggregate.packed || field.declared.packed;
                        let (bits, least) = (u64::from(bits), if packed { 8 } else { 64 });
                        let ordinary = matches!(bits, 8 | 16 | 32 | 64)
                            && bits <= least
                            && bit_offset.is_multiple_of(bits);
                        if ordinary && !first.is_multiple_of(bits) {
                            inner[0] = Class::Memory;
                            continue;
                        }
                        bits
                    }
                    (Some(bits), AggregateKind::Struct) => u64::from(bits),
                    (Some(bits), AggregateKind::Union) if is_clang(model) => u64::from(bits),
                    // To GCC a bit-field of a union, even one without width, is an integer of as few bytes as hold
                    // it, with that integer's alignment.
                    (Some(bits), AggregateKind::Union) => {
                        let fewest = u64::from(bits).next_power_of_two().max(8);
                        if !first.is_multiple_of(fewest) {
                            inner[0] = Class::Memory;
                            continue;
                        }
                        fewest
                    }
                };
                let last = (first + bits - 1) / 64;
                for class in inner.iter_mut().take(last as usize + 1).skip((first / 64) as usize) {
                    merge(class, Class::Integer);
                }
            }
            clean_up(&mut inner);
            classes.iter_mut().zip(inner).for_each(|(class, other)| merge(class, other));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// 4: how the class of an eightbyte changes with another field in it.
fn merge(class: &mut Class, other: Class) {
    use Class::{Integer, Lost, Memory, Nothing, Sse, X87, X87Up};
    *class = match (*class, other) {
        (a, b) if a == b => a,
        (Nothing, b) => b,
        (a, Nothing) => a,
        (Lost, b) => b,
        (a, Lost) => a,
        (Memory, _) | (_, Memory) => Memory,
        (Integer, _) | (_, Integer) => Integer,
        (X87 | X87Up, _) | (_, X87 | X87Up) => Memory,
        _ => Sse,
    };
}
