//! Random calls.

use std::sync::Arc;

use fastrand::Rng;
use springboard_ir::{
    Aggregate, AggregateKind, DataModel, Field, FloatFormat, Integer, Layout, Param, Signature, Type,
};
use springboard_tests::types::Types;

/// A signature of up to 16 parameters, every fourth of them variadic. In half of them most parameters are of one type,
/// so that registers of one kind run out before the others.
pub(crate) fn signature(seed: u64) -> Signature {
    let mut rng = Rng::with_seed(seed);
    let mut types = Types::new(seed);
    let filler = [Type::Int(Integer::Long), Type::Double, Type::LongDouble][rng.usize(..3)].clone();
    let filled = if rng.bool() { 3 } else { 0 };
    let mut list: Vec<Type> = (0..rng.usize(1..16))
        .map(|_| if rng.u8(..4) < filled { filler.clone() } else { value(&mut rng, &mut types) })
        .collect();
    let result = if rng.bool() { Type::Void } else { value(&mut rng, &mut types) };
    let fixed = rng.usize(1..=list.len());
    let variadic = rng.u8(..4) == 0;
    if variadic {
        for ty in &mut list[fixed..] {
            if let Some(promoted) = ty.promoted() {
                *ty = promoted;
            }
        }
    }
    let params = list.into_iter().map(|ty| Param { name: None, ty }).collect();
    if variadic { Signature::variadic(result, params, fixed) } else { Signature::new(result, params) }
        .expect("every parameter is a value")
}

/// Aggregates more often than not, as they are where conventions differ.
fn value(rng: &mut Rng, types: &mut Types) -> Type {
    loop {
        let ty = match rng.u8(..4) {
            0 => types.value(),
            1 => Type::Aggregate(types.aggregate()),
            _ => small(rng),
        };
        if is_settled(&ty) {
            return ty;
        }
    }
}

/// A structure of a few scalars: most of the rules are about those.
fn small(rng: &mut Rng) -> Type {
    use Integer::{Int, Long, SChar, UShort};
    let scalars = [
        Type::Int(SChar),
        Type::Int(UShort),
        Type::Int(Int),
        Type::Int(Long),
        Type::Float,
        Type::Float,
        Type::Double,
        Type::Double,
        Type::void_pointer(),
    ];
    let field = |index: usize, rng: &mut Rng| {
        Field::new(&format!("f{index}"), scalars[rng.usize(..scalars.len())].clone())
    };
    let fields = (0..rng.usize(1..5)).map(|index| field(index, rng)).collect();
    let tag = Some(format!("small{}", rng.u64(..)));
    Type::Aggregate(Arc::new(Aggregate {
        kind: AggregateKind::Struct,
        tag,
        fields,
        packed: false,
        pack: None,
        align: None,
    }))
}

/// Whether compilers, and versions of GCC, agree on how the type is passed. They do not for
///
/// * arrays without elements: GCC for x86_64 classifies the element that is not there, where its offset is no multiple
///   of 8, and GCC for riscv64 flattens no structure that has one beside two scalars; Clang and the documents ignore
///   them;
/// * aggregates of nothing but unnamed bit-fields: GCC for x86_64 has a register for them and no place on the stack,
///   Clang neither;
/// * aggregates without size that are aligned to 16 or more: on the stack GCC for riscv64 leaves a gap for them, Clang
///   and the document do not;
/// * bit-fields of 16-byte types in packed structures: GCC 9 to 12 for aarch64 take them to be aligned, GCC 13 and the
///   document do not.
fn is_settled(ty: &Type) -> bool {
    let nothing = |layout: Layout| layout.size == 0 && layout.align <= 8;
    (has_value(ty) || ty.layout(&DataModel::LP64).is_ok_and(nothing)) && is_settled_inside(ty)
}

fn is_settled_inside(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => array.length > 0 && is_settled_inside(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().all(|field| {
            let wide = matches!(field.ty, Type::Int(Integer::Int128 | Integer::UInt128));
            is_settled_inside(&field.ty) && !(aggregate.packed && wide && field.bits.is_some())
        }),
        _ => true,
    }
}

/// Whether any bit of the type means something.
fn has_value(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => array.length > 0 && has_value(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().any(|field| match field.bits {
            None => has_value(&field.ty),
            Some(_) => field.name.is_some(),
        }),
        _ => true,
    }
}

/// Random bytes for every argument that form a value of its type.
pub(crate) fn values(seed: u64, signature: &Signature, model: &DataModel) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(!seed);
    let value = |ty: &Type| {
        let size = ty.layout(model).expect("the plan has a layout").size;
        let mut bytes: Vec<u8> = (0..size).map(|_| rng.u8(..)).collect();
        make_valid(ty, model, &mut bytes);
        bytes
    };
    signature.params().iter().map(|param| &param.ty).map(value).collect()
}

/// A `_Bool` is 0 or 1, and the x87 unit changes bit patterns that are not numbers.
fn make_valid(ty: &Type, model: &DataModel, bytes: &mut [u8]) {
    match ty {
        Type::Bool => bytes[0] &= 1,
        Type::LongDouble if model.long_double == FloatFormat::X87 => {
            bytes[7..10].copy_from_slice(&[0x80, 0, 0x40])
        }
        Type::Complex(complex) => {
            let half = bytes.len() / 2;
            bytes.chunks_exact_mut(half).for_each(|part| make_valid(&complex.part(), model, part));
        }
        Type::Array(array) if array.length > 0 && !bytes.is_empty() => {
            let step = bytes.len() / array.length as usize;
            bytes.chunks_exact_mut(step).for_each(|element| make_valid(&array.element, model, element));
        }
        Type::Aggregate(aggregate) => {
            let offsets = aggregate.layout(model).expect("the plan has a layout").bit_offsets;
            for (field, bit) in aggregate.fields.iter().zip(offsets).filter(|(field, _)| field.bits.is_none())
            {
                let size = field.ty.layout(model).expect("the plan has a layout").size as usize;
                let start = bit as usize / 8;
                make_valid(&field.ty, model, &mut bytes[start..start + size]);
            }
        }
        _ => {}
    }
}
