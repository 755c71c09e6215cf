//! What callers get wrong: a typed error that names the thing and the limit, and nothing called, leaked or aborted.

use std::ffi::OsStr;

use springboard::{
    ArgumentError, BindError, CallError, Engine, Library, Value,
    function::{Position, TypeMismatch, Variadic},
    ir::{MAX_PARAMETERS, ParseErrorKind, SignatureError},
    library::{LibraryError, SymbolError},
};

mod support;

use support::{NoWritableCode, bytes, fixture, function};

/// What a `?` in a caller's function turns into any error type of its own, and other threads may be told.
#[test]
fn every_error_goes_everywhere() {
    fn goes<T: std::error::Error + Send + Sync + 'static>() {}
    goes::<BindError>();
    goes::<CallError>();
    goes::<ArgumentError>();
    goes::<springboard::CallbackError>();
    goes::<springboard::callback::CopyError>();
    goes::<springboard::callback::CreateError>();
    goes::<springboard::callback::DrainError>();
    goes::<springboard::stamp::StampError>();
    goes::<springboard::function::PointerError>();
    goes::<springboard::function::ResultMismatch>();
    goes::<TypeMismatch>();
    goes::<LibraryError>();
    goes::<SymbolError>();
    goes::<SignatureError>();
}

fn bind(declaration: &str) -> BindError {
    let _maps = NoWritableCode;
    Engine::new().function(&fixture(), declaration).expect_err(declaration)
}

#[test]
fn unknown_types() {
    let error = bind("double scale(pair p, float by)");
    let BindError::Prototype(error) = &error else { panic!("{error:?}") };
    assert_eq!(error.kind, ParseErrorKind::UnknownType { name: "pair".into(), nearest: None });
    assert_eq!(error.column, 14);
    assert!(error.to_string().contains("pair"), "{error}");
}

#[test]
fn void_parameters() {
    let error = bind("int forty_two(int, void)");
    assert!(matches!(error, BindError::Prototype(_)), "{error:?}");
    assert!(error.to_string().contains("void"), "{error}");
}

#[test]
fn ten_thousand_parameters() {
    let declaration = format!("int forty_two({})", vec!["int"; 10_000].join(", "));
    let error = bind(&declaration);
    let BindError::Prototype(parse) = &error else { panic!("{error:?}") };
    let kind = &parse.kind;
    assert!(matches!(kind, ParseErrorKind::Signature(SignatureError::TooManyParameters(10_000))), "{kind:?}");
    assert!(error.to_string().contains(&MAX_PARAMETERS.to_string()), "{error}");
}

#[test]
fn declarations_without_a_name() {
    assert!(matches!(bind("int (*)(void)"), BindError::Unnamed));
}

#[test]
fn symbols() {
    let engine = Engine::new();
    let named = |symbol: &str| match engine.function_named(&fixture(), symbol, "int(void)") {
        Err(BindError::Symbol(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(""), SymbolError::Empty);
    assert_eq!(named("forty\0two"), SymbolError::Nul { symbol: "forty\0two".into(), at: 5 });
    assert_eq!(named("forty\0two").to_string(), "the name of the symbol has a NUL at byte 5: forty\\0two");
    let missing = named("no_such_function");
    assert!(matches!(&missing, SymbolError::Missing { symbol, .. } if symbol == "no_such_function"));
    let text = missing.to_string();
    assert!(text.contains("no_such_function") && text.contains("fixture"), "{text}");
    assert_eq!(
        Library::process().symbol("no_such_function").unwrap_err().to_string().split(':').next(),
        Some("no symbol no_such_function in the process")
    );
    assert!(engine.function_named(&fixture(), "forty_two", "int(void)").is_ok());
}

/// Opens a file that is not a library.
fn open(path: &str) -> LibraryError {
    // SAFETY: no library is there, so none is loaded.
    unsafe { Library::open(OsStr::new(path)) }.expect_err(path)
}

#[test]
fn libraries() {
    assert_eq!(open(""), LibraryError::EmptyPath);
    assert_eq!(open("lib\0m.so"), LibraryError::NulInPath { path: "lib\0m.so".into(), at: 3 });
    let missing = open("libnosuchlibrary.so.7");
    assert!(matches!(&missing, LibraryError::Load { path, .. } if path == "libnosuchlibrary.so.7"));
    assert!(missing.to_string().contains(support::system::NO_LIBRARY), "{missing}");
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-a-library.so");
    std::fs::write(&file, "springboard").unwrap();
    let text = open(file.to_str().unwrap()).to_string();
    assert!(text.contains("not-a-library.so"), "{text}");
    if support::system::LIBRARIES_MAY_LACK_SYMBOLS {
        let unresolved = support::compile(
            "int missing_elsewhere(void); int f(void) { return missing_elsewhere(); }",
            "unresolved",
        );
        let text = open(unresolved.to_str().unwrap()).to_string();
        assert!(text.contains("missing_elsewhere"), "{text}");
        std::fs::remove_file(unresolved).unwrap();
    }
}

/// Calls with arguments that do not fit.
fn call(name: &str, arguments: &[Value]) -> CallError {
    let function = function(&Engine::new(), name);
    // SAFETY: the arguments do not fit, so nothing is called; and if they did, these are only numbers.
    unsafe { function.call(arguments) }.expect_err(name)
}

#[test]
fn arity() {
    assert_eq!(call("neg_i8", &[]), CallError::Arity { parameters: 1, arguments: 0 });
    let error = call("forty_two", &[1.into(), 2.into()]);
    assert_eq!(error, CallError::Arity { parameters: 0, arguments: 2 });
    assert_eq!(error.to_string(), "the function takes 0 arguments and is given 2");
}

#[test]
fn ranges() {
    let text = |name, value: Value| call(name, &[value]).to_string();
    assert_eq!(
        text("neg_i8", 128.into()),
        "argument 1: 128 is out of range for int8_t, which holds -128 to 127"
    );
    assert_eq!(
        text("inc_u16", (-1).into()),
        "argument 1: -1 is out of range for uint16_t, which holds 0 to 65535"
    );
    assert_eq!(
        text("neg_i64", u64::MAX.into()),
        "argument 1: 18446744073709551615 is out of range for int64_t, which holds -9223372036854775808 to \
         9223372036854775807"
    );
    let error = call("mix", &[1.into(), 2.0.into(), (1i128 << 64).into(), 0.5f32.into()]);
    let CallError::Argument { index: 2, error } = error else { panic!("{error:?}") };
    assert!(matches!(*error, ArgumentError::Range { max, .. } if max == i64::MAX as u128), "{error:?}");
}

#[test]
fn kinds() {
    for (name, value) in [
        ("neg_i32", Value::F64(1.0)),
        ("neg_i32", Value::Bool(true)),
        ("neg_i32", Value::Void),
        ("not_bool", Value::Signed(1)),
        ("half_f32", Value::F64(1.0)),
        ("half_f64", Value::F32(1.0)),
        ("half_f64", Value::Signed(1)),
        ("advance", Value::Unsigned(0)),
        ("neg_i64", Value::Pointer(std::ptr::null_mut())),
        ("rotate", Value::Signed(1)),
        ("round_wide", Value::F64(1.0)),
    ] {
        let error = call(name, std::slice::from_ref(&value));
        let CallError::Argument { index: 0, error } = error else { panic!("{name}: {error:?}") };
        let ArgumentError::Kind { value: named, .. } = &*error else { panic!("{name}: {error:?}") };
        assert_eq!(**named, value);
    }
    assert_eq!(call("half_f64", &[1.into()]).to_string(), "argument 1: 1 is no value of type double");
}

#[test]
fn sizes() {
    let error = call("rotate", &[bytes(&[&[0; 23]])]);
    let CallError::Argument { index: 0, error: argument } = &error else { panic!("{error:?}") };
    assert!(matches!(**argument, ArgumentError::Size { bytes: 23, size: 24, .. }), "{error:?}");
    assert!(error.to_string().starts_with("argument 1: 23 bytes are given for struct triple"), "{error}");
}

#[test]
fn results_of_slots() {
    let engine = Engine::new();
    let mix = function(&engine, "mix");
    assert!(mix.slots::<f64>().is_ok());
    let error = mix.slots::<f32>().unwrap_err();
    assert_eq!(error.to_string(), "the function returns double, which f32 does not stand for");
    assert!(mix.slots::<()>().is_err());
    assert!(mix.slots::<u64>().is_err());
    assert!(function(&engine, "neg_i32").slots::<u32>().is_err(), "the sign counts");
    assert!(function(&engine, "nothing").slots::<i32>().is_err());
    assert!(function(&engine, "rotate").slots::<u64>().is_err());
}

#[test]
fn typed() {
    let engine = Engine::new();
    let mix = function(&engine, "mix");
    let error = mix.typed::<unsafe extern "C" fn(i32, f64, i64) -> f64>().unwrap_err();
    assert_eq!(error, TypeMismatch::Arity { c: 4, rust: 3 });
    let error = mix.typed::<unsafe extern "C" fn(i32, f64, u64, f32) -> f64>().unwrap_err();
    assert!(
        matches!(error, TypeMismatch::Type { position: Position::Parameter(2), rust: "u64", .. }),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "parameter 3 is int64_t, which u64 does not stand for");
    let error = mix.typed::<unsafe extern "C" fn(i32, f64, i64, f32)>().unwrap_err();
    assert_eq!(error.to_string(), "the result is double, which () does not stand for");
    let error = mix.typed::<unsafe extern "C" fn(i32, f64, i64, f32, ...) -> f64>().unwrap_err();
    assert_eq!(error, TypeMismatch::Variadic { c: Variadic::No, rust: Variadic::Yes });
    let sum = engine.function(&fixture(), "int64_t sum_ints(int32_t, ..., int)").unwrap();
    let error = sum.typed::<unsafe extern "C" fn(i32, i32) -> i64>().unwrap_err();
    assert_eq!(error, TypeMismatch::Variadic { c: Variadic::Yes, rust: Variadic::No });
    let scale = function(&engine, "scale");
    assert!(scale.typed::<unsafe extern "C" fn(f64, f32) -> f64>().is_err());
}
