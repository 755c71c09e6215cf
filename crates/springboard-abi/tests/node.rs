//! Every rule of Node's eligibility and both sides of every boundary, for both CPUs.

use springboard_abi::{
    Convention, FastCall, NodeFunction, NodeKind, NodeRefusal, Profile, Refusal, Target, node_eligible,
};
use springboard_ir::Signature;

use NodeKind::{Float, General, Other, Void};
use NodeRefusal::{
    ArgumentType, Arguments, BufferAndFloat, FloatRegisters, FunctionArgument, FunctionResult,
    GeneralRegisters, Lengths, Platform, ResultType, VoidArgument,
};

/// The kind that goes with a name of `node:ffi`.
fn kind(name: &str) -> NodeKind {
    match name {
        "void" => Void,
        "f32" | "f64" => Float,
        "other" => Other,
        _ => General,
    }
}

/// Judges `result(arguments)`, in names.
fn judged(result: &str, arguments: &[&str], convention: Convention) -> Result<(), NodeRefusal> {
    let kinds: Vec<_> = arguments.iter().map(|name| kind(name)).collect();
    let function =
        NodeFunction { result: kind(result), result_name: result, arguments: &kinds, names: arguments };
    node_eligible(&function, convention)
}

/// `count` times the first name, then the others.
fn of(count: usize, name: &'static str, rest: &[&'static str]) -> Vec<&'static str> {
    [name].repeat(count).into_iter().chain(rest.iter().copied()).collect()
}

const ARM: [Convention; 2] = [Convention::Aapcs64, Convention::Apple64];
const X86: [Convention; 1] = [Convention::Sysv64];

#[test]
fn rules_that_know_no_registers() {
    for convention in ARM.into_iter().chain(X86) {
        let judged = |result, arguments: &[&str]| judged(result, arguments, convention);
        let results = ["void", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64"];
        for result in results.into_iter().chain(["bool", "pointer", "string", "buffer", "arraybuffer"]) {
            assert_eq!(judged(result, &[]), Ok(()), "{result}");
        }
        for argument in &results[1..] {
            assert_eq!(judged("void", &[argument]), Ok(()), "{argument}");
        }
        assert_eq!(judged("other", &[]), Err(ResultType(Other)));
        assert_eq!(judged("function", &[]), Err(FunctionResult));
        assert_eq!(judged("void", &["i32", "void"]), Err(VoidArgument { index: 1 }));
        assert_eq!(judged("void", &["i32", "other"]), Err(ArgumentType { index: 1 }));
        assert_eq!(judged("void", &["i32", "function"]), Err(FunctionArgument { index: 1 }));
        assert_eq!(judged("void", &["buffer", "f32"]), Err(BufferAndFloat));
        assert_eq!(judged("void", &["f64", "arraybuffer"]), Err(BufferAndFloat));
        assert_eq!(judged("void", &["string", "f64"]), Ok(()), "a string is a pointer");
        assert_eq!(judged("buffer", &["f64"]), Ok(()), "a result that is a buffer is a pointer");
    }
}

#[test]
fn arguments_are_counted_first() {
    for convention in ARM.into_iter().chain(X86) {
        let judged = |arguments: Vec<&str>| judged("void", &arguments, convention);
        assert_eq!(judged(of(8, "f64", &[])), Ok(()));
        assert_eq!(judged(of(9, "f64", &[])), Err(Arguments { count: 9 }));
        assert_eq!(judged(of(4, "i32", &["f32"; 4])), Ok(()));
        assert_eq!(judged(of(5, "i32", &["f32"; 4])), Err(Arguments { count: 9 }));
        // Earlier than what is wrong with one of them, and later than what is wrong with the result.
        assert_eq!(judged(of(9, "void", &[])), Err(Arguments { count: 9 }));
    }
    let arguments = of(9, "i32", &[]);
    assert_eq!(judged("function", &arguments, Convention::Sysv64), Err(FunctionResult));
}

#[test]
fn lists_of_different_lengths() {
    for (types, names) in [(1, 0), (2, 1), (1, 2), (0, 1)] {
        let (kinds, all) = ([General; 2], ["i32"; 2]);
        let function = NodeFunction {
            result: Void,
            result_name: "void",
            arguments: &kinds[..types],
            names: &all[..names],
        };
        for convention in ARM.into_iter().chain(X86) {
            assert_eq!(node_eligible(&function, convention), Err(Lengths { types, names }));
        }
    }
}

#[test]
fn budgets_of_registers() {
    type Row<'a> = (&'a [Convention], Vec<&'static str>, Result<(), NodeRefusal>);
    let cases: [Row<'_>; 14] = [
        // x1 to x7.
        (&ARM, of(7, "i64", &[]), Ok(())),
        (&ARM, of(8, "i64", &[]), Err(GeneralRegisters { needed: 8, options: false, limit: 7 })),
        (&ARM, of(7, "pointer", &["f64"]), Ok(())),
        // The options take one.
        (&ARM, of(5, "i32", &["buffer"]), Ok(())),
        (&ARM, of(6, "i32", &["buffer"]), Err(GeneralRegisters { needed: 8, options: true, limit: 7 })),
        (&ARM, of(6, "arraybuffer", &[]), Ok(())),
        (&ARM, of(7, "arraybuffer", &[]), Err(GeneralRegisters { needed: 8, options: true, limit: 7 })),
        // Five registers and one word of the stack.
        (&X86, of(6, "i64", &[]), Ok(())),
        (&X86, of(7, "i64", &[]), Err(GeneralRegisters { needed: 7, options: false, limit: 6 })),
        (&X86, of(6, "string", &["f32", "f32"]), Ok(())),
        // No word of the stack for signatures with buffers.
        (&X86, of(3, "i32", &["buffer"]), Ok(())),
        (&X86, of(4, "i32", &["buffer"]), Err(GeneralRegisters { needed: 6, options: true, limit: 5 })),
        (&X86, of(4, "buffer", &[]), Ok(())),
        (&X86, of(5, "buffer", &[]), Err(GeneralRegisters { needed: 6, options: true, limit: 5 })),
    ];
    for (conventions, arguments, expected) in cases {
        for convention in conventions {
            assert_eq!(judged("i32", &arguments, *convention), expected, "{convention} {arguments:?}");
        }
    }
    // The limit on arguments comes before the eight vector registers run out.
    let floats = of(8, "f32", &[]);
    assert_eq!(judged("f32", &floats, Convention::Sysv64), Ok(()));
    let shown = FloatRegisters { needed: 9, limit: 8 }.to_string();
    assert_eq!(shown, "9 floating point arguments, and 8 is the limit");
}

#[test]
fn platforms_without_an_emitter() {
    for convention in [Convention::Win64, Convention::Lp64d, Convention::S390x] {
        // Before anything else.
        assert_eq!(judged("other", &["void"], convention), Err(Platform(convention)));
    }
}

/// What both profiles say of a C function with buffers.
fn verdicts(triple: &str, declaration: &str, buffers: &[u16]) -> [Result<(), Refusal>; 2] {
    let target = Target::of(&triple.parse().unwrap()).unwrap();
    let mut call = FastCall::new(Signature::parse(declaration).unwrap());
    call.buffers = buffers.into();
    Profile::ALL.map(|profile| profile.verdict(&call, &target))
}

#[test]
fn profiles_of_c_functions() {
    const X86: &str = "x86_64-unknown-linux-gnu";
    const ARM: &str = "aarch64-unknown-linux-gnu";
    let node = |refusal| Err(Refusal::Node(refusal));
    let eight = "int(int, int, int, int, int, int, int, int)";
    let nine = "int(int, int, int, int, int, int, int, int, int)";
    let seven = "int(int, int, int, int, int, int, int)";
    for (triple, declaration, buffers, expected) in [
        (X86, "int(int, int)", &[][..], Ok(())),
        (X86, nine, &[], node(Arguments { count: 9 })),
        (ARM, eight, &[], node(GeneralRegisters { needed: 8, options: false, limit: 7 })),
        (ARM, seven, &[], Ok(())),
        (X86, seven, &[], node(GeneralRegisters { needed: 7, options: false, limit: 6 })),
        (X86, "int(void *, double)", &[0], node(BufferAndFloat)),
        (X86, "int(void *, double)", &[], Ok(())),
        (X86, "int(int (*)(int))", &[], node(FunctionArgument { index: 0 })),
        (X86, "int (*f(void))(int)", &[], node(FunctionResult)),
        (X86, "struct { int x; } f(void)", &[], node(ResultType(Other))),
        (ARM, "int f(struct { int x; })", &[], node(ArgumentType { index: 0 })),
        (ARM, "int f(const char *, ..., int)", &[], node(ArgumentType { index: 1 })),
        ("riscv64gc-unknown-linux-gnu", "int(int)", &[], node(Platform(Convention::Lp64d))),
    ] {
        assert_eq!(verdicts(triple, declaration, buffers), [expected, Ok(())], "{declaration}");
    }
    let [node, full] = verdicts(X86, "long double f(int)", &[]);
    assert_eq!(node, Err(Refusal::Node(ResultType(Other))));
    assert_eq!(full.unwrap_err().code(), "x87-result");
}
