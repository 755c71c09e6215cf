//! What GCC and Clang pass in two ways, as both were seen to do it (GCC 12, Clang 16), and what they agree on.

use springboard_abi::{Entry, Ineligible, Target, Way, plan};
use springboard_ir::{Compiler, Prototype};
use target_lexicon::Triple;

const X86_64: &str = "x86_64-unknown-linux-gnu";
const AARCH64: &str = "aarch64-unknown-linux-gnu";
const APPLE: &str = "aarch64-apple-darwin";
const RISCV64: &str = "riscv64gc-unknown-linux-gnu";
const S390X: &str = "s390x-unknown-linux-gnu";

use Way::{General, Memory, Mixed, Reference, Vector};

/// A structure `s`, the target, and how each compiler passes it as the only argument.
const TWO_WAYS: &[(&str, &str, Way, Way)] = &[
    (X86_64, "struct s { _Atomic float a, b; }", Vector, Memory),
    (X86_64, "struct s { struct { _Atomic int a; } b; }", General, Memory),
    // What the attribute packs stays a bit-field to GCC, what the pragma packs does not.
    (
        X86_64,
        "#pragma pack(1)\nstruct i { int b : 32; };\n#pragma pack()\nstruct s { char a; struct i c; }",
        Memory,
        General,
    ),
    (
        X86_64,
        "#pragma pack(2)\nstruct i { long b : 64; };\n#pragma pack()\nstruct s { short a; struct i c; }",
        Memory,
        General,
    ),
    (X86_64, "struct s { float m; int z[0]; }", General, Vector),
    (X86_64, "struct s { float m; struct { int z[0]; } z; }", General, Vector),
    (X86_64, "struct s { unsigned n; struct { int a[5]; } items[0]; }", Memory, General),
    (X86_64, "struct s { unsigned n; struct { int a[5]; } items[]; }", General, Memory),
    (
        X86_64,
        "struct __attribute__((packed)) p { short f; char c; }; struct s { struct p p[2]; }",
        General,
        Memory,
    ),
    (X86_64, "struct s { float a; int : 3; }", General, Vector),
    (X86_64, "struct __attribute__((packed)) s { float a; short : 16; }", General, Vector),
    (X86_64, "struct s { char a; struct { short : 16; char b; } c; }", Memory, General),
    (AARCH64, "struct s { _Atomic float a; float b; }", Vector, General),
    (AARCH64, "struct s { float a; struct { int z[0]; } z; }", General, Vector),
    (RISCV64, "struct s { _Atomic float a; int b; }", Mixed, General),
    (S390X, "struct s { _Atomic float a; }", Vector, General),
    (S390X, "struct s { int a; int z[]; }", General, Reference),
];

/// What both pass alike, and the planner plans.
const ONE_WAY: &[(&str, &str)] = &[
    (X86_64, "struct __attribute__((packed)) s { char a; struct { int b : 32; } c; }"),
    (X86_64, "struct __attribute__((packed)) i { int b : 32; }; struct s { char a; struct i c; }"),
    (
        X86_64,
        "#pragma pack(1)\nstruct i { int b : 32 __attribute__((packed)); };\n#pragma pack()\nstruct s { char a; struct i c; }",
    ),
    (X86_64, "#pragma pack(1)\nstruct i { int b : 31; };\n#pragma pack()\nstruct s { char a; struct i c; }"),
    (X86_64, "struct s { float m; float z[0]; }"),
    (X86_64, "struct s { double m; int z[0]; }"),
    (X86_64, "struct __attribute__((packed)) p { char f, c; }; struct s { struct p p[2]; }"),
    (X86_64, "struct s { int m[4]; float f[12]; int z[]; }"),
    (X86_64, "struct s { char a; struct __attribute__((packed)) { int z[0]; } z; short b; }"),
    (X86_64, "struct s { double a; struct { long z[0]; } z; }"),
    (X86_64, "struct s { double a; struct { _Atomic long z[0]; } z; }"),
    (X86_64, "struct s { char a; _Atomic int z[0]; int b; }"),
    (AARCH64, "struct s { float m; int z[0]; }"),
    (AARCH64, "struct s { _Atomic int a; int b; }"),
    (RISCV64, "struct s { float m; int z[0]; }"),
    (RISCV64, "struct s { float m; int z[]; }"),
    (APPLE, "struct s { _Atomic float a, b; }"),
];

/// Functions that are declared `ms_abi`, of which Clang sees some as it does on Linux: the parameter, or the result.
const MS_ABI: &[(&str, Option<u16>, Way, Way)] = &[
    ("struct s { int a; char b[]; }; void M f(struct s)", Some(0), General, Reference),
    ("struct s { int a; char b[]; }; struct s M f(void)", None, General, Memory),
    ("void M f(long, float __attribute__((vector_size(8))))", Some(1), General, Reference),
    ("void M f(double __attribute__((vector_size(8))))", Some(0), Reference, Vector),
    ("float __attribute__((vector_size(8))) M f(void)", None, General, Vector),
    ("struct s { }; struct s M f(int)", None, Way::Nowhere, Memory),
    ("long double M f(void)", None, Memory, Way::Unplanned),
];

fn planned(triple: &str, types: &str, compiler: Option<Compiler>) -> Result<String, Ineligible> {
    planned_function(triple, &format!("{types}; void f(struct s)"), compiler)
}

fn planned_function(triple: &str, text: &str, compiler: Option<Compiler>) -> Result<String, Ineligible> {
    let triple: Triple = triple.parse().expect("a triple");
    let mut target = Target::of(&triple).expect("a target");
    target.model.compiler = compiler.or(target.model.compiler);
    let signature = Prototype::parse(text).expect("C text").signature;
    let plan = plan(&signature, &target, Entry::Slots)?;
    #[cfg(feature = "check")]
    springboard_abi::check(&plan, &signature, &target)
        .unwrap_or_else(|wrong| panic!("{text}: {wrong}\n{plan}"));
    Ok(plan.to_string())
}

#[test]
fn what_compilers_pass_in_two_ways_is_refused_until_one_is_named() {
    for (triple, types, gcc, clang) in TWO_WAYS {
        let reason = planned(triple, types, None).expect_err(types);
        assert_eq!(reason, Ineligible::Compilers { parameter: Some(0), gcc: *gcc, clang: *clang }, "{types}");
        let by = |compiler| {
            planned(triple, types, Some(compiler)).unwrap_or_else(|error| panic!("{types}: {error}"))
        };
        assert_ne!(by(Compiler::Gcc), by(Compiler::Clang), "{types}");
    }
}

/// Members of two eightbytes that begin within the first: `struct s { unsigned a; u b; }`, and where Clang loses nothing,
/// because what follows has a class.
#[test]
fn what_clang_loses_is_refused_where_it_is_named() {
    let types = "typedef unsigned long u __attribute__((aligned(4))); struct s { unsigned a; u b; }";
    let by = |types, compiler| planned(X86_64, types, compiler).err();
    assert_eq!(by(types, Some(Compiler::Clang)), Some(Ineligible::LostBytes { parameter: Some(0) }));
    assert_eq!(by(types, Some(Compiler::Gcc)), None);
    let two_ways = Ineligible::Compilers { parameter: Some(0), gcc: Memory, clang: Way::Unplanned };
    assert_eq!(by(types, None), Some(two_ways));
    let followed = types.replace("u b;", "u b; char c;");
    assert_eq!(by(&followed, Some(Compiler::Clang)), None);
    let result = planned_function(X86_64, &format!("{types}; struct s f(int)"), Some(Compiler::Clang));
    assert_eq!(result.err(), Some(Ineligible::LostBytes { parameter: None }));
}

#[test]
fn what_compilers_pass_alike_is_planned() {
    for (triple, types) in ONE_WAY {
        planned(triple, types, None).unwrap_or_else(|error| panic!("{triple}: {types}: {error}"));
    }
}

#[test]
fn what_ms_abi_is_to_each_compiler() {
    for (text, parameter, gcc, clang) in MS_ABI {
        let text = text.replace('M', "__attribute__((ms_abi))");
        let reason = planned_function(X86_64, &text, None).expect_err(&text);
        assert_eq!(
            reason,
            Ineligible::Compilers { parameter: *parameter, gcc: *gcc, clang: *clang },
            "{text}"
        );
        planned_function(X86_64, &text, Some(Compiler::Gcc)).expect(&text);
        let by_clang = planned_function(X86_64, &text, Some(Compiler::Clang));
        assert_eq!(by_clang.err(), (*clang == Way::Unplanned).then_some(Ineligible::X87Result), "{text}");
    }
    let elsewhere = planned_function(AARCH64, "int __attribute__((ms_abi)) f(int)", None);
    assert_eq!(elsewhere.unwrap_err().code(), "convention");
}

/// A store of two bytes out of a vector register is nothing that stubs have.
#[test]
fn of_a_register_with_a_float_the_float_is_kept() {
    let text = "struct __attribute__((packed)) s { float a; short : 16; }; struct s f(void)";
    let plan = planned_function(X86_64, text, Some(Compiler::Clang)).expect(text);
    assert!(plan.contains("[0..4] <- xmm0") && !plan.contains("[4..6]"), "{plan}");
}

#[test]
fn apple_is_clangs() {
    let plan = planned(APPLE, "struct s { _Atomic float a, b; }", None).unwrap();
    assert!(plan.contains("x0 <-"), "{plan}");
}
