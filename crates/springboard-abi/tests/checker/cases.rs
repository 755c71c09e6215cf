//! Traps, each with its source: where planners, documents and compilers have been found to differ. A case gives a
//! prototype and some lines of its right plan. The checker has to accept the plan, and the plan to have the lines.

use springboard_abi::{Entry, check, plan};
use springboard_ir::{Compiler, Prototype};

struct Case {
    /// The triple whose own convention is meant.
    triple: &'static str,
    text: &'static str,
    lines: &'static [&'static str],
}

const X86_64: &str = "x86_64-unknown-linux-gnu";
const WINDOWS: &str = "x86_64-pc-windows-gnu";
const AARCH64: &str = "aarch64-unknown-linux-gnu";
const APPLE: &str = "aarch64-apple-darwin";
const RISCV64: &str = "riscv64gc-unknown-linux-gnu";
const S390X: &str = "s390x-unknown-linux-gnu";

const CASES: &[Case] = &[
    // GCC 12 and Clang 16: a vector of one double has class MEMORY.
    Case {
        triple: X86_64,
        text: "void f(double __attribute__((vector_size(8))))",
        lines: &["stack+0 <- [slot 0][0..8]"],
    },
    // GCC 12; Clang 16 gives the eightbyte no class. The psABI is silent on unnamed bit-fields.
    Case {
        triple: X86_64,
        text: "struct s { float a; int : 32; }; void f(struct s)",
        lines: &["rdi <- [slot 0][0..8]"],
    },
    // psABI 3.2.3, merging by rules (d) and (f), then cleanup 5(d).
    Case {
        triple: X86_64,
        text: "union u { float __attribute__((vector_size(16))) v; double d[2]; }; void f(union u)",
        lines: &["xmm0 <- [slot 0][0..8]", "xmm1 <- [slot 0][8..16]"],
    },
    // psABI 3.2.3: both eightbytes or neither. A defect of libffi 3.4.4.
    Case {
        triple: X86_64,
        text: "struct s { long a; double b; }; void f(long, long, long, long, long, long, struct s, double)",
        lines: &["stack+0 <- [slot 6][0..8]", "stack+8 <- [slot 6][8..16]", "xmm0 <- slot 7"],
    },
    // GCC 12 and its build for Windows: by reference, where the document has no such type.
    Case {
        triple: WINDOWS,
        text: "void f(double __attribute__((vector_size(8))))",
        lines: &["rcx <- address of copy0"],
    },
    // GCC 12 and its build for Windows pass the address of an argument without size, and none for such a result.
    Case {
        triple: WINDOWS,
        text: "struct e { }; struct e f(struct e, int)",
        lines: &["rcx <- address of copy0", "rdx <- slot 1"],
    },
    // GCC 12 and Clang 16: an array without elements is not a member of a homogeneous aggregate.
    Case {
        triple: AARCH64,
        text: "struct s { float a; float z[0]; }; void f(struct s)",
        lines: &["x0[0..4] <- [slot 0][0..4]"],
    },
    // AAPCS64 5.9: the alignment of the whole does not count, that of a member does.
    Case {
        triple: AARCH64,
        text: "struct __attribute__((aligned(16))) s { long a; }; void f(int, struct s)",
        lines: &["x1 <- [slot 1][0..8]"],
    },
    Case {
        triple: AARCH64,
        text: "struct s { _Alignas(16) long a; }; void f(int, struct s)",
        lines: &["x2 <- [slot 1][0..8]"],
    },
    // Apple's document: 16-byte alignment wants no even register.
    Case {
        triple: APPLE,
        text: "void f(int, __int128)",
        lines: &["x1 <- [slot 1][0..8]", "x2 <- [slot 1][8..16]"],
    },
    // GCC 12 and Clang 16: an address is not an integer beside a float.
    Case {
        triple: RISCV64,
        text: "struct s { double a; void *b; }; void f(struct s)",
        lines: &["a0 <- [slot 0][0..8]", "a1 <- [slot 0][8..16]"],
    },
    // psABI: empty unions are ignored while flattening.
    Case {
        triple: RISCV64,
        text: "union e { }; struct s { float a; union e b; }; void f(struct s)",
        lines: &["fa0[0..4] <- [slot 0][0..4]"],
    },
    // psABI: half in the last register, half on the stack.
    Case {
        triple: RISCV64,
        text: "void f(long, long, long, long, long, long, long, __int128)",
        lines: &["a7 <- [slot 7][0..8]", "stack+0 <- [slot 7][8..16]"],
    },
    // psABI: unsigned 32-bit integers are sign-extended.
    Case { triple: RISCV64, text: "void f(unsigned)", lines: &["a0[0..4] <- slot 0[0..4] sign-extended"] },
    // GCC 12, and Clang says so in a comment: a float in 8 bytes is passed as a double.
    Case {
        triple: S390X,
        text: "struct __attribute__((aligned(8))) s { float a; }; void f(struct s)",
        lines: &["f0 <- [slot 0][0..8]"],
    },
    // GCC 12: an array of one float is no float. libffi, which knows no arrays, passes it as one.
    Case {
        triple: S390X,
        text: "struct s { double a[1]; }; void f(struct s)",
        lines: &["r2 <- [slot 0][0..8]"],
    },
    // psABI: without a float register left, a structure of one is passed as an integer. A defect of libffi, which
    // takes a ninth.
    Case {
        triple: RISCV64,
        text: "struct s { double a; }; void f(double, double, double, double, double, double, double, double, struct s)",
        lines: &["a0 <- [slot 8][0..8]"],
    },
    // psABI 3.2.3: the class of the first eightbyte is that of both members, and so are its bytes. libffi, told of the
    // first member alone, leaves four behind.
    Case {
        triple: X86_64,
        text: "union u { struct { float a; double b; } c; double d; }; void f(union u)",
        lines: &["xmm0 <- [slot 0][0..8]", "xmm1 <- [slot 0][8..16]"],
    },
    // GCC 12: an argument without size is passed by reference.
    Case { triple: S390X, text: "struct e { }; void f(struct e)", lines: &["r2 <- address of copy0"] },
];

#[test]
fn traps() {
    for case in CASES {
        let mut target = super::target(case.triple);
        target.model.compiler.get_or_insert(Compiler::Gcc);
        let prototype = Prototype::parse(case.text).unwrap_or_else(|error| panic!("{}: {error}", case.text));
        let plan = plan(&prototype.signature, &target, Entry::Slots).expect("a plan");
        let text = plan.to_string();
        for line in case.lines {
            assert!(text.lines().any(|found| found.trim() == *line), "{}: no `{line}` in\n{text}", case.text);
        }
        if let Err(violation) = check(&plan, &prototype.signature, &target) {
            panic!("{}: {violation}\n{text}", case.text);
        }
    }
}
