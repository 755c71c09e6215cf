//! Every small signature: up to three parameters of five kinds (`int`, `float`, `double`, a pointer, a structure of
//! one to three members of the first four), returning nothing or the type of the first one; and each again after
//! eight `long`, after eight `double`, and after both, so that registers of one kind or of all are used up.

use std::sync::Arc;

use springboard_ir::{Aggregate, AggregateKind, Field, Integer, Param, Signature, Type};

/// The most parameters, and the most members of the structure.
const MOST: u32 = 3;

/// How many signatures there are that are not after others.
const PLAIN: u64 = 12_097;

/// How many `long` and how many `double` the signatures come after.
const BEHIND: [(usize, usize); 4] = [(0, 0), (8, 0), (0, 8), (8, 8)];

/// How many cases there are.
pub(crate) const CASES: u64 = BEHIND.len() as u64 * PLAIN;

/// The scalars that parameters and members have.
fn scalars() -> [Type; 4] {
    [Type::Int(Integer::Int), Type::Float, Type::Double, Type::void_pointer()]
}

pub(crate) fn signature(number: u64) -> Signature {
    assert!(number < CASES, "the matrix has {CASES} cases");
    let (result, params) = plain(number % PLAIN);
    let (longs, doubles) = BEHIND[(number / PLAIN) as usize];
    let prefix = [vec![Type::Int(Integer::Long); longs], vec![Type::Double; doubles]].concat();
    let params = prefix.into_iter().chain(params).map(|ty| Param { name: None, ty }).collect();
    Signature::new(result, params).expect("every type of the matrix can be passed")
}

/// Result and parameters of a signature, by its number.
fn plain(number: u64) -> (Type, Vec<Type>) {
    if number == 0 {
        return (Type::Void, Vec::new());
    }
    let (number, returning) = ((number - 1) / 2, (number - 1) % 2 == 1);
    let params = params(number as usize);
    (if returning { params[0].clone() } else { Type::Void }, params)
}

/// The parameters of the `number`th list: those without a structure first, then those with one, for each structure.
fn params(number: usize) -> Vec<Type> {
    let without = lists(4).count();
    let (kinds, structure) = match number.checked_sub(without) {
        None => (lists(4).nth(number), 0),
        Some(number) => {
            let with = || lists(5).filter(|kinds| kinds.contains(&4));
            (with().nth(number % with().count()), number / with().count())
        }
    };
    kinds.expect("the number is in range").into_iter().map(|kind| ty(kind, structure)).collect()
}

/// The type of kind number `kind`; the last kind is the structure number `structure`.
fn ty(kind: usize, structure: usize) -> Type {
    let scalars = scalars();
    scalars.get(kind).cloned().unwrap_or_else(|| {
        let kinds = lists(4).nth(structure).expect("as many structures as lists");
        let field = |(index, kind): (usize, usize)| Field::new(&format!("m{index}"), scalars[kind].clone());
        Type::Aggregate(Arc::new(Aggregate {
            kind: AggregateKind::Struct,
            tag: None,
            fields: kinds.into_iter().enumerate().map(field).collect(),
            packed: false,
            pack: None,
            align: None,
        }))
    })
}

/// Every list of one to three of `kinds` things.
fn lists(kinds: usize) -> impl Iterator<Item = Vec<usize>> {
    (1..=MOST).flat_map(move |length| {
        (0..kinds.pow(length))
            .map(move |index| (0..length).map(|digit| index / kinds.pow(digit) % kinds).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_signature_is_there_once() {
        let all = (0..CASES).map(signature).collect::<HashSet<_>>();
        assert_eq!(all.len() as u64, CASES);
    }
}
