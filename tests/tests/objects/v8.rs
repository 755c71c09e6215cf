//! Calls as V8 makes them, in C: those that arrive, and those that a stub refuses.

use springboard_abi::{Narrow, SlotForm};
use springboard_ir::{DataModel, LayoutError, Scalar, Signature, Type};

use crate::driver::Driver;

/// What the holes of the stubs refer to, and goes into `main.c`. All stubs share one target, which jumps on to the
/// case's own: without a change to any register that arguments may be in.
pub(crate) const TARGET: &str = r#"
void *stub_target;
void *closed_options;
static void closed(void *context, void *options) {
    closed_options = context == springboard_context ? options : 0;
}
struct { char closed; void (*helper)(void *, void *); } springboard_guard = {0, closed};
uint64_t range_told;
int64_t range_value;
void springboard_range(void *context, uint64_t index, int64_t value, void *options) {
    range_told = context == springboard_context && options ? index + 1 : UINT64_MAX;
    range_value = value;
}
int went_astray;
void astray(void) { went_astray = 1; }
"#;

/// The one native function that stubs in objects know: a jump to where `stub_target` says.
pub(crate) const JUMP: &str = r#"
__asm__(".text\n.globl springboard_target\n.type springboard_target, %function\nspringboard_target:\n"
#if defined(__x86_64__)
        "movq stub_target(%rip), %r11\njmp *%r11\n"
#elif defined(__aarch64__)
        "adrp x16, stub_target\nldr x16, [x16, :lo12:stub_target]\nbr x16\n"
#elif defined(__riscv)
        "ld t1, stub_target\njr t1\n"
#elif defined(__s390x__)
        "larl %r1, stub_target\nlg %r1, 0(%r1)\nbr %r1\n"
#else
#error "no way to jump is known for this CPU"
#endif
);
"#;

/// A 32-bit value that fits no narrower integer, with something above it that is nobody's.
const TOO_WIDE: &str = "0xdeadbeef12345678u";

/// Doubles that are integers of no type of at most 32 bits, and their bits.
const NOT_EXACT: [(&str, &str); 5] = [
    ("0.5", "0x3fe0000000000000"),
    ("4294967296.0", "0x41f0000000000000"),
    ("-2147483649.0", "(int64_t)0xc1e0000000200000u"),
    ("1e300", "0x7e37e43c8800759c"),
    ("__builtin_inf()", "0x7ff0000000000000"),
];

/// The C type of a stub of the `v8` entry, and what it is called with.
struct Fast {
    types: Vec<String>,
    values: Vec<String>,
    result: String,
    /// Which of the values are integers that are checked, and which are buffers.
    checked: Vec<usize>,
    buffers: Vec<usize>,
    narrow: Narrow,
}

impl Fast {
    fn of(signature: &Signature, model: &DataModel, narrow: Narrow) -> Result<Fast, LayoutError> {
        let mut fast = Fast {
            types: vec!["void *".to_owned()],
            values: vec!["&receiver".to_owned()],
            result: String::new(),
            checked: Vec::new(),
            buffers: Vec::new(),
            narrow,
        };
        for (at, param) in signature.params().iter().enumerate() {
            let sent = format!("sent_{at}");
            let position = fast.values.len();
            let (ty, value) = match SlotForm::of(&param.ty, model)? {
                SlotForm::Word(Scalar::Float(_)) => (param.ty.to_string(), sent),
                SlotForm::Word(Scalar::Int { bytes: 1..=4, .. }) if narrow == Narrow::Exact => {
                    fast.checked.push(position);
                    ("double".to_owned(), sent)
                }
                // What is above 32 bits is whatever V8 had there.
                SlotForm::Word(scalar @ (Scalar::Bool | Scalar::Int { bytes: 1..=4, .. })) => {
                    if scalar.bytes(model) < 4 && narrow == Narrow::Check {
                        fast.checked.push(position);
                    }
                    ("uint64_t".to_owned(), format!("(uint32_t){sent} | 0xdeadbeef00000000u"))
                }
                SlotForm::Word(_) if param.ty == Type::void_pointer() => {
                    fast.buffers.push(position);
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
            fast.types.push(ty);
            fast.values.push(value);
        }
        // V8 looks at 32 bits of a narrow integer.
        fast.result = match SlotForm::of(signature.result(), model)? {
            SlotForm::None => "void".to_owned(),
            SlotForm::Address(_) => {
                fast.types.push("uint64_t".to_owned());
                fast.values.push("(uint64_t)(uintptr_t)&got".to_owned());
                "void".to_owned()
            }
            SlotForm::Word(Scalar::Int { bytes: 1 | 2, signed: true }) => "int32_t".to_owned(),
            SlotForm::Word(Scalar::Bool | Scalar::Int { bytes: 1 | 2, .. }) => "uint32_t".to_owned(),
            SlotForm::Word(Scalar::Pointer) => "uint64_t".to_owned(),
            SlotForm::Word(_) => signature.result().to_string(),
        };
        fast.types.push("void *".to_owned());
        fast.values.push("&options".to_owned());
        Ok(fast)
    }

    /// The call, with one of its values replaced by another.
    fn call(&self, index: usize, replaced: Option<(usize, &str)>) -> String {
        let value = |(position, value)| match replaced {
            Some((at, other)) if at == position => other,
            _ => value,
        };
        let values: Vec<&str> = self.values.iter().map(String::as_str).enumerate().map(value).collect();
        format!("{}_{index}({})", self.stub(), values.join(", "))
    }

    /// What its stub's name begins with.
    fn stub(&self) -> &'static str {
        if self.narrow == Narrow::Exact { "exact" } else { "fast" }
    }
}

impl Driver<'_> {
    /// What stubs of the `v8` entry call.
    pub(crate) fn helpers(&mut self) {
        self.line(
            "extern void *stub_target, *closed_options;\nextern struct { char closed; } springboard_guard;",
        );
        self.line("extern uint64_t range_told;\nextern int64_t range_value;");
        self.line("extern int went_astray;\nvoid astray(void);");
        self.line("extern uint64_t (*helper)(void *, void *, uint32_t);");
        self.line("static char receiver, options;\nstatic const char *buffer_complaint;");
        self.line("static __attribute__((unused)) uint32_t refused = UINT32_MAX;");
        self.line(
            "static __attribute__((unused)) uint64_t unwrap(void *value, void *given, uint32_t index) {",
        );
        self.line("    if (given != &options) buffer_complaint = \"the helper gets other options\";");
        self.line("    return index == refused ? UINT64_MAX : ~(uint64_t)(uintptr_t)value;\n}");
    }

    /// Calls a stub of the `v8` entry: once with everything in order, then with each thing that it refuses.
    pub(crate) fn fast(&mut self, narrow: Narrow) -> Result<(), LayoutError> {
        let (index, signature) = (self.index, self.signature);
        let fast = Fast::of(signature, self.model, narrow)?;
        let (result, call) = (&fast.result, fast.call(index, None));
        self.line(format!("{result} {}_{index}({});", fast.stub(), fast.types.join(", ")));
        let way = if narrow == Narrow::Exact { "v8_exact" } else { "v8" };
        self.line(format!("const char *{way}_{index}(void) {{"));
        self.line(
            "    stub_target = (void *)callee;\n    helper = unwrap;\n    springboard_guard.closed = 0;",
        );
        self.line("    range_told = 0;");
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
        self.line("    if (range_told) return \"a value in range is said to be out of it\";");
        self.line("    if (buffer_complaint) return buffer_complaint;");
        self.compare_values();
        self.refusals(&fast);
        self.line("    return 0;\n}");
        Ok(())
    }

    /// Each check of the stub says no: the host is told, the function is not reached, and the result is zero.
    fn refusals(&mut self, fast: &Fast) {
        let index = self.index;
        self.line("    stub_target = (void *)astray;");
        for position in &fast.buffers {
            self.line(format!("    refused = {};", position - 1));
            self.refused(fast, &fast.call(index, None), "a call without a buffer");
        }
        self.line("    refused = UINT32_MAX;");
        // And what the host is told of it: 32 bits, or a double's.
        let values = match fast.narrow {
            Narrow::Exact => &NOT_EXACT[..],
            _ => &[(TOO_WIDE, "0x12345678")],
        };
        for position in &fast.checked {
            for (value, told) in values {
                self.line("    range_told = 0;");
                let call = fast.call(index, Some((*position, value)));
                self.refused(fast, &call, "a call with a value out of range");
                self.line(format!(
                    "    if (range_told != {position} || range_value != {told})\n\
                     \x20       return \"a value is out of range, and nobody was told\";"
                ));
            }
        }
        self.line("    springboard_guard.closed = 1;\n    closed_options = 0;");
        self.refused(fast, &fast.call(index, None), "a closed library");
        self.line(
            "    if (closed_options != &options) return \"the library is closed, and nobody was told\";",
        );
        self.line("    if (went_astray) return \"a refused call reaches the function\";");
    }

    fn refused(&mut self, fast: &Fast, call: &str, what: &str) {
        self.line(if fast.result == "void" {
            format!("    {call};")
        } else {
            format!("    if ({call} != 0) return \"{what} returns something\";")
        });
    }
}
