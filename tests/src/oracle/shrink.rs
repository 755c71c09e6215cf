//! Simpler signatures than a given one.
//!
//! Each cut makes something strictly simpler, so that cutting ends; and the list of cuts of a signature depends on
//! nothing else, so that a case and the numbers of its cuts say the signature.

use std::sync::Arc;

use springboard_ir::{Aggregate, Array, Field, Integer, Param, Signature, Type};

/// The signatures that are one cut simpler, those that lose most first.
pub(crate) fn cuts(signature: &Signature) -> Vec<Signature> {
    let parts = Parts {
        result: signature.result().clone(),
        params: signature.params().iter().map(|param| param.ty.clone()).collect(),
        fixed: signature.fixed(),
    };
    let count = parts.params.len();
    let mut simpler = Vec::new();
    for size in [count / 2, count / 4, 1] {
        if size > 0 {
            let starts = (0..count).step_by(size);
            simpler.extend(starts.map(|start| parts.without(start, size.min(count - start))));
        }
    }
    if parts.result != Type::Void {
        simpler.push(Parts { result: Type::Void, ..parts.clone() });
    }
    if parts.fixed.is_some() {
        simpler.push(Parts { fixed: None, ..parts.clone() });
    }
    simpler.extend(types(&parts.result).into_iter().map(|result| Parts { result, ..parts.clone() }));
    for index in 0..count {
        for ty in types(&parts.params[index]) {
            let mut parts = parts.clone();
            parts.params[index] = ty;
            simpler.push(parts);
        }
    }
    simpler.into_iter().filter_map(Parts::signature).collect()
}

#[derive(Clone)]
struct Parts {
    result: Type,
    params: Vec<Type>,
    fixed: Option<usize>,
}

impl Parts {
    fn without(&self, start: usize, count: usize) -> Parts {
        let mut parts = self.clone();
        parts.params.drain(start..start + count);
        let dropped = |fixed: usize| fixed.saturating_sub(start).min(count);
        parts.fixed = self.fixed.map(|fixed| fixed - dropped(fixed));
        parts
    }

    /// `None` where C has no such function.
    fn signature(self) -> Option<Signature> {
        let Parts { result, params, fixed } = self;
        let params = params.into_iter().map(|ty| Param { name: None, ty }).collect();
        match fixed {
            None => Signature::new(result, params),
            Some(0) => return None,
            Some(fixed) => Signature::variadic(result, params, fixed),
        }
        .ok()
    }
}

/// Simpler types. `int` is the simplest, `double` the next; neither grows from anything smaller.
fn types(ty: &Type) -> Vec<Type> {
    let int = Type::Int(Integer::Int);
    match ty {
        Type::Void => Vec::new(),
        Type::Int(Integer::Int) => Vec::new(),
        Type::Double | Type::Bool | Type::Enum(_) | Type::Pointer(_) | Type::Incomplete(..) => vec![int],
        Type::Int(_) => vec![int],
        Type::Float | Type::LongDouble | Type::Complex(_) | Type::Vector(_) => vec![int, Type::Double],
        Type::Array(array) => arrays(array),
        Type::Aggregate(aggregate) => aggregates(aggregate),
    }
}

fn arrays(array: &Array) -> Vec<Type> {
    let with = |element: Type, length| Type::Array(Arc::new(Array { element, length }));
    let mut simpler = vec![array.element.clone()];
    for length in [array.length / 2, array.length.saturating_sub(1)] {
        if length > 0 && length < array.length {
            simpler.push(with(array.element.clone(), length));
        }
    }
    simpler.extend(types(&array.element).into_iter().map(|element| with(element, array.length)));
    simpler
}

fn aggregates(aggregate: &Aggregate) -> Vec<Type> {
    let mut simpler = Vec::new();
    if let [Field { ty, bits: None, .. }] = &*aggregate.fields
        && !matches!(ty, Type::Array(_))
    {
        simpler.push(ty.clone());
    }
    let mut push = |change: &dyn Fn(&mut Aggregate)| {
        let mut changed = aggregate.clone();
        change(&mut changed);
        simpler.push(Type::Aggregate(Arc::new(changed)));
    };
    for index in 0..aggregate.fields.len() {
        push(&|aggregate| {
            aggregate.fields.remove(index);
        });
    }
    if aggregate.packed {
        push(&|aggregate| aggregate.packed = false);
    }
    if aggregate.pack.is_some() {
        push(&|aggregate| aggregate.pack = None);
    }
    if aggregate.align.is_some() {
        push(&|aggregate| aggregate.align = None);
    }
    for (index, field) in aggregate.fields.iter().enumerate() {
        if field.align.is_some() {
            push(&|aggregate| aggregate.fields[index].align = None);
        }
        match field.bits {
            None => {
                // C knows no anonymous members but structures and unions.
                let possible = |ty: &Type| field.name.is_some() || matches!(ty, Type::Aggregate(_));
                for ty in types(&field.ty).into_iter().filter(possible) {
                    push(&|aggregate| aggregate.fields[index].ty = ty.clone());
                }
            }
            Some(_) if field.name.is_some() => push(&|aggregate| aggregate.fields[index].bits = None),
            Some(_) => {}
        }
    }
    simpler
}
