//! Calling conventions that declarations name: where an attribute may stand, and whose it is. GCC 12 and Clang 16 agree.

use springboard_ir::{
    DataModel, Declarations, NamedConvention, ParseErrorKind, Pointee, Prototype, Signature, Type,
};

/// Declarations of `f`; how its type is written.
const WRITTEN: &[(&str, &str)] = &[
    ("int M f(int)", "int (M f)(int)"),
    ("M int f(int)", "int (M f)(int)"),
    ("int f(int) M", "int (M f)(int)"),
    ("int (M f)(int)", "int (M f)(int)"),
    ("[[gnu::ms_abi]] int f(int)", "int (M f)(int)"),
    ("int (M *f)(int)", "int (M f)(int)"),
    ("int (*M f)(int)", "int (M f)(int)"),
    ("int (*f)(int) M", "int (M f)(int)"),
    ("typedef int S(int); S *M f", "int (M f)(int)"),
    ("typedef int S(int); S *f M", "int (M f)(int)"),
    ("typedef int W(int) M; W f", "int (M f)(int)"),
    ("typedef int (*W)(int) M; W f", "int (M f)(int)"),
    ("void f(int (*)(int) M)", "void f(int (M *)(int))"),
    ("void f(int cb(int) M)", "void f(int (M *cb)(int))"),
    ("void f(int (M **)(int))", "void f(int (M **)(int))"),
    ("int (*(M f)(void))(int)", "int (*(M f)(void))(int)"),
    ("M int (*f(void))(int)", "int (*(M f)(void))(int)"),
    ("int (*f(void))(int) M", "int (*(M f)(void))(int)"),
    ("int (M *f(void))(int)", "int (M *f(void))(int)"),
    ("int (*M f(void))(int)", "int (M *f(void))(int)"),
    ("int printf(const char *, ..., int) M", "int (M printf)(const char *, ..., int)"),
    ("int f(int) __attribute__((sysv_abi))", "int f(int)"),
];

#[test]
fn an_attribute_is_the_functions_wherever_it_may_stand() {
    let full = |text: &str| text.replace('M', "__attribute__((ms_abi))");
    for (text, written) in WRITTEN {
        let prototype = Prototype::parse(&full(text)).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(prototype.to_string(), full(written), "{text}");
        assert_eq!(Prototype::parse(&prototype.to_string()), Ok(prototype), "{text}");
    }
}

#[test]
fn a_named_convention_makes_another_type() {
    let named = Signature::parse("int (*)(int) __attribute__((ms_abi))").unwrap();
    assert_eq!(named.convention(), Some(NamedConvention::Microsoft));
    assert_eq!(named.to_string(), "int (__attribute__((ms_abi)) *)(int)");
    let plain = Signature::parse("int (*)(int)").unwrap();
    assert_ne!(named, plain);
    assert_eq!(plain.called_by(NamedConvention::Microsoft), named);
    let member = Type::parse("struct s { int (__attribute__((ms_abi)) *run)(int); }; struct s").unwrap();
    let Type::Aggregate(aggregate) = &member else { panic!("a structure") };
    let Type::Pointer(run) = &aggregate.fields[0].ty else { panic!("a pointer") };
    assert_eq!(**run, Pointee::Function(named));
    let text = aggregate.definition().to_string();
    assert_eq!(Type::parse(&format!("{text} struct s")), Ok(member), "{text}");
}

#[test]
fn targets_have_the_conventions_of_their_functions() {
    let model = |triple: &str| DataModel::of(&triple.parse().unwrap()).unwrap();
    let read = |word: &str, triple: &str| {
        let text = format!("int __attribute__(({word})) f(int);");
        let declarations = Declarations::parse_for(&text, &model(triple)).map_err(|error| error.kind)?;
        Ok(declarations.function("f").unwrap().signature.convention())
    };
    let (linux, windows) = ("x86_64-unknown-linux-gnu", "x86_64-pc-windows-gnu");
    assert_eq!(read("ms_abi", linux), Ok(Some(NamedConvention::Microsoft)));
    assert_eq!(read("ms_abi", windows), Ok(None));
    assert_eq!(read("stdcall", windows), Ok(None));
    assert_eq!(read("sysv_abi", windows), Err(ParseErrorKind::Unsupported("sysv_abi".into())));
    for (word, triple) in [
        ("stdcall", linux),
        ("vectorcall", windows),
        ("ms_abi", "aarch64-unknown-linux-gnu"),
        ("sysv_abi", "riscv64gc-unknown-linux-gnu"),
        ("ms_abi", "aarch64-apple-darwin"),
    ] {
        assert_eq!(read(word, triple), Err(ParseErrorKind::Convention(word.into())), "{word} {triple}");
    }
}
