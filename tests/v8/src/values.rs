//! Scalars: the fast and the slow path agree on every value.

use springboard::ir::Prototype;
use springboard_js::v8::{Callbacks, Int64, NODE_TYPES, Narrow, Settings, node_signature};

use crate::{
    Case, Since,
    host::{Fixture, settings},
    realm::{Handle, Realm, is_modern},
    strict::c_type,
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "values::both_paths_agree", since: Since::Always, run: both_paths_agree },
    Case {
        name: "values::both_paths_agree_on_64_bits",
        since: Since::V12_6,
        run: both_paths_agree_on_64_bits,
    },
    Case { name: "values::integers_of_64_bits_as_numbers", since: Since::Always, run: numbers_of_64_bits },
    Case { name: "values::boundaries_are_what_they_are", since: Since::Always, run: boundaries },
    Case { name: "values::trusted_integers", since: Since::Always, run: trusted },
    Case { name: "values::many_arguments", since: Since::Always, run: many_arguments },
    Case { name: "values::aggregates", since: Since::V12_6, run: aggregates },
    Case { name: "values::types_of_node_ffi", since: Since::V12_6, run: types_of_node_ffi },
    Case { name: "values::leaving_optimised_code", since: Since::Always, run: leaving_optimised_code },
];

/// What is passed to every type: boundaries of all of them, and values of other types.
const VALUES: &str = "0 1 -1 1.5 -1.5 127 128 -128 -129 255 256 32767 32768 -32768 -32769 65535 65536 2147483647 \
    2147483648 -2147483648 -2147483649 4294967295 4294967296 4294967301 9007199254740991 9007199254740993 1e300 \
    -1e300 3.4028234663852886e38 1e-46 NaN Infinity -Infinity -0 '' '5' true false undefined null ({}) 0n 1n -1n \
    9223372036854775807n 9223372036854775808n -9223372036854775808n 18446744073709551615n 18446744073709551621n \
    -(2n**200n)";

/// How a call went.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Fast,
    Slow,
}

/// Calls `name` with one value from optimised code and from the interpreter. Both must do the same, and the latter
/// go to the slow twin; says which way the former went.
fn compare(
    realm: &Realm,
    fixture: &Fixture,
    name: &str,
    handle: Handle,
    warm: &str,
    value: &str,
) -> (String, Way) {
    realm.eval(&format!("hot = optimised('{name}', {warm}); 0"));
    let (slow_before, calls_before) = (realm.slow_calls(handle), fixture.calls());
    let fast = realm.eval(&format!("attempt(hot, {value})"));
    let (slow_between, calls_between) = (realm.slow_calls(handle), fixture.calls());
    let slow = realm.eval(&format!("attempt({name}, {value})"));
    assert_eq!(realm.slow_calls(handle), slow_between + 1, "{name}({value}) is not called by the slow twin");
    assert_eq!(fast, slow, "{name}({value}), optimised and not");
    assert!(!fast.contains("Error:"), "{name}({value}) throws without a code: {fast}");
    // An old V8 calls the slow twin after a fast call that failed, which has not reached the function then.
    let reached = fixture.calls() - calls_between;
    assert_eq!(calls_between - calls_before, reached, "{name}({value}) reaches the function as often");
    (fast, if slow_between == slow_before { Way::Fast } else { Way::Slow })
}

/// Runs all values through a function, and expects the fast path for those of a type of JavaScript.
fn agree(
    realm: &mut Realm,
    fixture: &Fixture,
    name: &str,
    declaration: &str,
    with: Settings,
    warm: &str,
    fast: fn(&str) -> bool,
) {
    let handle = realm.define(name, &fixture.function_with(declaration, with));
    for value in VALUES.split_whitespace() {
        let (result, way) = compare(realm, fixture, name, handle, warm, value);
        // A modern V8 throws from the fast call, an old one goes to the slow twin to do it.
        let refused = result.contains("does not fit") && !is_modern();
        let expected = if fast(value) && !refused { Way::Fast } else { Way::Slow };
        assert_eq!(way, expected, "{name}({value}) = {result}");
    }
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value, "Infinity" | "-Infinity")
}

fn is_bigint(value: &str) -> bool {
    value.ends_with('n') || value.ends_with("n)")
}

fn both_paths_agree() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    for ty in ["int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t"] {
        let name = format!("same_{}", ty.trim_end_matches("_t").replace("uint", "u").replace("int", "i"));
        agree(&mut realm, &fixture, &name, &format!("{ty} {name}({ty})"), settings(), "1", is_number);
    }
    agree(&mut realm, &fixture, "same_f32", "float same_f32(float)", settings(), "1.5", is_number);
    agree(&mut realm, &fixture, "same_f64", "double same_f64(double)", settings(), "1.5", is_number);
    // V8 makes a boolean of anything.
    agree(&mut realm, &fixture, "same_bool", "_Bool same_bool(_Bool)", settings(), "true", |_| true);
}

fn both_paths_agree_on_64_bits() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    for (name, ty) in [("same_i64", "int64_t"), ("same_u64", "uint64_t"), ("same_pointer", "void *")] {
        let declaration = format!("{ty} {name}({ty})");
        agree(&mut realm, &fixture, name, &declaration, settings(), "1n", is_bigint);
    }
}

/// Whole numbers of 64 bits, from the last that fit to the first that do not.
const WHOLE: &str = "0 1 -1 4294967296 9007199254740991 9007199254740992 9007199254740994 -9007199254740992 \
    9223372036854774784 -9223372036854775808";
const NOT_WHOLE: &str =
    "9223372036854775808 -9223372036854777856 18446744073709549568 1e300 0.5 NaN Infinity -Infinity";

/// 64-bit integers as numbers: those that are whole and fit take the fast path, whether numbers of JavaScript tell
/// them from their neighbours or not; others are errors.
fn numbers_of_64_bits() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let settings = || Settings { int64: Some(Int64::Number), ..settings() };
    let i64 = fixture.function_with("double i64_to_f64(int64_t)", settings());
    let u64 = fixture.function_with("double u64_to_f64(uint64_t)", settings());
    let mut functions = vec![("i64_to_f64", i64), ("u64_to_f64", u64)];
    if is_modern() {
        functions.push(("same_i64", fixture.function_with("int64_t same_i64(int64_t)", settings())));
        functions.push(("same_u64", fixture.function_with("uint64_t same_u64(uint64_t)", settings())));
    }
    for (name, function) in functions {
        let handle = realm.define(name, &function);
        for warm in ["1", "-1e18"] {
            for value in WHOLE.split_whitespace() {
                let (result, way) = compare(&realm, &fixture, name, handle, warm, value);
                assert_eq!(way, Way::Fast, "{name}({value}) = {result}");
                // Those without a sign wrap around.
                let expected = match value.strip_prefix('-') {
                    Some(below) if name.contains("u64") => format!("Number(2n ** 64n - {below}n)"),
                    _ => value.to_owned(),
                };
                assert_eq!(result, realm.eval(&format!("show({expected})")), "{name}({value})");
            }
            for value in NOT_WHOLE.split_whitespace() {
                let (result, way) = compare(&realm, &fixture, name, handle, warm, value);
                let expected =
                    "TypeError [ERR_INVALID_ARG_VALUE]: argument 1 must be a whole number of 64 bits, not ";
                assert!(result.starts_with(expected) && way == Way::Slow, "{name}({value}) = {result}");
            }
        }
        // V8 knows no whole -0.
        assert_eq!(compare(&realm, &fixture, name, handle, "1", "-0").0, "0");
        for (value, shown) in
            [("'5'", "a string"), ("undefined", "undefined"), ("({})", "another value"), ("5n", "5n")]
        {
            let (result, way) = compare(&realm, &fixture, name, handle, "1", value);
            let expected =
                format!("TypeError [ERR_INVALID_ARG_VALUE]: argument 1 must be a number, not {shown}");
            assert_eq!((result, way), (expected, Way::Slow), "{name}({value})");
        }
    }
}

/// Results that are right, and not only the same.
fn boundaries() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    for (ty, low, high) in [
        ("int8_t", "-128", "127"),
        ("uint8_t", "0", "255"),
        ("int16_t", "-32768", "32767"),
        ("uint16_t", "0", "65535"),
        ("int32_t", "-2147483648", "2147483647"),
        ("uint32_t", "0", "4294967295"),
    ] {
        let name = format!("same_{}", ty.trim_end_matches("_t").replace("uint", "u").replace("int", "i"));
        let handle = realm.define(&name, &fixture.function(&format!("{ty} {name}({ty})")));
        for value in [low, high] {
            let (result, way) = compare(&realm, &fixture, &name, handle, "1", value);
            assert_eq!((result.as_str(), way), (value, Way::Fast), "{name}");
        }
        if !ty.contains("32") {
            for value in [format!("{low} - 1"), format!("{high} + 1")] {
                let (result, _) = compare(&realm, &fixture, &name, handle, "1", &value);
                let shown = match realm.eval(&value).as_str() {
                    // Fast code gets the same 32 bits for both.
                    "-1" => "-1 or 4294967295".to_owned(),
                    other => other.to_owned(),
                };
                let expected =
                    format!("RangeError [ERR_INVALID_ARG_VALUE]: argument 1 is {shown}, which does not fit");
                assert_eq!(result, expected, "{name}({value})");
            }
        }
    }
    let handle = realm.define("same_f64", &fixture.function("double same_f64(double)"));
    for value in ["-0", "NaN", "Infinity", "5e-324", "1.7976931348623157e+308"] {
        let (result, way) = compare(&realm, &fixture, "same_f64", handle, "1", value);
        assert_eq!((result.as_str(), way), (value, Way::Fast));
    }
}

/// Without checks, what is in range is passed as it is.
fn trusted() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let settings = || Settings { narrow: Narrow::Trust, ..settings() };
    for (ty, values) in
        [("int8_t", ["-128", "127"]), ("uint8_t", ["0", "255"]), ("int16_t", ["-32768", "32767"])]
    {
        let name = format!("same_{}", ty.trim_end_matches("_t").replace("uint", "u").replace("int", "i"));
        let handle = realm.define(&name, &fixture.function_with(&format!("{ty} {name}({ty})"), settings()));
        for value in values {
            let (result, way) = compare(&realm, &fixture, &name, handle, "1", value);
            assert_eq!((result.as_str(), way), (value, Way::Fast), "{name}");
        }
    }
}

/// More arguments than registers, and than Node takes.
fn many_arguments() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let nine = ["int32_t"; 9].join(", ");
    let many = ["double, int32_t"; 9].join(", ");
    for (name, declaration, arguments) in [
        ("nothing", "void nothing(void)".to_owned(), 0),
        ("add", "int32_t add(int32_t, int32_t)".to_owned(), 2),
        ("mixed", "double mixed(int32_t, float, double, uint32_t)".to_owned(), 4),
        ("nine", format!("int32_t nine({nine})"), 9),
        ("many", format!("double many({many})"), 18),
    ] {
        let handle = realm.define(name, &fixture.function(&declaration));
        let values: Vec<String> = (1..=arguments).map(|index| index.to_string()).collect();
        // Each argument has twice the weight of the one before.
        let expected: i64 = (1..=arguments).map(|index| index << (index - 1)).sum();
        let expected = match name {
            "nothing" => "undefined".to_owned(),
            "add" => "3".to_owned(),
            _ => expected.to_string(),
        };
        let values = values.join(", ");
        let comma = if arguments == 0 { "" } else { ", " };
        let hot = format!("hot = optimised('{name}'{comma}{values}); 0");
        realm.eval(&hot);
        let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
        assert_eq!(realm.eval(&format!("times(1000, hot{comma}{values}); show(hot({values}))")), expected);
        assert_eq!(
            (realm.slow_calls(handle) - slow, fixture.calls() - calls),
            (0, 1001),
            "{name} is called fast"
        );
        assert_eq!(realm.eval(&format!("attempt({name}, {values})")), expected);
        assert_eq!(realm.slow_calls(handle), slow + 1);
    }
}

/// Structures by the address of their bytes, which a buffer's address is.
fn aggregates() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let address = Settings { buffers: vec![0], ..settings() };
    realm.define("address", &fixture.function_with("void *same_pointer(void *)", address));
    let weigh = "struct point { double x; int32_t y; }; double weigh(struct point, int32_t)";
    let triple = "struct three { int64_t v[3]; }; struct three triple(int32_t)";
    let handles =
        [realm.define("weigh", &fixture.function(weigh)), realm.define("triple", &fixture.function(triple))];
    realm.eval(
        "point = new Float64Array([0.5, 0]); new Int32Array(point.buffer)[2] = 7; at = address(point); 0",
    );
    realm.eval("three = new BigInt64Array(3); to = address(three); 0");
    realm
        .eval("weighed = optimised('weigh', at, 3); tripled = optimised('triple', 5, to); three.fill(0n); 0");
    let slow = handles.map(|handle| realm.slow_calls(handle));
    assert_eq!(realm.eval("show(weighed(at, 3))"), "21.5");
    assert_eq!(realm.eval("show(tripled(5, to)) + ' ' + three"), "undefined 5,6,7");
    assert_eq!(handles.map(|handle| realm.slow_calls(handle)), slow);
    assert_eq!(realm.eval("attempt(weigh, at, 3)"), "21.5");
    assert_eq!(realm.eval("three.fill(0n); attempt(triple, 8, to) + ' ' + three"), "undefined 8,9,10");
    assert_eq!(handles.map(|handle| realm.slow_calls(handle)), slow.map(|count| count + 1));
}

/// Every name that `node:ffi` has for a type, as argument and as result.
fn types_of_node_ffi() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    for ty in NODE_TYPES.iter().filter(|ty| ty.name != "void") {
        let (function, value) = match c_type(ty) {
            "int8_t" => ("same_i8", "-5"),
            "uint8_t" => ("same_u8", "250"),
            "int16_t" => ("same_i16", "-5"),
            "uint16_t" => ("same_u16", "65000"),
            "int32_t" => ("same_i32", "-5"),
            "uint32_t" => ("same_u32", "4000000000"),
            "int64_t" => ("same_i64", "-5n"),
            "uint64_t" => ("same_u64", "18446744073709551611n"),
            "float" => ("same_f32", "0.5"),
            "double" => ("same_f64", "0.1"),
            _ if ty.is_buffer => ("same_pointer", "new Uint8Array(8)"),
            _ => ("same_pointer", "18446744073709551611n"),
        };
        for name in [ty.name].iter().chain(ty.aliases) {
            let (signature, buffers) =
                node_signature(&[name], name).expect("a type is an argument and a result");
            let declared = Prototype { name: Some(function.into()), signature };
            // The fixture calls none of them.
            let settings = Settings { buffers, callbacks: Callbacks::Never, ..settings() };
            let function = fixture.library.function(declared, &settings);
            let global = format!("same_{name}");
            let handle = realm.define(&global, &function.expect("the fixture has it"));
            realm.eval(&format!("value = {value}; hot = optimised('{global}', value); 0"));
            let slow = realm.slow_calls(handle);
            let fast = realm.eval("show(hot(value))");
            assert_eq!(realm.slow_calls(handle), slow, "{name} is passed fast");
            assert_eq!(realm.eval(&format!("attempt({global}, value)")), fast, "{name}, slow");
            if ty.is_buffer {
                assert!(fast.ends_with('n') && fast != "0n", "the address of {name}: {fast}");
            } else {
                assert_eq!(fast, value, "{name}");
            }
        }
    }
}

/// A value of another type makes V8 throw away the optimised code; the same function is optimised again.
fn leaving_optimised_code() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = realm.define("add", &fixture.function("int32_t add(int32_t, int32_t)"));
    realm.eval("hot = optimised('add', 1, 2); 0");
    // The bit of V8's `OptimizationStatus` that says optimised.
    let optimised = || realm.eval("(%GetOptimizationStatus(hot) & (1 << 4)) !== 0");
    assert_eq!(optimised(), "true");
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval("show(hot(20, 22))"), "42");
    assert_eq!(realm.slow_calls(handle), slow, "called fast");
    assert_eq!(
        realm.eval("attempt(hot, 'x', 1)"),
        "TypeError [ERR_INVALID_ARG_VALUE]: argument 1 must be a number, not a string"
    );
    assert_eq!(realm.slow_calls(handle), slow + 1, "called slow, once");
    assert_eq!(optimised(), "false");
    assert_eq!(realm.eval("show(hot(20, 22))"), "42");
    assert_eq!(realm.slow_calls(handle), slow + 2, "called slow, without optimised code");
    realm.eval(
        "%PrepareFunctionForOptimization(hot); hot(1, 2); %OptimizeFunctionOnNextCall(hot); hot(1, 2); 0",
    );
    let slow = realm.slow_calls(handle);
    assert_eq!((realm.eval("show(hot(20, 22))"), optimised()), ("42".to_owned(), "true".to_owned()));
    assert_eq!(realm.slow_calls(handle), slow, "fast again");
}
