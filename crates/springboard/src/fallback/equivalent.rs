//! Structures that are passed as other types are.
//!
//! libffi knows plain structures alone. For a union, a packed structure or one with bit-fields a plain structure is
//! looked for that has the same size and alignment, and that the calling convention (`springboard-abi`, whose
//! knowledge it is) puts in the same registers, as parameter and as result. A convention sees no more of an
//! aggregate than this, so calls with one are calls with the other; but libffi leaves padding behind, so the stand-in
//! has none where the type has values.

use std::sync::Arc;

use springboard_abi::{Assignment, Ineligible, Target, assign};
use springboard_ir::{
    Aggregate, AggregateKind, Array, DataModel, Field, Integer, LayoutError, Param, Signature, Type,
};

use super::types::is_plain;

/// Words up to which every mix of integers and floating point numbers is tried. No convention takes more apart.
const MOST_MIXED: u64 = 4;

/// Bytes of a type beyond which none is looked for: no stack has more.
const MOST_BYTES: u64 = 1 << 24;

/// A plain type that is passed and returned as `ty` is on `target`, where one is found.
pub(super) fn equivalent(ty: &Type, target: &Target) -> Option<Type> {
    ty.layout(&target.model).ok().filter(|layout| layout.size <= MOST_BYTES)?;
    let mut candidates = candidates(ty, target).into_iter();
    candidates.find(|candidate| passed_alike(ty, candidate, target) && covers(candidate, ty, &target.model))
}

/// Types that may do: the type itself with each union in it stood for by one of its members, the same member for all
/// by its number; a run of integers; and a few words of which each is an integer or a floating point number.
fn candidates(ty: &Type, target: &Target) -> Vec<Type> {
    let widest = widest_union(ty).max(1);
    let mut candidates: Vec<_> = (0..widest).map(|member| with_member(ty, member, target)).collect();
    if let Ok(layout) = ty.layout(&target.model) {
        let unit = match layout.align {
            1 => Integer::UInt8,
            2 => Integer::UInt16,
            4 => Integer::UInt32,
            _ => Integer::UInt64,
        };
        let unit_bytes = u64::from(unit.bytes(&target.model));
        let units = layout.size / unit_bytes;
        candidates.push(structure(vec![array(Type::Int(unit), units)]));
        let float = match unit_bytes {
            4 => Type::Float,
            _ => Type::Double,
        };
        if unit_bytes >= 4 && units <= MOST_MIXED {
            candidates.extend((1..1u32 << units).map(|floats| {
                let word = |index| if floats >> index & 1 == 1 { float.clone() } else { Type::Int(unit) };
                structure((0..units).map(word).collect())
            }));
        }
    }
    candidates.retain(|candidate| is_plain(candidate, &target.model));
    candidates
}

/// The number of members of the union in `ty` that has most.
fn widest_union(ty: &Type) -> usize {
    match ty {
        Type::Aggregate(aggregate) => {
            let own = if aggregate.kind == AggregateKind::Union { aggregate.fields.len() } else { 0 };
            aggregate.fields.iter().map(|field| widest_union(&field.ty)).fold(own, usize::max)
        }
        Type::Array(array) => widest_union(&array.element),
        _ => 0,
    }
}

/// `ty` without names, attributes and members that have no bytes; each union in it as a structure of its member
/// number `member`, followed by bytes up to its size.
fn with_member(ty: &Type, member: usize, target: &Target) -> Type {
    let size = |ty: &Type| ty.layout(&target.model).map_or(0, |layout| layout.size);
    let inner = |ty: &Type| with_member(ty, member, target);
    match ty {
        Type::Aggregate(aggregate) if aggregate.kind == AggregateKind::Struct => {
            let members = aggregate.fields.iter().filter(|field| size(&field.ty) > 0);
            structure(members.map(|field| inner(&field.ty)).collect())
        }
        Type::Aggregate(aggregate) => {
            let chosen = aggregate.fields.get(member).or(aggregate.fields.last());
            let mut members: Vec<_> = chosen.map(|field| inner(&field.ty)).into_iter().collect();
            let rest = size(ty).saturating_sub(members.iter().map(size).sum());
            if rest > 0 {
                members.push(array(Type::Int(Integer::UInt8), rest));
            }
            structure(members)
        }
        Type::Array(elements) => array(inner(&elements.element), elements.length),
        _ => ty.clone(),
    }
}

fn structure(members: Vec<Type>) -> Type {
    Type::Aggregate(Arc::new(Aggregate {
        kind: AggregateKind::Struct,
        tag: None,
        fields: members.into_iter().map(Field::unnamed).collect(),
        packed: false,
        align: None,
    }))
}

fn array(element: Type, length: u64) -> Type {
    Type::Array(Arc::new(Array { element, length }))
}

/// Whether a convention cannot tell two types apart: same size and alignment, and the same places with all
/// registers free, with one general register taken, and as a result.
fn passed_alike(a: &Type, b: &Type, target: &Target) -> bool {
    let layout = |ty: &Type| ty.layout(&target.model);
    let assigned = |result: &Type, params: &[&Type]| {
        let params = params.iter().map(|ty| Param { name: None, ty: (*ty).clone() }).collect();
        let signature = Signature::new(result.clone(), params).ok()?;
        Some(assign(&signature, target)).filter(tells)
    };
    let alike = |places: &dyn Fn(&Type) -> Option<Result<Assignment, Ineligible>>| {
        places(a).is_some() && places(a) == places(b)
    };
    let register = Type::Int(Integer::Long);
    layout(a).is_ok()
        && layout(a) == layout(b)
        && alike(&|ty| assigned(&Type::Void, &[ty]))
        && alike(&|ty| assigned(&Type::Void, &[&register, ty]))
        && alike(&|ty| assigned(ty, &[]))
}

/// Whether an answer says where the bytes are. Two refusals do: on the x87 stack, and in that many bytes of memory.
fn tells(answer: &Result<Assignment, Ineligible>) -> bool {
    matches!(answer, Ok(_) | Err(Ineligible::X87Result | Ineligible::StackArguments { .. }))
}

/// Whether `candidate` has a value in every byte in which `ty`, of the same size, has one.
fn covers(candidate: &Type, ty: &Type, model: &DataModel) -> bool {
    let values = |ty: &Type| {
        let mut bytes = vec![false; usize::try_from(ty.layout(model)?.size).expect("checked by the layout")];
        mark(ty, 0, model, &mut bytes).map(|()| bytes)
    };
    match (values(candidate), values(ty)) {
        (Ok(has), Ok(wants)) => has.iter().zip(&wants).all(|(has, wants)| *has || !wants),
        _ => false,
    }
}

/// Marks the bytes of a value of type `ty` at `start` that are not padding between members.
fn mark(ty: &Type, start: u64, model: &DataModel, bytes: &mut [bool]) -> Result<(), LayoutError> {
    match ty {
        Type::Array(array) => {
            let step = array.element.layout(model)?.size;
            let length = if step == 0 { 0 } else { array.length };
            (0..length).try_for_each(|index| mark(&array.element, start + index * step, model, bytes))
        }
        Type::Aggregate(aggregate) => {
            let offsets = aggregate.layout(model)?.bit_offsets;
            aggregate.fields.iter().zip(offsets).try_for_each(|(field, bit)| match field.bits {
                None => mark(&field.ty, start + bit / 8, model, bytes),
                Some(0) => Ok(()),
                Some(bits) => {
                    let end = (bit + u64::from(bits)).div_ceil(8);
                    bytes[(start + bit / 8) as usize..(start + end) as usize].fill(true);
                    Ok(())
                }
            })
        }
        scalar => {
            let size = scalar.layout(model)?.size;
            bytes[start as usize..(start + size) as usize].fill(true);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use springboard_ir::Prototype;
    use target_lexicon::triple;

    use super::*;

    /// What stands in for the parameter of a prototype on x86_64, without spaces.
    fn stand_in(text: &str) -> Option<String> {
        let target = Target::of(&triple!("x86_64-unknown-linux-gnu")).expect("a known target");
        let signature = Prototype::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).signature;
        let found = equivalent(&signature.params()[0].ty, &target);
        found.map(|ty| ty.to_string().split_whitespace().collect())
    }

    /// Both eightbytes are SSE, as of the first member; but libffi would move four bytes of the first.
    #[test]
    fn padding_of_the_stand_in_is_padding() {
        let text = "union u { struct { float a; double b; } c; double d; }; void f(union u)";
        assert_eq!(stand_in(text).as_deref(), Some("struct{double;double;}"));
    }

    #[test]
    fn words_are_mixed() {
        let text =
            "union u { struct { float a; long b; } c; struct { double d; char e; } f; }; void f(union u)";
        assert_eq!(stand_in(text).as_deref(), Some("struct{double;uint64_t;}"));
    }
}
