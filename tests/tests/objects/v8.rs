//! Calls as V8 makes them, in C.

use springboard_abi::SlotForm;
use springboard_ir::{LayoutError, Scalar, Type};

use crate::driver::Driver;

/// What the holes of the stubs refer to, and goes into `main.c`. All stubs share one target, which jumps on to the
/// case's own: without a change to any register that arguments may be in.
pub(crate) const TARGET: &str = r#"
void *v8_target;
char springboard_guard;
void *closed_options;
void springboard_closed(void *context, void *options) {
    closed_options = context == springboard_context ? options : 0;
}
const char *range_complaint;
void springboard_range(void *context, uint64_t index, int64_t value, void *options) {
    (void)context, (void)index, (void)value, (void)options;
    range_complaint = "a value in range is said to be out of it";
}
__asm__(".text\n.globl springboard_target\n.type springboard_target, %function\nspringboard_target:\n"
#if defined(__x86_64__)
        "movq v8_target(%rip), %r11\njmp *%r11\n"
#elif defined(__aarch64__)
        "adrp x16, v8_target\nldr x16, [x16, :lo12:v8_target]\nbr x16\n"
#elif defined(__riscv)
        "ld t1, v8_target\njr t1\n"
#elif defined(__s390x__)
        "larl %r1, v8_target\nlg %r1, 0(%r1)\nbr %r1\n"
#else
#error "no way to jump is known for this CPU"
#endif
);
"#;

impl Driver<'_> {
    /// Calls the stub of the `v8` entry: once, and once more with the library closed.
    pub(crate) fn fast(&mut self) -> Result<(), LayoutError> {
        let (index, signature) = (self.index, self.signature);
        let mut types = vec!["void *".to_owned()];
        let mut values = vec!["&receiver".to_owned()];
        for (at, param) in signature.params().iter().enumerate() {
            let sent = format!("sent_{at}");
            let (ty, value) = match SlotForm::of(&param.ty, self.model)? {
                SlotForm::Word(Scalar::Float(_)) => (param.ty.to_string(), sent),
                // What is above 32 bits is whatever V8 had there.
                SlotForm::Word(Scalar::Bool | Scalar::Int { bytes: 1..=4, .. }) => {
                    ("uint64_t".to_owned(), format!("(uint32_t){sent} | 0xdeadbeef00000000u"))
                }
                SlotForm::Word(_) if param.ty == Type::void_pointer() => {
                    ("uint64_t".to_owned(), format!("~(uint64_t)(uintptr_t){sent}"))
                }
                SlotForm::Word(Scalar::Pointer) => {
                    ("uint64_t".to_owned(), format!("(uint64_t)(uintptr_t){sent}"))
                }
                SlotForm::Word(_) => ("uint64_t".to_owned(), sent),
                SlotForm::Address(_) | SlotForm::None => {
                    ("uint64_t".to_owned(), format!("(uint64_t)(uintptr_t)&{sent}"))
                }
            };
            types.push(ty);
            values.push(value);
        }
        // V8 looks at 32 bits of a narrow integer.
        let result = match SlotForm::of(signature.result(), self.model)? {
            SlotForm::None => "void".to_owned(),
            SlotForm::Address(_) => {
                types.push("uint64_t".to_owned());
                values.push("(uint64_t)(uintptr_t)&got".to_owned());
                "void".to_owned()
            }
            SlotForm::Word(Scalar::Int { bytes: 1 | 2, signed: true }) => "int32_t".to_owned(),
            SlotForm::Word(Scalar::Bool | Scalar::Int { bytes: 1 | 2, .. }) => "uint32_t".to_owned(),
            SlotForm::Word(Scalar::Pointer) => "uint64_t".to_owned(),
            SlotForm::Word(_) => signature.result().to_string(),
        };
        types.push("void *".to_owned());
        values.push("&options".to_owned());
        let call = format!("fast_{index}({})", values.join(", "));
        self.line("extern void *v8_target, *closed_options;\nextern char springboard_guard;");
        self.line("extern const char *range_complaint;");
        self.line("extern uint64_t (*helper)(void *, void *, uint32_t);");
        self.line("static char receiver, options;\nstatic const char *buffer_complaint;");
        self.line(
            "static __attribute__((unused)) uint64_t unwrap(void *value, void *given, uint32_t index) {",
        );
        self.line("    if (given != &options) buffer_complaint = \"the helper gets other options\";");
        self.line("    (void)index;\n    return ~(uint64_t)(uintptr_t)value;\n}");
        self.line(format!("{result} fast_{index}({});", types.join(", ")));
        self.line(format!("const char *v8_{index}(void) {{"));
        self.line("    v8_target = (void *)callee;\n    helper = unwrap;\n    springboard_guard = 0;");
        self.choose_values();
        if result == "void" {
            self.line(format!("    {call};"));
        } else {
            self.line(format!("    {result} word = {call};"));
            let pointer = if result == "uint64_t" && matches!(signature.result(), Type::Pointer(_)) {
                "(void *)(uintptr_t)"
            } else {
                ""
            };
            self.line(format!("    got = {pointer}word;"));
            if pointer.is_empty() {
                self.line("    if (word != got) return \"the result is not extended to 32 bits\";");
            }
        }
        self.line("    if (range_complaint) return range_complaint;");
        self.line("    if (buffer_complaint) return buffer_complaint;");
        self.compare_values();
        self.line("    springboard_guard = 1;\n    closed_options = 0;");
        if result == "void" {
            self.line(format!("    {call};"));
        } else {
            // The zero that a stub returns there is that of a `double`, and no boxed `float`.
            let boxed = *signature.result() == Type::Float;
            self.line(if boxed { "#ifdef __riscv" } else { "#if 0" });
            self.line(format!("    {call};\n#else"));
            self.line(format!("    if ({call} != 0) return \"a closed library returns something\";\n#endif"));
        }
        self.line(
            "    if (closed_options != &options) return \"the library is closed, and nobody was told\";",
        );
        self.line("    return 0;\n}");
        Ok(())
    }
}
