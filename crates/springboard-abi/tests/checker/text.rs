//! Signatures as C, with every aggregate written out where it stands.

use springboard_ir::{AggregateKind, Complex, Signature, Type};

pub(crate) fn signature(signature: &Signature) -> String {
    let mut params: Vec<String> = signature.params().iter().map(|param| declare(&param.ty, "")).collect();
    if let Some(fixed) = signature.fixed() {
        params.insert(fixed, "...".into());
    }
    format!("{} f({})", declare(signature.result(), ""), params.join(", "))
}

/// `name` declared with type `ty`.
fn declare(ty: &Type, name: &str) -> String {
    match ty {
        Type::Void => format!("void {name}"),
        Type::Bool => format!("_Bool {name}"),
        Type::Int(integer) => format!("{} {name}", integer.name()),
        Type::Float => format!("float {name}"),
        Type::Double => format!("double {name}"),
        Type::LongDouble => format!("long double {name}"),
        Type::Complex(Complex::Float) => format!("float _Complex {name}"),
        Type::Complex(Complex::Double) => format!("double _Complex {name}"),
        Type::Complex(Complex::LongDouble) => format!("long double _Complex {name}"),
        Type::Vector(vector) => {
            format!(
                "{} __attribute__((vector_size({}))) {name}",
                declare(&vector.element, "").trim(),
                vector.bytes
            )
        }
        Type::Pointer(_) => format!("void *{name}"),
        Type::Array(array) => declare(&array.element, &format!("{name}[{}]", array.length)),
        Type::Aggregate(aggregate) => {
            let mut attributes = String::new();
            if aggregate.packed {
                attributes += " __attribute__((packed))";
            }
            if let Some(align) = aggregate.align {
                attributes += &format!(" __attribute__((aligned({align})))");
            }
            let mut text = match aggregate.kind {
                AggregateKind::Struct => format!("struct{attributes} {{ "),
                AggregateKind::Union => format!("union{attributes} {{ "),
            };
            for field in &aggregate.fields {
                if let Some(align) = field.align {
                    text += &format!("__attribute__((aligned({align}))) ");
                }
                text += declare(&field.ty, field.name.as_deref().unwrap_or("")).trim_end();
                if let Some(bits) = field.bits {
                    text += &format!(" : {bits}");
                }
                text += "; ";
            }
            format!("{text}}} {name}")
        }
        other => format!("{other:?} {name}"),
    }
}
