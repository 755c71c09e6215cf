//! The C program around a stub.

use std::fmt::Write;

use springboard_abi::SlotForm;
use springboard_ir::{AggregateKind, DataModel, FloatFormat, Integer, LayoutError, Prototype, Scalar, Type};

/// A C file with a callee, and a function `case_<index>` that calls it through `stub_<index>`. That returns what is
/// wrong, or null.
pub(crate) fn case(
    index: usize,
    types: &str,
    prototype: &Prototype,
    attribute: &str,
    model: &DataModel,
) -> Result<String, LayoutError> {
    let signature = &prototype.signature;
    let fixed = signature.fixed().unwrap_or(signature.params().len());
    let mut file = format!(
        "#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n#include <sys/types.h>\n\
         {types}\nuint64_t next(void);\n"
    );
    let mut line = |text: String| {
        file.push_str(&text);
        file.push('\n');
    };
    let result = signature.result();
    let returns = *result != Type::Void;
    let kept = |name: &str, ty: &Type| format!("static {};", ty.declaration(name));
    for (at, param) in signature.params().iter().enumerate() {
        line(kept(&format!("sent_{at}"), &param.ty));
        line(kept(&format!("seen_{at}"), &param.ty));
    }
    if returns {
        line(kept("given", result));
        line(kept("got", result));
    }

    // The callee keeps its arguments and returns `given`.
    let mut list: Vec<String> = Vec::new();
    for (at, param) in signature.params().iter().take(fixed).enumerate() {
        list.push(param.ty.declaration(&format!("a{at}")).to_string());
    }
    if signature.fixed().is_some() {
        list.push("...".to_owned());
    }
    let list = if list.is_empty() { "void".to_owned() } else { list.join(", ") };
    line(format!(
        "{attribute} __attribute__((noinline)) static {} {{",
        result.declaration(&format!("callee({list})"))
    ));
    for at in 0..fixed {
        line(format!("    seen_{at} = a{at};"));
    }
    if fixed < signature.params().len() {
        let prefix = if attribute.is_empty() { "" } else { "__builtin_ms_" };
        line(format!("    {prefix}va_list rest;\n    {prefix}va_start(rest, a{});", fixed - 1));
        for (at, param) in signature.params().iter().enumerate().skip(fixed) {
            let ty = &param.ty;
            // GCC passes these by reference to a callee of Microsoft's convention, and forgets it in va_arg.
            let by_reference = !attribute.is_empty() && ![1, 2, 4, 8].contains(&ty.layout(model)?.size);
            let (star, pointer) = if by_reference { ("*", " *") } else { ("", "") };
            line(format!("    seen_{at} = {star}va_arg(rest, {ty}{pointer});"));
        }
        line(format!("    {prefix}va_end(rest);"));
    }
    line(if returns { "    return given;\n}".to_owned() } else { "}".to_owned() });

    // The caller. A stub returns what is a word; it stores what is not.
    let form = SlotForm::of(result, model)?;
    let stub = format!("stub_{index}(void *, uint64_t *)");
    let stored = matches!(form, SlotForm::None | SlotForm::Address(_));
    line(format!("{};", if stored { format!("void {stub}") } else { result.declaration(&stub).to_string() }));
    line(format!("const char *case_{index}(void) {{"));
    line(format!("    uint64_t slots[{}];", signature.params().len() + 1));
    for (at, param) in signature.params().iter().enumerate() {
        let name = format!("sent_{at}");
        for (path, ty) in leaves(&name, &param.ty) {
            line(format!("    {path} = {};", random(&ty)));
        }
        line(format!("    slots[{at}] = {};", slot(&name, SlotForm::of(&param.ty, model)?)));
    }
    for (path, ty) in if returns { leaves("given", result) } else { Vec::new() } {
        line(format!("    {path} = {};", random(&ty)));
    }
    if matches!(form, SlotForm::Address(_)) {
        line(format!("    slots[{}] = (uint64_t)(uintptr_t)&got;", signature.params().len()));
    }
    line(format!("    {}stub_{index}((void *)callee, slots);", if stored { "" } else { "got = " }));
    for (at, param) in signature.params().iter().enumerate() {
        let seen = leaves(&format!("seen_{at}"), &param.ty);
        for ((sent, _), (seen, _)) in leaves(&format!("sent_{at}"), &param.ty).into_iter().zip(seen) {
            line(format!("    if ({sent} != {seen}) return \"{sent} arrived as another value\";"));
        }
    }
    if returns {
        for ((given, _), (got, _)) in leaves("given", result).into_iter().zip(leaves("got", result)) {
            line(format!("    if ({given} != {got}) return \"{given} came back as another value\";"));
        }
    }
    line("    return 0;\n}".to_owned());
    Ok(file)
}

/// The C file with `main`, which prints one line a case: `ok`, or what is wrong.
pub(crate) fn main(cases: usize) -> String {
    let mut file = "#include <stdint.h>\n#include <stdio.h>\n\
         uint64_t next(void) {\n    static uint64_t state = 1;\n\
         \x20   state = state * 6364136223846793005u + 1442695040888963407u;\n\
         \x20   return state ^ state >> 29;\n}\n"
        .to_owned();
    for index in 0..cases {
        writeln!(file, "const char *case_{index}(void);").expect("a String takes all that is written");
    }
    file.push_str("int main(void) {\n    const char *wrong;\n");
    for index in 0..cases {
        writeln!(file, "    wrong = case_{index}();\n    puts(wrong ? wrong : \"ok\");\n    fflush(stdout);")
            .expect("a String takes all that is written");
    }
    file.push_str("    return 0;\n}\n");
    file
}

/// The scalars that a value of type `ty` named `path` consists of: how C names each, and its type. Of a union, the
/// first member's.
fn leaves(path: &str, ty: &Type) -> Vec<(String, Type)> {
    match ty {
        Type::Aggregate(aggregate) => {
            let fields = aggregate.fields.iter().filter(|field| field.bits.is_none() || field.name.is_some());
            let count = if aggregate.kind == AggregateKind::Union { 1 } else { usize::MAX };
            let of = |field: &springboard_ir::Field| match &field.name {
                Some(name) => leaves(&format!("{path}.{name}"), &field.ty),
                None => leaves(path, &field.ty),
            };
            fields.take(count).flat_map(of).collect()
        }
        Type::Array(array) => {
            (0..array.length).flat_map(|at| leaves(&format!("{path}[{at}]"), &array.element)).collect()
        }
        Type::Complex(complex) => {
            ["__real__", "__imag__"].map(|half| (format!("{half} {path}"), complex.part())).into()
        }
        Type::Vector(vector) => {
            let lane = vector.element.layout(&DataModel::LP64).map_or(1, |layout| layout.size);
            let lanes = 0..u64::from(vector.bytes) / lane;
            lanes.map(|at| (format!("{path}[{at}]"), (*vector.element).clone())).collect()
        }
        _ => vec![(path.to_owned(), ty.clone())],
    }
}

/// A C expression for some value of a scalar type, another one each time it is evaluated.
fn random(ty: &Type) -> String {
    match ty {
        Type::Bool => "next() >> 20 & 1".to_owned(),
        Type::Float | Type::Double | Type::LongDouble => "(int32_t)next() / 4.0f".to_owned(),
        Type::Int(Integer::Int128 | Integer::UInt128) => {
            "(unsigned __int128)next() << 64 | next()".to_owned()
        }
        Type::Pointer(_) => "(void *)(uintptr_t)next()".to_owned(),
        _ => "next()".to_owned(),
    }
}

/// A C expression for what the slot of the variable `name` holds.
fn slot(name: &str, form: SlotForm) -> String {
    match form {
        SlotForm::Word(Scalar::Float(FloatFormat::F32)) => {
            format!("({{ uint32_t bits; memcpy(&bits, &{name}, 4); bits; }})")
        }
        SlotForm::Word(Scalar::Float(_)) => {
            format!("({{ uint64_t bits; memcpy(&bits, &{name}, 8); bits; }})")
        }
        SlotForm::Word(Scalar::Int { signed: true, .. }) => format!("(uint64_t)(int64_t){name}"),
        SlotForm::Word(Scalar::Pointer) => format!("(uint64_t)(uintptr_t){name}"),
        SlotForm::Word(_) => format!("(uint64_t){name}"),
        SlotForm::None => "0".to_owned(),
        SlotForm::Address(_) => format!("(uint64_t)(uintptr_t)&{name}"),
    }
}
