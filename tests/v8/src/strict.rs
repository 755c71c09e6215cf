//! The conversions of `node:ffi`: a table of types and values, which the fast and the slow path answer alike, and as it
//! says.

use std::ffi::c_char;

use springboard_js::v8::{Callbacks, NODE_TYPES, NoFast, NodeSettings, NodeType, Wide};

use crate::{
    Case, Since,
    host::Fixture,
    realm::{Handle, Realm},
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "strict::every_type_and_every_value", since: Since::V12_6, run: every_type_and_every_value },
    Case { name: "strict::the_number_of_arguments", since: Since::V12_6, run: number_of_arguments },
    Case { name: "strict::strings_live_through_the_call", since: Since::V12_6, run: strings },
    Case { name: "strict::a_closed_library", since: Since::V12_6, run: closed },
    Case { name: "strict::more_arguments_than_registers", since: Since::V12_6, run: many },
    Case { name: "strict::thousands_of_errors_from_fast_calls", since: Since::V12_6, run: many_errors },
    Case { name: "strict::integers_on_every_version", since: Since::Always, run: integers },
];

/// Values of all kinds, as scripts.
const VALUES: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "1.5",
    "127",
    "128",
    "-128",
    "-129",
    "255",
    "256",
    "32767",
    "32768",
    "-32768",
    "-32769",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "9007199254740991",
    "-9007199254740991",
    "9007199254740992",
    "1e300",
    "5e-324",
    "NaN",
    "Infinity",
    "-Infinity",
    "0n",
    "1n",
    "-1n",
    "9223372036854775807n",
    "9223372036854775808n",
    "-9223372036854775808n",
    "-9223372036854775809n",
    "18446744073709551615n",
    "18446744073709551616n",
    "2n ** 64n + 5n",
    "2n ** 200n",
    "-(2n ** 200n)",
    "'text'",
    "''",
    "'nul\\0inside'",
    "'\\u20ac \\ud83d\\ude00'",
    "true",
    "false",
    "undefined",
    "null",
    "({})",
    "[]",
    "Symbol.iterator",
    "(() => 1)",
    "bytes",
    "bytes.subarray(3)",
    "bytes.buffer",
    "new DataView(bytes.buffer, 2)",
    "new Uint8Array(0)",
    "shared",
    "new Uint8Array(shared)",
    "gone",
    "gone.buffer",
    "new Date(5)",
    "Object(5)",
    "Object(5n)",
];

/// What Node.js 26 makes of a value for a type: the integer, or what is wrong.
enum Verdict {
    /// As JavaScript shows it.
    Is(String),
    /// The address of a string's copy: any but zero.
    Copy,
    /// An address so many bytes after that of `bytes`.
    Inside(u64),
    /// That of memory which is not `bytes`: any, and zero only where there are no bytes.
    Elsewhere,
    Refused(String),
}

fn verdict(ty: &NodeType, wide: Wide, value: &str) -> Verdict {
    let refused =
        |what: &str| Verdict::Refused(format!("TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 {what}"));
    let number: Option<f64> = match value {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        other => other.parse().ok(),
    };
    // What cannot be written as a decimal is out of range of everything.
    let bigint: Option<Option<i128>> = match value {
        "2n ** 64n + 5n" => Some(Some((1 << 64) + 5)),
        "2n ** 200n" | "-(2n ** 200n)" => Some(None),
        other => other.strip_suffix('n').and_then(|digits| digits.parse().ok()).map(Some),
    };
    let integer = |label: &str, low: f64, high: f64| match number {
        Some(value) if value.fract() == 0.0 && (low..=high).contains(&value) => {
            Verdict::Is(format!("{}", value as i64))
        }
        _ => refused(&format!("must be {label}")),
    };
    let is_safe = |number: f64| number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
    let whole = match (bigint, number) {
        (Some(value), _) => value,
        (None, Some(number)) if wide == Wide::BigIntOrNumber && is_safe(number) => Some(number as i128),
        _ => None,
    };
    let wide = |label: &str, low: i128, high: i128| match whole {
        Some(value) if (low..=high).contains(&value) => Verdict::Is(format!("{value}n")),
        _ => refused(&format!("must be {label}")),
    };
    match c_type(ty) {
        "int8_t" => integer("an int8", -128.0, 127.0),
        "uint8_t" => integer("a uint8", 0.0, 255.0),
        "int16_t" => integer("an int16", -32768.0, 32767.0),
        "uint16_t" => integer("a uint16", 0.0, 65535.0),
        "int32_t" => integer("an int32", i32::MIN.into(), i32::MAX.into()),
        "uint32_t" => integer("a uint32", 0.0, u32::MAX.into()),
        "int64_t" => wide("an int64", i64::MIN.into(), i64::MAX.into()),
        "uint64_t" => wide("a uint64", 0, u64::MAX.into()),
        "float" => number.map_or_else(
            || refused("must be a float"),
            |_| Verdict::Is(format!("show(Math.fround({value}))")),
        ),
        "double" => {
            number.map_or_else(|| refused("must be a double"), |_| Verdict::Is(format!("show({value})")))
        }
        _ => match (value, bigint) {
            ("null" | "undefined", _) => Verdict::Is("0n".to_owned()),
            (_, Some(Some(value))) if u64::try_from(value).is_ok() => Verdict::Is(format!("{value}n")),
            (_, Some(_)) => refused("must be a non-negative pointer bigint"),
            ("'nul\\0inside'", _) => refused("must not contain null bytes"),
            (text, _) if text.starts_with('\'') => Verdict::Copy,
            ("bytes" | "bytes.buffer", _) => Verdict::Inside(0),
            ("new DataView(bytes.buffer, 2)", _) => Verdict::Inside(2),
            ("bytes.subarray(3)", _) => Verdict::Inside(3),
            (view, _) if view.contains("Uint8Array") => Verdict::Elsewhere,
            _ => refused("must be a buffer, an ArrayBuffer, a string, or a bigint"),
        },
    }
}

/// The C type of a type, where `char` is as signed as this platform's.
pub(crate) fn c_type(ty: &NodeType) -> &'static str {
    match ty.c {
        "char" if c_char::MIN == 0 => "uint8_t",
        "char" => "int8_t",
        other => other,
    }
}

fn identity(ty: &NodeType) -> &'static str {
    match c_type(ty) {
        "int8_t" => "same_i8",
        "uint8_t" => "same_u8",
        "int16_t" => "same_i16",
        "uint16_t" => "same_u16",
        "int32_t" => "same_i32",
        "uint32_t" => "same_u32",
        "int64_t" => "same_i64",
        "uint64_t" => "same_u64",
        "float" => "same_f32",
        "double" => "same_f64",
        _ => "same_pointer",
    }
}

/// What is passed to a type to warm it, and whether V8 calls the fast code with a value.
fn is_fast(ty: &NodeType, value: &str) -> bool {
    match ty.c {
        // V8 does not look at what it passes as a value.
        "int64_t" | "uint64_t" => true,
        "int8_t" | "char" | "uint8_t" | "int16_t" | "uint16_t" | "int32_t" | "uint32_t" | "float"
        | "double" => value.parse::<f64>().is_ok(),
        _ => true,
    }
}

fn values(realm: &Realm) {
    realm.eval("bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8); shared = new SharedArrayBuffer(8); 0");
    realm.eval("gone = new Uint8Array(8); %ArrayBufferDetach(gone.buffer); 0");
}

/// The result of `name(value)` in optimised code, and whether it went to the slow twin.
fn call(realm: &Realm, handle: Handle, f: &str, value: &str) -> (String, u64) {
    let slow = realm.slow_calls(handle);
    let result = realm.eval(&format!("attempt({f}, {value})"));
    (result, realm.slow_calls(handle) - slow)
}

fn every_type_and_every_value() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    values(&realm);
    let mut pairs = 0;
    let types = NODE_TYPES.iter().filter(|ty| ty.name != "void").map(|ty| (ty, Wide::BigIntOrNumber));
    let bigints = ["int64", "uint64"].into_iter().filter_map(NodeType::named).map(|ty| (ty, Wide::BigInt));
    for (ty, wide) in types.chain(bigints) {
        // Functions are refused fast code by their type, unless the host says that they never call back.
        let settings = NodeSettings { callbacks: Callbacks::Never, wide, ..NodeSettings::default() };
        let handle = realm.define("same", &fixture.node(identity(ty), &[ty.name], ty.name, settings));
        for value in VALUES {
            let warm =
                if matches!(identity(ty), "same_i64" | "same_u64" | "same_pointer") { "1n" } else { "1" };
            realm.eval(&format!("hot = optimised('same', {warm}); 0"));
            let calls = fixture.calls();
            let (fast, slow_calls) = call(&realm, handle, "hot", value);
            let reached = fixture.calls() - calls;
            assert_eq!(slow_calls, u64::from(!is_fast(ty, value)), "{}({value}) = {fast}: the way", ty.name);
            let (slow, slow_calls) = call(&realm, handle, "same", value);
            assert_eq!(slow_calls, 1, "{}({value}) is not called slow", ty.name);
            let both = |what: &str| {
                assert_eq!(fast, what, "{}({value}), fast", ty.name);
                assert_eq!(slow, what, "{}({value}), slow", ty.name);
            };
            match verdict(ty, wide, value) {
                Verdict::Is(shown) if shown.starts_with("show(") => both(&realm.eval(&shown)),
                Verdict::Is(shown) => both(&shown),
                Verdict::Refused(beginning) => {
                    assert_eq!(fast, slow, "{}({value})", ty.name);
                    assert!(fast.starts_with(&beginning), "{}({value}) = {fast}, not {beginning}", ty.name);
                    assert_eq!(reached, 0, "{}({value}) reaches the function", ty.name);
                }
                Verdict::Inside(offset) => {
                    both(&realm.eval(&format!("show(same(bytes) + {offset}n)")));
                    assert_ne!(fast, format!("{offset}n"), "{}({value})", ty.name);
                }
                Verdict::Copy => {
                    let are_addresses = [&fast, &slow].iter().all(|at| at.ends_with('n') && *at != "0n");
                    assert!(are_addresses, "{}({value}) = {fast}, {slow}", ty.name);
                }
                Verdict::Elsewhere => {
                    assert_eq!(fast, slow, "{}({value})", ty.name);
                    let is_address = fast.ends_with('n') && (fast != "0n" || value.contains("(0)"));
                    assert!(is_address, "{}({value}) = {fast}", ty.name);
                }
            }
            pairs += 1;
        }
    }
    assert_eq!(pairs, (NODE_TYPES.len() + 1) * VALUES.len());
}

/// More and fewer than there are parameters, from optimised code that was warmed with them and from the interpreter.
fn number_of_arguments() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    realm.define("add", &fixture.node("add", &["i32", "i32"], "i32", NodeSettings::default()));
    for (given, count) in [("", 0), ("1", 1), ("1, 2, 3", 3), ("1, 2, undefined", 3)] {
        let expected =
            format!("TypeError [ERR_INVALID_ARG_VALUE]: Invalid argument count: expected 2, got {count}");
        let separator = if given.is_empty() { "" } else { ", " };
        realm.eval(&format!("hot = optimised('add'{separator}{given}); 0"));
        let calls = fixture.calls();
        assert_eq!(realm.eval(&format!("attempt(hot{separator}{given})")), expected, "hot({given})");
        assert_eq!(realm.eval(&format!("attempt(add{separator}{given})")), expected, "add({given})");
        assert_eq!(fixture.calls(), calls);
    }
}

/// Each string is one copy with a NUL after it, which is there until the function has returned, and not longer.
fn strings() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let both = fixture.node("two_texts", &["string", "string"], "u64", NodeSettings::default());
    let handle = realm.define("two_texts", &both);
    realm.eval("hot = optimised('two_texts', 'a', 'b'); 0");
    for (first, second) in [
        ("'x'", "'y'"),
        ("''", "'abc'"),
        ("'\\u00e9'", "'\\u20ac\\ud83d\\ude00'"),
        ("'long'.repeat(1000)", "'s'"),
    ] {
        let expected = realm.eval(&format!(
            "show([{first}, {second}].map(text => {{ let n = 0n; for (const byte of utf8(text)) n += BigInt(byte); \
             return n * 1000n + BigInt(utf8(text).length) }}).reduce((a, b) => a * 3n + b))"
        ));
        let slow = realm.slow_calls(handle);
        assert_eq!(realm.eval(&format!("attempt(hot, {first}, {second})")), expected, "{first}, {second}");
        assert_eq!(realm.slow_calls(handle), slow, "called fast");
        assert_eq!(realm.eval(&format!("attempt(two_texts, {first}, {second})")), expected);
    }
}

fn closed() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let add = realm.define("add", &fixture.node("add", &["i32", "i32"], "i32", NodeSettings::default()));
    realm.eval("hot = optimised('add', 1, 2); 0");
    let slow = realm.slow_calls(add);
    assert_eq!(realm.eval("attempt(hot, 20, 22)"), "42");
    // SAFETY: nothing of it runs.
    unsafe { fixture.library.close() };
    let expected = "Error [ERR_FFI_LIBRARY_CLOSED]: the library has been closed";
    assert_eq!(realm.eval("attempt(hot, 20, 22)"), expected);
    assert_eq!(realm.slow_calls(add), slow, "thrown from the fast call");
    assert_eq!(realm.eval("attempt(add, 20, 22)"), expected);
    assert_eq!(realm.eval("attempt(add, 20)"), expected, "before arguments are counted");
}

fn many() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let names: Vec<&str> = ["f64", "i32"].into_iter().cycle().take(18).collect();
    let handle = realm.define("many", &fixture.node("many", &names, "f64", NodeSettings::default()));
    let values: Vec<String> = (1..=18).map(|index: u32| index.to_string()).collect();
    let values = values.join(", ");
    let expected = (1..=18_u64).map(|index| index << (index - 1)).sum::<u64>().to_string();
    realm.eval(&format!("hot = optimised('many', {values}); 0"));
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval(&format!("attempt(hot, {values})")), expected);
    assert_eq!(realm.slow_calls(handle), slow, "called fast");
    assert_eq!(realm.eval(&format!("attempt(many, {values})")), expected);
}

/// Errors are objects: making them in a fast call collects garbage, and moves what it moves.
fn many_errors() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let mut handles = Vec::new();
    for (name, function) in [("number", "same_u8"), ("text", "same_pointer")] {
        let ty = if name == "number" { "u8" } else { "string" };
        handles.push(realm.define(name, &fixture.node(function, &[ty], ty, NodeSettings::default())));
    }
    handles.push(realm.define("loose", &fixture.function("int8_t same_i8(int8_t)")));
    realm.eval("for (const f of ['number', 'text', 'loose']) globalThis['hot_' + f] = optimised(f, f === 'text' ? 'a' : 1); 0");
    realm.eval(
        "all = (f, value, message) => { kept = []; for (let i = 0; i < 10; i++) { \
        kept.push(new Array(10000).fill(i)); \
        if (thrown(50, message, f, value) !== 50) return i } return 'all' }; %NeverOptimizeFunction(all); 0",
    );
    let slow: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
    let code = "[ERR_INVALID_ARG_VALUE]";
    for (f, value, message) in [
        ("number", "256", format!("TypeError {code}: Argument 0 must be a uint8, not 256")),
        (
            "text",
            "true",
            format!(
                "TypeError {code}: Argument 0 must be a buffer, an ArrayBuffer, a string, or a bigint, not true"
            ),
        ),
        ("loose", "128", format!("RangeError {code}: argument 1 is 128, which does not fit")),
    ] {
        assert_eq!(realm.eval(&format!("all(hot_{f}, {value}, '{message}')")), "all", "{f}");
    }
    let now: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
    assert_eq!(now, slow, "all of them threw from the fast call");
}

/// What old versions of V8 can do of it as well. 64 bits given as bigints alone, and functions that may call back.
fn integers() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = realm.define("same_u8", &fixture.node("same_u8", &["u8"], "u8", NodeSettings::default()));
    for (value, expected) in [
        ("255", "255"),
        ("256", "TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 must be a uint8, not 256"),
        ("-1", "TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 must be a uint8, not -1"),
        ("0.5", "TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 must be a uint8, not 0.5"),
        ("true", "TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 must be a uint8, not true"),
    ] {
        realm.eval("hot = optimised('same_u8', 1); 0");
        assert_eq!(realm.eval(&format!("attempt(hot, {value})")), expected);
        assert_eq!(realm.eval(&format!("attempt(same_u8, {value})")), expected);
    }
    realm.eval("hot = optimised('same_u8', 1); 0");
    let slow = realm.slow_calls(handle);
    assert_eq!((realm.eval("attempt(hot, 7)"), realm.slow_calls(handle)), ("7".to_owned(), slow));
    let bigints = NodeSettings { wide: Wide::BigInt, ..NodeSettings::default() };
    realm.define("i64_to_f64", &fixture.node("i64_to_f64", &["i64"], "f64", bigints));
    let expected = "TypeError [ERR_INVALID_ARG_VALUE]: Argument 0 must be an int64, not 5";
    realm.eval("hot = optimised('i64_to_f64', 1n); 0");
    assert_eq!(realm.eval("attempt(hot, 5)"), expected);
    assert_eq!(realm.eval("attempt(i64_to_f64, 5)"), expected);
    assert_eq!(realm.eval("attempt(hot, -5n)"), "-5");
    let function = fixture.node("call_back", &["function", "i32"], "i32", NodeSettings::default());
    assert!(matches!(function.fast(), Err(NoFast::CallsBack)));
}
