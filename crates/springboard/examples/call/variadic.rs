//! What the arguments for `...` can be, where a declaration does not say.

use springboard::ir::{Integer, Param, Pointee, Prototype, Signature, Type};

use crate::literal::integer;

/// The declaration of a variadic function for a call with `values`, which are more than it has parameters.
pub(crate) fn called(prototype: &Prototype, values: &[String]) -> Option<Prototype> {
    let Prototype { name, signature } = prototype;
    let declared = signature.params();
    let fixed = signature.fixed().filter(|fixed| *fixed == declared.len() && values.len() > *fixed)?;
    let others = values[fixed..].iter().map(|text| Param { name: None, ty: likely(text) });
    let params = declared.iter().cloned().chain(others).collect();
    let signature = Signature::variadic(signature.result().clone(), params, fixed).ok()?;
    Some(Prototype { name: name.clone(), signature })
}

/// The type that a text is most likely to be a value of.
fn likely(text: &str) -> Type {
    let number = integer(text).map(|value| value.to_string().parse::<i128>().unwrap_or(i128::MAX));
    match number {
        Some(number) if i32::try_from(number).is_ok() => Type::Int(Integer::Int),
        Some(number) if i64::try_from(number).is_ok() => Type::Int(Integer::LongLong),
        Some(_) => Type::Int(Integer::ULongLong),
        None if text.parse::<f64>().is_ok() => Type::Double,
        None => Type::pointer_to(Pointee::Const(Type::Int(Integer::Char))),
    }
}
