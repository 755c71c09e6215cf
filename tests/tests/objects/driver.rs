//! The C program around the stubs.

use std::fmt::Write;

use springboard_abi::{Narrow, SlotForm};
use springboard_ir::{
    AggregateKind, DataModel, FloatFormat, Integer, LayoutError, Prototype, Scalar, Signature, Type,
};

/// The ways through a case's stubs: the functions `down_<index>`, `up_<index>`, `v8_<index>` and `v8_exact_<index>` take
/// one each.
pub(crate) const WAYS: [&str; 4] = ["down", "up", "v8", "v8_exact"];

/// A C file for one prototype. Its functions `down_<index>`, `up_<index>`, `v8_<index>` and `v8_exact_<index>` call through
/// the stubs `slots_<index>`, `callback_<index>`, `fast_<index>` and `exact_<index>`, and return what is wrong, or null.
pub(crate) fn case(
    index: usize,
    types: &str,
    prototype: &Prototype,
    attribute: &str,
    model: &DataModel,
) -> Result<String, LayoutError> {
    let mut driver = Driver { index, signature: &prototype.signature, attribute, model, text: String::new() };
    driver.line("#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>");
    driver.line("#include <string.h>\n#include <sys/types.h>");
    driver.line(types);
    driver.line("uint64_t next(void);\nextern char springboard_context[];");
    driver.values();
    driver.callee()?;
    driver.down()?;
    driver.handler()?;
    driver.up();
    driver.helpers();
    driver.fast(Narrow::Check)?;
    driver.fast(Narrow::Exact)?;
    Ok(driver.text)
}

/// The C file with `main`, which prints a line for each way of each case: `ok`, or what is wrong.
pub(crate) fn main(cases: usize) -> String {
    let mut file = "#include <stdint.h>\n#include <stdio.h>\n\
         uint64_t next(void) {\n    static uint64_t state = 1;\n\
         \x20   state = state * 6364136223846793005u + 1442695040888963407u;\n\
         \x20   return state ^ state >> 29;\n}\n\
         char springboard_context[1];\nstatic void (*handler)(void *, uint64_t *);\n\
         static uint64_t call_handler(void *context, void *slots, uint32_t none) {\n\
         \x20   (void)none;\n    handler(context, slots);\n    return 0;\n}\n\
         uint64_t (*helper)(void *, void *, uint32_t) = call_handler;\n\
         uint64_t springboard_helper(void *a, void *b, uint32_t c) { return helper(a, b, c); }\n"
        .to_owned();
    let mut body = "int main(void) {\n    const char *wrong;\n".to_owned();
    for index in 0..cases {
        writeln!(file, "void handler_{index}(void *, uint64_t *);")
            .expect("a String takes all that is written");
        writeln!(body, "    handler = handler_{index};\n    helper = call_handler;")
            .expect("a String takes all that is written");
        for way in WAYS {
            writeln!(file, "const char *{way}_{index}(void);").expect("a String takes all that is written");
            writeln!(
                body,
                "    wrong = {way}_{index}();\n    puts(wrong ? wrong : \"ok\");\n    fflush(stdout);"
            )
            .expect("a String takes all that is written");
        }
    }
    file + &body + "    return 0;\n}\n"
}

/// The C file for one prototype, while it is written.
pub(crate) struct Driver<'a> {
    pub(crate) index: usize,
    pub(crate) signature: &'a Signature,
    /// What GCC wants to hear of the convention, where it is not the platform's own.
    attribute: &'a str,
    pub(crate) model: &'a DataModel,
    text: String,
}

impl Driver<'_> {
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    fn returns(&self) -> bool {
        *self.signature.result() != Type::Void
    }

    fn fixed(&self) -> usize {
        self.signature.fixed().unwrap_or(self.signature.params().len())
    }

    /// Variables for each argument as it was sent and seen, and for the result as it was given and got.
    fn values(&mut self) {
        let signature = self.signature;
        for (at, param) in signature.params().iter().enumerate() {
            self.line(format!("static {};", param.ty.declaration(&format!("sent_{at}"))));
            self.line(format!("static {};", param.ty.declaration(&format!("seen_{at}"))));
        }
        if self.returns() {
            self.line(format!("static {};", signature.result().declaration("given")));
            self.line(format!("static {};", signature.result().declaration("got")));
        }
    }

    /// The declaration of a native function of the signature.
    fn native(&self, name: &str) -> String {
        let params = self.signature.params().iter().take(self.fixed()).enumerate();
        let mut list: Vec<String> =
            params.map(|(at, param)| param.ty.declaration(&format!("a{at}")).to_string()).collect();
        if self.signature.fixed().is_some() {
            list.push("...".to_owned());
        } else if list.is_empty() {
            list.push("void".to_owned());
        }
        let function =
            self.signature.result().declaration(&format!("{name}({})", list.join(", "))).to_string();
        format!("{} {function}", self.attribute)
    }

    /// The native function that `down` reaches: it keeps its arguments and returns `given`.
    fn callee(&mut self) -> Result<(), LayoutError> {
        let native = self.native("callee");
        self.line(format!("__attribute__((noinline)) static {native} {{"));
        let (signature, fixed) = (self.signature, self.fixed());
        for at in 0..fixed {
            self.line(format!("    seen_{at} = a{at};"));
        }
        if fixed < signature.params().len() {
            let prefix = if self.attribute.is_empty() { "" } else { "__builtin_ms_" };
            self.line(format!("    {prefix}va_list rest;\n    {prefix}va_start(rest, a{});", fixed - 1));
            for (at, param) in signature.params().iter().enumerate().skip(fixed) {
                let ty = &param.ty;
                // GCC passes these by reference to a callee of Microsoft's convention, and forgets it in va_arg.
                let reference =
                    !self.attribute.is_empty() && ![1, 2, 4, 8].contains(&ty.layout(self.model)?.size);
                let (star, pointer) = if reference { ("*", " *") } else { ("", "") };
                self.line(format!("    seen_{at} = {star}va_arg(rest, {ty}{pointer});"));
            }
            self.line(format!("    {prefix}va_end(rest);"));
        }
        self.line(if self.returns() { "    return given;\n}" } else { "}" });
        Ok(())
    }

    /// Fills slots and calls the stub of the `slots` entry, which returns what is a word and stores what is not.
    fn down(&mut self) -> Result<(), LayoutError> {
        let (index, signature) = (self.index, self.signature);
        let form = SlotForm::of(signature.result(), self.model)?;
        let stub = format!("slots_{index}(void *, uint64_t *)");
        let word = matches!(form, SlotForm::Word(_));
        let result = if word { signature.result() } else { &Type::Void };
        self.line(format!("{};", result.declaration(&stub)));
        self.line(format!("const char *down_{index}(void) {{"));
        self.line(format!("    uint64_t slots[{}];", signature.params().len() + 1));
        self.choose_values();
        for (at, param) in signature.params().iter().enumerate() {
            let slot = slot(&format!("sent_{at}"), SlotForm::of(&param.ty, self.model)?);
            self.line(format!("    slots[{at}] = {slot};"));
        }
        if matches!(form, SlotForm::Address(_)) {
            self.line(format!("    slots[{}] = (uint64_t)(uintptr_t)&got;", signature.params().len()));
        }
        self.line(format!("    {}slots_{index}((void *)callee, slots);", if word { "got = " } else { "" }));
        self.compare_values();
        self.line("    return 0;\n}");
        Ok(())
    }

    /// What the stub of the `callback` entry calls: it takes the arguments out of the slots, which must be canonical,
    /// and puts the result where it belongs.
    fn handler(&mut self) -> Result<(), LayoutError> {
        let signature = self.signature;
        self.line("static const char *complaint;");
        self.line(format!("void handler_{}(void *context, uint64_t *slots) {{", self.index));
        self.line("    if (context != springboard_context) complaint = \"the context is another one\";");
        for (at, param) in signature.params().iter().enumerate() {
            let name = format!("seen_{at}");
            let form = SlotForm::of(&param.ty, self.model)?;
            match form {
                SlotForm::None => {}
                SlotForm::Address(_) => {
                    self.line(format!("    memcpy(&{name}, (void *)(uintptr_t)slots[{at}], sizeof {name});"));
                }
                SlotForm::Word(Scalar::Float(format)) => {
                    let bits = if format == FloatFormat::F32 { "uint32_t" } else { "uint64_t" };
                    self.line(format!(
                        "    {{ {bits} bits = slots[{at}]; memcpy(&{name}, &bits, sizeof bits); }}"
                    ));
                }
                SlotForm::Word(Scalar::Pointer) => {
                    self.line(format!("    {name} = (void *)(uintptr_t)slots[{at}];"))
                }
                SlotForm::Word(_) => self.line(format!("    {name} = slots[{at}];")),
            }
            if matches!(form, SlotForm::Word(_)) {
                let slot = slot(&name, form);
                self.line(format!(
                    "    if (slots[{at}] != {slot}) complaint = \"slot {at} is not canonical\";"
                ));
            }
        }
        let after = signature.params().len();
        match SlotForm::of(signature.result(), self.model)? {
            SlotForm::None => {}
            SlotForm::Address(_) => {
                self.line(format!("    memcpy((void *)(uintptr_t)slots[{after}], &given, sizeof given);"));
            }
            form @ SlotForm::Word(_) => self.line(format!("    slots[{after}] = {};", slot("given", form))),
        }
        self.line("}");
        Ok(())
    }

    /// Calls the stub of the `callback` entry as the native function that it looks like.
    fn up(&mut self) {
        let index = self.index;
        let native = self.native(&format!("callback_{index}"));
        self.line(format!("{native};"));
        self.line(format!("const char *up_{index}(void) {{"));
        self.choose_values();
        let sent: Vec<String> = (0..self.signature.params().len()).map(|at| format!("sent_{at}")).collect();
        let got = if self.returns() { "got = " } else { "" };
        self.line(format!("    {got}callback_{index}({});", sent.join(", ")));
        self.line("    if (complaint) return complaint;");
        self.compare_values();
        self.line("    return 0;\n}");
    }

    pub(crate) fn choose_values(&mut self) {
        for (path, ty) in self.leaves("sent").into_iter().chain(self.result_leaves("given")) {
            self.line(format!("    {path} = {};", random(&ty)));
        }
    }

    pub(crate) fn compare_values(&mut self) {
        for ((sent, _), (seen, _)) in self.leaves("sent").into_iter().zip(self.leaves("seen")) {
            self.line(format!("    if ({sent} != {seen}) return \"{sent} arrived as another value\";"));
        }
        for ((given, _), (got, _)) in self.result_leaves("given").into_iter().zip(self.result_leaves("got")) {
            self.line(format!("    if ({given} != {got}) return \"{given} came back as another value\";"));
        }
    }

    fn leaves(&self, prefix: &str) -> Vec<(String, Type)> {
        let params = self.signature.params().iter().enumerate();
        params.flat_map(|(at, param)| leaves(&format!("{prefix}_{at}"), &param.ty)).collect()
    }

    fn result_leaves(&self, name: &str) -> Vec<(String, Type)> {
        if self.returns() { leaves(name, self.signature.result()) } else { Vec::new() }
    }
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
