//! The calls, as C.

use std::fmt::Write;

use springboard_abi::{Operand, Place};
use springboard_ir::{Definitions, Param, Prototype, Signature, Type};

use crate::Case;

/// A C file with `main`, which makes one call per case.
pub(crate) fn file(cases: &[Case], attribute: &str) -> String {
    let mut definitions = Vec::new();
    let mut text = "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n#include <sys/types.h>\n\
         #include <wchar.h>\n#include \"callee.h\"\n"
        .to_owned();
    for case in cases {
        // Tags are unique within a case: each gets a scope of its own.
        let mut own = Definitions::default();
        for param in case.signature.params() {
            own.add_type(&param.ty).expect("every name is used once");
        }
        own.add_type(case.signature.result()).expect("every name is used once");
        definitions.push(own);
    }
    for (index, (case, definitions)) in cases.iter().zip(&definitions).enumerate() {
        writeln!(text, "static void case_{index}(void) {{\n{definitions}").expect(TAKES_ALL);
        let prototype =
            Prototype { name: Some(format!("keep_{index}")), signature: declared(&case.signature) };
        writeln!(text, "extern {attribute} {prototype} __asm__(\"keep\");").expect(TAKES_ALL);
        let mut arguments = Vec::new();
        for (number, (param, bytes)) in case.signature.params().iter().zip(&case.values).enumerate() {
            let name = format!("a{number}");
            writeln!(text, "static {};", param.ty.declaration(&name)).expect(TAKES_ALL);
            if !bytes.is_empty() {
                let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
                writeln!(text, "memcpy(&{name}, (unsigned char[]){{{}}}, sizeof {name});", bytes.join(","))
                    .expect(TAKES_ALL);
            }
            arguments.push(name);
        }
        writeln!(text, "static const struct reference references[] = {{{}}};", references(case))
            .expect(TAKES_ALL);
        writeln!(
            text,
            "begin({}, references, sizeof references / sizeof *references);",
            case.plan.stack_bytes
        )
        .expect(TAKES_ALL);
        let keep = if *case.signature.result() == Type::Void { "" } else { "(void)" };
        writeln!(text, "{keep}keep_{index}({});\n}}", arguments.join(", ")).expect(TAKES_ALL);
    }
    text.push_str("int main(void) {\n");
    for index in 0..cases.len() {
        writeln!(text, "case_{index}();").expect(TAKES_ALL);
    }
    text.push_str("return 0;\n}\n");
    text
}

const TAKES_ALL: &str = "a String takes all that is written";

/// The signature as it is declared: without what is passed for `...`.
fn declared(signature: &Signature) -> Signature {
    let Some(fixed) = signature.fixed() else { return signature.clone() };
    let params: Vec<Param> = signature.params()[..fixed].to_vec();
    Signature::variadic(signature.result().clone(), params, fixed).expect("it is a part of a valid one")
}

/// Where the plan has addresses of copies, and how many bytes each copy has, in the order of the moves.
fn references(case: &Case) -> String {
    let mut list = String::new();
    for step in &case.plan.moves {
        let Operand::Temporary { index } = step.operand else { continue };
        let bytes = case.plan.temporaries[usize::from(index)].bytes;
        match step.place {
            Place::Gpr { reg, .. } => write!(list, "{{0, {reg}, {bytes}}},"),
            Place::Stack { offset } => write!(list, "{{1, {offset}, {bytes}}},"),
            Place::Vec { .. } => unreachable!("an address is in no vector register"),
        }
        .expect(TAKES_ALL);
    }
    list
}
