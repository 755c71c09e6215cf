//! Structures that are passed as other types are.
//!
//! libffi knows plain structures alone. For a union, a packed structure or one with bit-fields a plain structure is
//! looked for that has the same size and alignment, and that the calling convention (`springboard-abi`, whose
//! knowledge it is) puts in the same registers, as parameter and as result. A convention sees no more of an
//! aggregate than this, so calls with one are calls with the other; but libffi leaves padding behind, so the stand-in
//! has none where the type has values.

use std::sync::Arc;

use springboard_abi::{Target, passed_alike};
use springboard_ir::{
    Aggregate, AggregateKind, Array, DataModel, Declared, Field, Integer, LayoutError, Scalar, Type,
};

/// Words up to which every mix of integers and floating point numbers is tried. No convention takes more apart.
const MOST_MIXED: u64 = 4;

/// Bytes of a type beyond which none is looked for: no stack has more.
const MOST_BYTES: u64 = 1 << 24;

/// Whether libffi lays out and passes a type as the conventions of C do: it knows structures whose members follow
/// each other as each is aligned, and all have bytes.
pub(super) fn is_plain(ty: &Type, model: &DataModel, target: Option<&Target>) -> bool {
    let has_bytes = ty.layout(model).is_ok_and(|layout| layout.size > 0);
    has_bytes
        && match ty {
            Type::Aggregate(aggregate) => {
                let Aggregate { kind, tag: _, fields, packed, align, pack } = &**aggregate;
                let plain = |field: &Field| {
                    let Field { ty, bits: None, align: None, declared, .. } = field else { return false };
                    *declared == Declared::default() && is_plain(ty, model, target)
                };
                *kind == AggregateKind::Struct
                    && !packed
                    && align.is_none()
                    && pack.is_none()
                    && fields.iter().all(plain)
                    && target.is_none_or(|target| may_be_flattened(ty, fields, target))
            }
            Type::Array(array) => is_plain(&array.element, model, target),
            _ => true,
        }
}

/// Whether a structure may be described with the elements of its arrays, because libffi knows no arrays. An array of
/// one element as the only member matters on s390x, where a structure of one `float` is passed as a `float`.
fn may_be_flattened(ty: &Type, fields: &[Field], target: &Target) -> bool {
    match fields {
        [Field { ty: Type::Array(array), .. }] if array.length == 1 => {
            passed_alike(ty, &structure(vec![array.element.clone()]), target)
        }
        _ => true,
    }
}

/// The floating point number that is all of a structure, where the structure is passed as the number is.
///
/// libffi has the number right where it has the structure wrong: one of a `long double` of the x87 unit comes back on
/// that unit's stack, and on RISC-V no structure goes into a ninth floating point register.
pub(super) fn sole_number<'a>(ty: &'a Type, target: &Target) -> Option<&'a Type> {
    let sole = sole_member(ty);
    let is_number = matches!(sole.scalar(&target.model), Some(Scalar::Float(_)));
    (is_number && passed_alike(ty, sole, target)).then_some(sole)
}

/// The innermost of structures and arrays that have one member each.
fn sole_member(ty: &Type) -> &Type {
    match ty {
        Type::Array(array) if array.length == 1 => sole_member(&array.element),
        Type::Aggregate(aggregate) => match &*aggregate.fields {
            [field] => sole_member(&field.ty),
            _ => ty,
        },
        _ => ty,
    }
}

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
    candidates.retain(|candidate| is_plain(candidate, &target.model, Some(target)));
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
        pack: None,
    }))
}

fn array(element: Type, length: u64) -> Type {
    Type::Array(Arc::new(Array { element, length }))
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

    /// What each convention says is asked of it, on whatever machine this runs.
    #[test]
    fn structures_of_one_number() {
        let cases = [
            ("riscv64gc-unknown-linux-gnu", "struct { struct { float f[1]; } s; }", true, Some("float")),
            ("riscv64gc-unknown-linux-gnu", "struct { float f, g; }", true, None),
            ("x86_64-unknown-linux-gnu", "struct { long double d; }", true, Some("long double")),
            ("x86_64-unknown-linux-gnu", "struct { float f[1]; }", true, Some("float")),
            ("x86_64-pc-windows-gnu", "struct { float f; }", true, None),
            ("s390x-unknown-linux-gnu", "struct { float f; }", true, None),
            ("s390x-unknown-linux-gnu", "struct { float f[1]; }", false, None),
            ("s390x-unknown-linux-gnu", "struct { float f[2]; }", true, None),
        ];
        for (triple, text, plain, number) in cases {
            let target = Target::of(&triple.parse().expect("a triple")).expect("a known target");
            let prototype = Prototype::parse(&format!("void f({text} s)"));
            let signature = prototype.unwrap_or_else(|error| panic!("{text}: {error}")).signature;
            let ty = &signature.params()[0].ty;
            assert_eq!(is_plain(ty, &target.model, Some(&target)), plain, "{text} on {triple}");
            let found = sole_number(ty, &target).map(ToString::to_string);
            assert_eq!(found.as_deref(), number, "{text} on {triple}");
        }
    }

    #[test]
    fn words_are_mixed() {
        let text =
            "union u { struct { float a; long b; } c; struct { double d; char e; } f; }; void f(union u)";
        assert_eq!(stand_in(text).as_deref(), Some("struct{double;uint64_t;}"));
    }
}
