//! The conversions of `node:ffi`, without a V8: fast code is called as V8 calls it, with numbers as `double` and values as
//! handles, which are indices here.

use std::{
    cell::RefCell,
    ffi::{CStr, c_char, c_void},
    mem, ptr, slice,
};

use springboard_process::together;

use super::{OPTIONS, RECEIVER, code, host};
use springboard::{Engine, Jit, Library as Native};
use springboard_js::v8::*;

thread_local! {
    /// What handles stand for: each is an index into this.
    static VALUES: RefCell<Vec<Any<'static>>> = const { RefCell::new(Vec::new()) };
    /// What was thrown last, with its options.
    static THROWN: RefCell<Option<(String, usize)>> = const { RefCell::new(None) };
}

unsafe extern "C" fn throw(
    context: *mut c_void,
    options: *mut c_void,
    kind: ErrorKind,
    code: *const c_char,
    message: *const c_char,
) {
    assert_eq!(context.addr(), 0x77);
    // SAFETY: both texts end with a NUL, or there is no code.
    let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    let code = if code.is_null() { String::new() } else { text(code) };
    THROWN.set(Some((format!("{kind:?} [{code}]: {}", text(message)), options.addr())));
}

unsafe extern "C" fn value(value: *const c_void, options: *mut c_void, reading: &mut Reading) {
    assert_eq!(options, OPTIONS);
    match VALUES.with_borrow(|values| values[value.addr()].clone()) {
        Any::Text(text) => reading.text(text.len()).copy_from_slice(text.as_bytes()),
        other => reading.set(other),
    }
}

fn library(engine: &Engine) -> Library {
    let host = Host { throw: Some(throw), value: Some(value), ..host() };
    Library::new(engine, &Native::process(), host)
}

fn declared<'a>(name: &'a str, arguments: &'a [&'a str], result: &'a str) -> NodeDeclaration<'a> {
    NodeDeclaration { name, arguments, result }
}

fn settings() -> NodeSettings {
    NodeSettings { context: HostPointer(ptr::without_provenance_mut(0x77)), ..NodeSettings::default() }
}

/// A handle of a value, until the next one is made.
fn handle(value: Any<'static>) -> *const c_void {
    VALUES.set(vec![Any::Other, value]);
    ptr::without_provenance(1)
}

#[test]
fn numbers_are_checked_by_fast_code_and_slow_twin() {
    let _process = together();
    let function =
        library(&Engine::new()).node_function(&declared("toupper", &["i16"], "i32"), &settings()).unwrap();
    let Description { result, arguments, options, int64 } = function.description();
    assert_eq!((*result, &**arguments, *options, *int64), (Kind::I32, &[Kind::F64][..], true, Int64::BigInt));
    let fast = code!(function, extern "C" fn(*const c_void, f64, *mut c_void) -> i32);
    // SAFETY: toupper takes any of these integers.
    let slow = |value: f64| unsafe { function.call_slow(&[Any::Number(value)]) };
    for (value, upper) in [(97.0, 65), (-1.0, -1), (0.0, 0), (-0.0, 0)] {
        assert_eq!(fast(RECEIVER, value, OPTIONS), upper, "{value}");
        assert_eq!(slow(value), Ok(Any::Number(upper.into())), "{value}");
    }
    for value in [32768.0, -32769.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
        THROWN.set(None);
        assert_eq!(fast(RECEIVER, value, OPTIONS), 0, "{value}");
        let Thrown { kind, code, message } = slow(value).unwrap_err();
        let thrown = format!("{kind:?} [{}]: {message}", code.unwrap());
        assert!(thrown.starts_with("TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 must be an int16, not "));
        assert_eq!(THROWN.take(), Some((thrown, OPTIONS.addr())), "{value}");
    }
    // SAFETY: nothing is called.
    let count = unsafe { function.call_slow(&[]) }.unwrap_err();
    assert_eq!(count.message, "Invalid argument count: expected 1, got 0");
}

#[test]
fn values_are_read_once_and_strings_copied_for_the_call() {
    let _process = together();
    let function =
        library(&Engine::new()).node_function(&declared("strlen", &["string"], "u64"), &settings()).unwrap();
    assert_eq!(
        (function.description().result, &*function.description().arguments),
        (Kind::U64, &[Kind::Value][..])
    );
    let fast = code!(function, extern "C" fn(*const c_void, *const c_void, *mut c_void) -> u64);
    let bytes = b"in memory\0";
    for (value, length) in [
        (Any::Text("seven".into()), 5),
        (Any::Text("".into()), 0),
        (Any::Text("\u{20ac}".into()), 3),
        (Any::Bytes(bytes.as_ptr().cast_mut(), bytes.len()), 9),
        (Any::BigInt(bytes.as_ptr().expose_provenance() as i128), 9),
    ] {
        // SAFETY: there is a text, or the address of one.
        let slow = unsafe { function.call_slow(slice::from_ref(&value)) };
        assert_eq!(slow, Ok(Any::BigInt(length.into())), "{value:?}");
        assert_eq!(fast(RECEIVER, handle(value), OPTIONS), length);
    }
    let outside =
        [(-1, "-1n"), (1 << 64, "18446744073709551616n"), (i128::MAX, "a bigint of more than 64 bits")];
    let bigints = outside.map(|(value, shown)| (Any::BigInt(value), "a non-negative pointer bigint", shown));
    let others = [
        (Any::SharedBytes(ptr::null_mut(), 0), "a SharedArrayBuffer"),
        (Any::Bool(true), "true"),
        (Any::Number(5.0), "5"),
        (Any::Other, "another value"),
    ]
    .map(|(value, shown)| (value, "a buffer, an ArrayBuffer, a string, or a bigint", shown));
    for (value, wanted, shown) in bigints.into_iter().chain(others) {
        // SAFETY: nothing is called.
        let thrown = unsafe { function.call_slow(slice::from_ref(&value)) }.unwrap_err();
        assert_eq!(thrown.message, format!("Argument 0 must be {wanted}, not {shown}"));
        THROWN.set(None);
        assert_eq!(fast(RECEIVER, handle(value), OPTIONS), 0);
        assert!(THROWN.take().unwrap().0.ends_with(&thrown.message));
    }
    // SAFETY: nothing is called.
    let nul = unsafe { function.call_slow(&[Any::Text("a\0b".into())]) }.unwrap_err();
    assert_eq!(nul.message, "Argument 0 must not contain null bytes");
}

#[test]
fn wide_integers_are_bigints_or_safe_integers() {
    let _process = together();
    let library = library(&Engine::new());
    let both = library.node_function(&declared("labs", &["i64"], "i64"), &settings()).unwrap();
    let bigints = NodeSettings { wide: Wide::BigInt, ..settings() };
    let bigints = library.node_function(&declared("labs", &["i64"], "i64"), &bigints).unwrap();
    // SAFETY: labs takes any integer but the smallest.
    let slow = |function: &Function, value: Any<'static>| unsafe { function.call_slow(&[value]) };
    let fast = code!(both, extern "C" fn(*const c_void, *const c_void, *mut c_void) -> i64);
    assert_eq!(fast(RECEIVER, handle(Any::BigInt(-5)), OPTIONS), 5);
    assert_eq!(fast(RECEIVER, handle(Any::Number(-5.0)), OPTIONS), 5);
    assert_eq!(slow(&both, Any::Number(-9_007_199_254_740_991.0)), Ok(Any::BigInt((1 << 53) - 1)));
    assert!(slow(&both, Any::Number(9_007_199_254_740_992.0)).is_err());
    assert!(slow(&both, Any::BigInt(1 << 63)).is_err());
    assert_eq!(slow(&bigints, Any::BigInt(-5)), Ok(Any::BigInt(5)));
    assert_eq!(slow(&bigints, Any::Number(-5.0)).unwrap_err().message, "Argument 0 must be an int64, not -5");
}

#[test]
fn a_closed_library_is_refused_first() {
    let _process = together();
    let library = library(&Engine::new());
    let function = library.node_function(&declared("abs", &["i32"], "i32"), &settings()).unwrap();
    // SAFETY: nothing of it runs.
    unsafe { library.close() };
    let fast = code!(function, extern "C" fn(*const c_void, f64, *mut c_void) -> i32);
    assert_eq!(fast(RECEIVER, 0.5, OPTIONS), 0);
    assert!(THROWN.take().unwrap().0.starts_with("Error [ERR_FFI_LIBRARY_CLOSED]: "));
    // SAFETY: nothing is called.
    assert_eq!(unsafe { function.call_slow(&[]) }, Err(Thrown::closed()));
    let error = library.node_function(&declared("abs", &["i32"], "i32"), &settings()).unwrap_err();
    assert!(matches!(error, BindError::Closed));
}

#[test]
fn functions_that_may_call_back_have_no_fast_code() {
    let _process = together();
    let engine = Engine::new();
    let names = ["pointer", "u64", "u64", "function"];
    let node = |callbacks| {
        let settings = NodeSettings { callbacks, ..settings() };
        library(&engine).node_function(&declared("qsort", &names, "void"), &settings).unwrap()
    };
    let prototype = "void qsort(void *, unsigned long, unsigned long, int (*)(const void *, const void *))";
    let plain = |declaration, callbacks| {
        let settings = Settings { callbacks, ..Settings::default() };
        library(&engine).function(declaration, &settings).unwrap()
    };
    for function in [
        node(Callbacks::ByType),
        node(Callbacks::Possible),
        plain(prototype, Callbacks::ByType),
        plain("int abs(int)", Callbacks::Possible),
    ] {
        assert!(matches!(function.fast(), Err(NoFast::CallsBack)), "{function:?}");
    }
    for function in
        [node(Callbacks::Never), plain(prototype, Callbacks::Never), plain("int abs(int)", Callbacks::ByType)]
    {
        assert!(function.fast().is_ok(), "{function:?}");
    }
}

#[test]
fn mistakes_are_found_when_it_is_bound() {
    let _process = together();
    let library = library(&Engine::new());
    let error = |arguments: &[&str], result| {
        library.node_function(&declared("abs", arguments, result), &settings()).unwrap_err()
    };
    assert_eq!(error(&["i33"], "i32").to_string(), "parameter 1 is of an unknown type i33");
    assert!(matches!(error(&["void"], "i32"), BindError::Names(SignatureError::VoidParameter(0))));
    assert!(matches!(error(&["i32"; 2000], "i32"), BindError::Bind(_)));
    assert!(matches!(
        library.node_function(&declared("no_such_thing", &[], "void"), &settings()),
        Err(BindError::Bind(_))
    ));
    for (host, helper) in [
        (Host { throw: None, value: Some(value), ..host() }, Helper::Throw),
        (Host { throw: Some(throw), ..host() }, Helper::Value),
    ] {
        let library = Library::new(&Engine::new(), &Native::process(), host);
        let error = library.node_function(&declared("abs", &["i32"], "i32"), &settings()).unwrap_err();
        assert!(
            matches!(error, BindError::MissingHelper { helper: missing } if missing == helper),
            "{error}"
        );
    }
    let engine = Engine::builder().jit(Jit::Off).build();
    let function =
        self::library(&engine).node_function(&declared("abs", &["i32"], "i32"), &settings()).unwrap();
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { function.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}
