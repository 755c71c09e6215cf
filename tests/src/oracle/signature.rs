//! Random signatures.

use fastrand::Rng;
use springboard_ir::{DataModel, Integer, Param, Signature, Type};

use crate::oracle::{
    aggregate,
    palette::{self, Common, Kind, chance, pick},
};

/// Bytes of all parameters together beyond which a signature gets no more: far enough to meet the limit of stubs now
/// and then.
const MOST_BYTES: u64 = 6000;

/// A signature of scalars.
pub(crate) fn scalars(rng: &mut Rng, case: u64) -> Signature {
    let mut common = Common::new(rng, case);
    let kinds = kinds(rng, palette::SCALARS);
    let count = count(rng, 40);
    let mut draw = |rng: &mut Rng| {
        let kind = pick(rng, &kinds);
        palette::simple(rng, kind, &mut common)
    };
    let params = (0..count).map(|_| draw(rng)).map(|ty| Param { name: None, ty }).collect();
    let result = if chance(rng, 15) { Type::Void } else { draw(rng) };
    Signature::new(result, params).expect("scalars can be passed")
}

/// A signature of whatever C has.
pub(crate) fn all(rng: &mut Rng, case: u64, model: &DataModel) -> Signature {
    let mut common = Common::new(rng, case);
    let kinds = kinds(rng, palette::ALL);
    let count = if chance(rng, 4) { rng.usize(0..=64) } else { count(rng, 40) };
    // Several arguments of the same aggregate use registers up as different ones seldom do.
    let mut known: Vec<Type> = Vec::new();
    let mut draw = |rng: &mut Rng| match pick(rng, &kinds) {
        Kind::Aggregate => {
            if !known.is_empty() && chance(rng, 40) {
                return known[rng.usize(..known.len())].clone();
            }
            let drawn = aggregate::draw(rng, model, &mut common);
            known.push(drawn.clone());
            drawn
        }
        kind => palette::simple(rng, kind, &mut common),
    };
    let mut bytes = 0;
    let mut types = Vec::new();
    while types.len() < count && bytes < MOST_BYTES {
        let ty = draw(rng);
        bytes += ty.layout(model).expect("drawn types have a layout").size;
        types.push(ty);
    }
    let result = if chance(rng, 15) { Type::Void } else { draw(rng) };
    let variadic = !types.is_empty() && chance(rng, 15);
    let fixed = variadic.then(|| rng.usize(1..=types.len()));
    if let Some(fixed) = fixed {
        for ty in &mut types[fixed..] {
            if let Some(promoted) = ty.promoted() {
                *ty = promoted;
            }
        }
    }
    let params = types.into_iter().map(|ty| Param { name: None, ty }).collect();
    match fixed {
        Some(fixed) => Signature::variadic(result, params, fixed),
        None => Signature::new(result, params),
    }
    .expect("drawn types can be passed")
}

/// How many parameters: few, or as many as registers, or any number.
fn count(rng: &mut Rng, most: usize) -> usize {
    match rng.u8(0..20) {
        0..12 => rng.usize(0..=9),
        12..17 => *rng.choice(&[5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18]).expect("not empty"),
        _ => rng.usize(0..=most),
    }
}

/// What a signature chooses from: all of `kinds`, or only a few of them, so that one class of registers is used up.
fn kinds(rng: &mut Rng, kinds: &[(u32, Kind)]) -> Vec<(u32, Kind)> {
    if chance(rng, 60) {
        return kinds.to_vec();
    }
    (0..rng.usize(1..=3)).map(|_| (1, pick(rng, kinds))).collect()
}

/// Parameters of the given structures and of numbers among them, and one of the structures as the result.
pub(crate) fn decorated(rng: &mut Rng, types: &[Type]) -> Signature {
    let one = |rng: &mut Rng| types[rng.usize(..types.len())].clone();
    let count = rng.usize(1..=6);
    let params = (0..count).map(|_| match rng.u8(0..4) {
        0 => Type::Int(Integer::Long),
        1 => Type::Double,
        _ => one(rng),
    });
    let params = params.collect::<Vec<_>>().into_iter().map(|ty| Param { name: None, ty }).collect();
    let result = if chance(rng, 20) { Type::Void } else { one(rng) };
    Signature::new(result, params).expect("structures can be passed")
}
