//! The C file of a batch.
//!
//! It defines for the case at position `n`: its types as `fn_t0`, `fn_t1` …, the result as `fn_r`; the callee `fn`;
//! the caller `void fn_call(void *callee, void *const *values)`, which writes the result to where the first pointer
//! says and reads the arguments from where the others do; and `fn_layout`, the size and alignment of each parameter's
//! type and the result's.
//!
//! Nothing is known to the compiler that is not known to the compiler of a real callee: values come from memory of
//! the oracle's, and so does the callee's address.

use std::{
    collections::HashSet,
    fmt::{self, Write as _},
};

use springboard_abi::{Convention, Target};
use springboard_ir::{Signature, Type};

use crate::oracle::{
    record::{Part, Record, is_narrow},
    suite::{Case, Source, Suite},
    value::layout_size,
};

/// What stands at the head of every file.
const PRELUDE: &str = include_str!("prelude.h");

/// The C file for `cases`, in which the case at index `n` is called `fn`.
pub fn file(suite: &Suite, cases: &[Case]) -> String {
    let mut text = String::from(PRELUDE);
    let mut enumerations = HashSet::new();
    for (position, case) in cases.iter().enumerate() {
        let signature = suite.signature(case);
        let types = signature.params().iter().map(|param| &param.ty).chain([signature.result()]);
        // Of C text all types are defined by that.
        let types = types.filter(|_| suite.source != Source::Declarations);
        types.for_each(|ty| define_enumerations(ty, &mut enumerations, &mut text));
        text.push_str(&suite.definitions(case));
        let function = Function { position, signature: &signature, target: &suite.target };
        write!(text, "\n/* case {case}: {signature} */\n{function}").expect("writing to a string");
    }
    text
}

/// Writes the definitions of enumerations that `ty` needs and `known` lacks.
fn define_enumerations(ty: &Type, known: &mut HashSet<String>, text: &mut String) {
    match ty {
        Type::Enum(enumeration) => {
            let definition = enumeration.definition().to_string();
            if !known.contains(&definition) {
                writeln!(text, "{definition}").expect("writing to a string");
                known.insert(definition);
            }
        }
        Type::Array(array) => define_enumerations(&array.element, known, text),
        Type::Aggregate(aggregate) => {
            aggregate.fields.iter().for_each(|field| define_enumerations(&field.ty, known, text));
        }
        _ => {}
    }
}

/// The C text of one case.
struct Function<'a> {
    position: usize,
    signature: &'a Signature,
    target: &'a Target,
}

impl fmt::Display for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.types(f)?;
        self.callee(f)?;
        self.caller(f)
    }
}

impl Function<'_> {
    fn types(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.position;
        for (index, param) in self.signature.params().iter().enumerate() {
            writeln!(f, "typedef {};", param.ty.declaration(&format!("f{n}_t{index}")))?;
        }
        writeln!(f, "typedef {};", self.signature.result().declaration(&format!("f{n}_r")))?;
        write!(f, "const size_t f{n}_layout[] = {{")?;
        for index in 0..self.signature.params().len() {
            write!(f, " sizeof(f{n}_t{index}), _Alignof(f{n}_t{index}),")?;
        }
        match self.signature.result() {
            Type::Void => writeln!(f, " 0, 1 }};"),
            _ => writeln!(f, " sizeof(f{n}_r), _Alignof(f{n}_r) }};"),
        }
    }

    /// The attribute of functions and their types, and the prefix of what handles variadic arguments, for a
    /// convention that is not the platform's own.
    fn convention(&self) -> (&'static str, &'static str) {
        match (self.target.convention, self.target.caller) {
            (Convention::Win64, Convention::Sysv64) => ("__attribute__((ms_abi))", "__builtin_ms_"),
            (own, platform) => {
                assert_eq!(own, platform, "C has an attribute for this convention");
                ("", "")
            }
        }
    }

    fn callee(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.position;
        let model = &self.target.model;
        let params = self.signature.params();
        let fixed = self.signature.fixed().unwrap_or(params.len());
        let (attribute, variadic) = self.convention();
        write!(f, "OPAQUE {attribute} f{n}_r f{n}(")?;
        self.list(f, |index| format!("f{n}_t{index} a{index}"))?;
        writeln!(f, ")\n{{\n  unsigned char *record = enter(__builtin_frame_address(0));")?;
        if self.signature.fixed().is_some() {
            writeln!(f, "  {variadic}va_list rest;\n  {variadic}va_start(rest, a{});", fixed - 1)?;
        }
        let record = Record::of(self.signature, model);
        for (index, Part { at, widened }) in record.params.into_iter().enumerate() {
            if index >= fixed {
                let size = layout_size(&params[index].ty, model);
                let foreign = self.target.convention != self.target.caller;
                let by_value = matches!(size, 1 | 2 | 4 | 8) && !is_one_double(&params[index].ty);
                let macro_name = if foreign && !by_value { "va_arg_by_reference" } else { "va_arg" };
                // `wchar_t` on Windows.
                let is_promoted = matches!(params[index].ty, Type::Int(_)) && size < 4;
                let passed = if is_promoted { "int".into() } else { format!("f{n}_t{index}") };
                writeln!(f, "  f{n}_t{index} a{index} = {macro_name}(rest, {passed});")?;
            }
            writeln!(f, "  memcpy(record + {at}, &a{index}, sizeof a{index});")?;
            if let Some(widened) = widened {
                writeln!(f, "  widened(record + {widened}, (long long)a{index});")?;
            }
        }
        if self.signature.fixed().is_some() {
            writeln!(f, "  {variadic}va_end(rest);")?;
        }
        for (index, param) in params.iter().enumerate() {
            // A callee owns what it was passed, and may write to it.
            if let Type::Aggregate(_) = param.ty {
                writeln!(f, "  scribble(&a{index}, sizeof a{index});")?;
            }
        }
        match self.signature.result() {
            Type::Void => {}
            // From a whole word, so that what the register holds above the value is not zero by chance.
            ty @ (Type::Int(_) | Type::Enum(_)) if is_narrow(ty, model) => {
                writeln!(f, "  return (f{n}_r)*(volatile const uint64_t *)oracle_reply;")?;
            }
            _ => {
                writeln!(f, "  f{n}_r r;\n  memcpy(&r, oracle_reply, sizeof r);\n  return r;")?;
            }
        }
        writeln!(f, "}}")
    }

    fn caller(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.position;
        writeln!(f, "void f{n}_call(void *address, void *const *values)\n{{")?;
        write!(f, "  f{n}_r ({} *callee)(", self.convention().0)?;
        self.list(f, |index| format!("f{n}_t{index}"))?;
        writeln!(f, ") = address;")?;
        let count = self.signature.params().len();
        for index in 0..count {
            writeln!(
                f,
                "  f{n}_t{index} a{index};\n  memcpy(&a{index}, values[{}], sizeof a{index});",
                index + 1
            )?;
        }
        let arguments = (0..count).map(|index| format!("a{index}")).collect::<Vec<_>>().join(", ");
        match self.signature.result() {
            Type::Void => writeln!(f, "  callee({arguments});\n}}"),
            _ => writeln!(f, "  f{n}_r r = callee({arguments});\n  memcpy(values[0], &r, sizeof r);\n}}"),
        }
    }

    /// A parameter list of declared parameters.
    fn list(&self, f: &mut fmt::Formatter<'_>, declare: impl Fn(usize) -> String) -> fmt::Result {
        let count = self.signature.params().len();
        let declared = (0..self.signature.fixed().unwrap_or(count)).map(declare);
        let variadic = self.signature.fixed().map(|_| String::from("..."));
        let list = declared.chain(variadic).collect::<Vec<_>>().join(", ");
        f.write_str(if list.is_empty() { "void" } else { &list })
    }
}

/// Whether a type is a vector of one `double`, the only one of 8 bytes that Windows has passed by reference.
fn is_one_double(ty: &Type) -> bool {
    matches!(ty, Type::Vector(vector) if vector.bytes == 8 && *vector.element == Type::Double)
}
