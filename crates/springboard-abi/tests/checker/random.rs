//! Random C types and signatures.

use std::sync::Arc;

use fastrand::Rng;
use springboard_ir::{
    Aggregate, AggregateKind, Array, Complex, Field, Integer, Param, Pointee, Signature, Type, Vector,
};

/// A signature of 0 to 12 parameters, now and then of up to 64; every fifth is variadic.
pub(crate) fn signature(rng: &mut Rng) -> Signature {
    let count = if rng.u8(..16) == 0 { rng.usize(..64) } else { rng.usize(..12) };
    // Runs of one type use up registers of one kind, which is where rules end.
    let filler = [Type::Int(Integer::Long), Type::Double, Type::LongDouble][rng.usize(..3)].clone();
    let bias = rng.u8(..4);
    let mut types: Vec<Type> =
        (0..count).map(|_| if rng.u8(..8) < bias { filler.clone() } else { value(rng) }).collect();
    let result = if rng.u8(..8) == 0 { Type::Void } else { value(rng) };
    let variadic = rng.u8(..5) == 0;
    let fixed = rng.usize(..=count);
    if variadic {
        for ty in &mut types[fixed..] {
            if let Some(promoted) = ty.promoted() {
                *ty = promoted;
            }
        }
    }
    let params = types.into_iter().map(|ty| Param { name: None, ty }).collect();
    if variadic { Signature::variadic(result, params, fixed) } else { Signature::new(result, params) }
        .expect("a random signature is a valid one")
}

/// What a parameter or a result can be.
fn value(rng: &mut Rng) -> Type {
    if rng.bool() { scalar(rng) } else { aggregate(rng, 3) }
}

fn scalar(rng: &mut Rng) -> Type {
    let vector = |element: Type, bytes| Type::Vector(Vector { element: Box::new(element), bytes });
    match rng.u8(..20) {
        0 => Type::Bool,
        1..=7 => Type::Int(Integer::ALL[rng.usize(..Integer::ALL.len())]),
        8..=10 => Type::Float,
        11..=13 => Type::Double,
        14 => Type::LongDouble,
        15 => Type::Complex([Complex::Float, Complex::Double, Complex::LongDouble][rng.usize(..3)]),
        16 => vector([Type::Int(Integer::Int), Type::Float][rng.usize(..2)].clone(), 8),
        17 => vector(Type::Double, [8, 16][rng.usize(..2)]),
        18 => vector(Type::Int(Integer::SChar), 16),
        _ => Type::pointer_to(Pointee::Object(Type::Void)),
    }
}

fn aggregate(rng: &mut Rng, depth: u32) -> Type {
    let kind = if rng.u8(..4) == 0 { AggregateKind::Union } else { AggregateKind::Struct };
    let packed = rng.u8(..8) == 0;
    // Aggregates of one type are a case of their own in most conventions.
    let uniform = (rng.u8(..3) == 0).then(|| scalar(rng));
    let fields = (0..[0, 1, 1, 2, 2, 3, 4, 5][rng.usize(..8)])
        .map(|index| match &uniform {
            Some(ty) => plain(index, array_of(rng, ty.clone())),
            None => field(rng, index, depth, packed),
        })
        .collect();
    let align = (rng.u8(..24) == 0).then(|| 1 << rng.u32(..8));
    Type::Aggregate(Arc::new(Aggregate { kind, tag: None, fields, packed, align, pack: None }))
}

fn plain(index: usize, ty: Type) -> Field {
    Field::new(&format!("m{index}"), ty)
}

fn field(rng: &mut Rng, index: usize, depth: u32, packed: bool) -> Field {
    if rng.u8(..10) == 0 {
        return bit_field(rng, index);
    }
    let ty = if depth > 0 && rng.u8(..4) == 0 { aggregate(rng, depth - 1) } else { scalar(rng) };
    let align = (!packed && rng.u8(..24) == 0).then(|| 1 << rng.u32(..5));
    Field { align, ..plain(index, array_of(rng, ty)) }
}

fn array_of(rng: &mut Rng, element: Type) -> Type {
    if rng.u8(..6) != 0 {
        return element;
    }
    Type::Array(Arc::new(Array { element, length: rng.u64(..5) }))
}

fn bit_field(rng: &mut Rng, index: usize) -> Field {
    use Integer::*;
    let (integer, most) =
        [(Int, 32), (UChar, 8), (ULong, 32), (Short, 16), (LongLong, 64), (Int128, 128)][rng.usize(..6)];
    let bits = rng.u8(..=most);
    let name = (bits > 0 && rng.u8(..4) != 0).then(|| format!("m{index}"));
    Field { name, bits: Some(bits), ..Field::unnamed(Type::Int(integer)) }
}
