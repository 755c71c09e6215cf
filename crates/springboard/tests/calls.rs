//! Calls of known C functions: every kind of type, by each way of calling, through stubs and through libffi.

use std::{
    ffi::{CStr, c_void},
    ptr::NonNull,
};

use springboard::{BindError, Engine, Library, Value};

mod support;

use support::{BOTH, NoWritableCode, bytes, call, engine, enter, function, word};

/// Calls `name` with `arguments` by both paths, and wants `result` from each.
fn gives(name: &str, arguments: &[Value], result: impl Into<Value>) {
    let result = result.into();
    for jit in BOTH {
        let function = function(&engine(jit), name);
        assert_eq!(call(&function, arguments), result, "{name} of {arguments:?} ({})", function.path());
    }
}

#[test]
fn nothing_and_no_arguments() {
    let _maps = NoWritableCode;
    gives("nothing", &[], Value::Void);
    gives("forty_two", &[], 42);
}

#[test]
fn integers_of_every_width() {
    let _maps = NoWritableCode;
    gives("not_bool", &[false.into()], true);
    gives("not_bool", &[true.into()], false);
    for x in [i8::MIN, -1, 0, 1, i8::MAX] {
        gives("neg_i8", &[x.into()], x.wrapping_neg());
        gives("widen_i8", &[x.into()], i64::from(x));
    }
    for x in [i16::MIN, -1, 0, 1, i16::MAX] {
        gives("neg_i16", &[x.into()], x.wrapping_neg());
    }
    for x in [i32::MIN, -1, 0, 1, i32::MAX] {
        gives("neg_i32", &[x.into()], x.wrapping_neg());
    }
    for x in [i64::MIN, -1, 0, 1, i64::MAX] {
        gives("neg_i64", &[x.into()], x.wrapping_neg());
    }
    for x in [0, 1, 0x7f, 0x80, u8::MAX] {
        gives("inc_u8", &[x.into()], x.wrapping_add(1));
    }
    for x in [0, 1, 0x7fff, 0x8000, u16::MAX] {
        gives("inc_u16", &[x.into()], x.wrapping_add(1));
        gives("widen_u16", &[x.into()], i64::from(x));
    }
    for x in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        gives("inc_u32", &[x.into()], x.wrapping_add(1));
    }
    for x in [0, 1, 1 << 63, u64::MAX] {
        gives("inc_u64", &[x.into()], x.wrapping_add(1));
    }
    gives("next_color", &[0.into()], 7);
    gives("next_color", &[7.into()], -1);
}

#[test]
fn floats_to_the_bit() {
    let _maps = NoWritableCode;
    let bits = |value: Value| match value {
        Value::F32(value) => u64::from(value.to_bits()),
        Value::F64(value) => value.to_bits(),
        other => panic!("{other:?}"),
    };
    for jit in BOTH {
        let engine = engine(jit);
        for x in [
            0.0,
            -0.0,
            1.5,
            f64::MIN_POSITIVE,
            f64::MAX,
            f64::INFINITY,
            f64::from_bits(0x7ff8_0000_dead_beef),
        ] {
            let half = call(&function(&engine, "half_f64"), &[x.into()]);
            assert_eq!(bits(half), (x / 2.0).to_bits(), "{x}");
        }
        for x in [0.0, -0.0, 1.5, f32::MIN_POSITIVE, f32::MAX, f32::NEG_INFINITY, f32::from_bits(0x7fc0_beef)]
        {
            let half = call(&function(&engine, "half_f32"), &[x.into()]);
            assert_eq!(bits(half), u64::from((x / 2.0).to_bits()), "{x}");
        }
    }
}

#[test]
fn pointers() {
    let _maps = NoWritableCode;
    let text = c"springboard";
    gives("advance", &[text.into()], text.as_ptr().wrapping_add(1));
}

#[test]
fn registers_and_stack() {
    let _maps = NoWritableCode;
    gives("mix", &[(-1).into(), 2.5.into(), i64::from(i32::MAX).into(), 0.5f32.into()], 2_147_483_649.0);
    let numbers: Vec<Value> = (1..=8i64).map(Value::from).collect();
    gives("sum8", &numbers, 204i64);
    let mut numbers: Vec<Value> = Vec::new();
    for i in 1..=18 {
        numbers.push(if i % 2 == 1 { i.into() } else { f64::from(i).into() });
    }
    numbers.extend([19.0f32.into(), 20i8.into()]);
    gives("many", &numbers, f64::from((1..=20).map(|i| i * i).sum::<i32>()));
}

#[test]
fn a_thousand_arguments() {
    let _maps = NoWritableCode;
    let params: Vec<String> = (0..1000).map(|i| format!("int x{i}")).collect();
    let terms: Vec<String> = (0..1000).map(|i| format!("x{i} * {i}LL")).collect();
    let declaration = format!("long long weigh({})", params.join(", "));
    let library = support::load(&format!("{declaration} {{ return {}; }}", terms.join(" + ")), "thousand");
    let arguments: Vec<Value> = (0..1000).map(|i| (i - 500).into()).collect();
    let sum: i64 = (0..1000).map(|i| i * (i - 500)).sum();
    for jit in BOTH {
        let weigh = engine(jit).function(&library, declaration.as_str()).unwrap();
        assert_eq!(call(&weigh, &arguments), Value::from(sum));
        let slots: Vec<u64> = (0..1000i32).map(|i| word(i - 500)).collect();
        assert_eq!(enter(&weigh.slots::<i64>().unwrap(), &slots), sum);
    }
}

fn f32s(numbers: &[f32]) -> Value {
    Value::Bytes(numbers.iter().flat_map(|x| x.to_ne_bytes()).collect())
}

fn f64s(numbers: &[f64]) -> Value {
    Value::Bytes(numbers.iter().flat_map(|x| x.to_ne_bytes()).collect())
}

fn i32s(numbers: &[i32]) -> Value {
    Value::Bytes(numbers.iter().flat_map(|x| x.to_ne_bytes()).collect())
}

fn i64s(numbers: &[i64]) -> Value {
    Value::Bytes(numbers.iter().flat_map(|x| x.to_ne_bytes()).collect())
}

#[test]
fn structures() {
    let _maps = NoWritableCode;
    gives("scale", &[f32s(&[1.5, -2.0]), 2.0f32.into()], f32s(&[3.0, -4.0]));
    gives("rotate", &[i64s(&[1, 2, 3])], i64s(&[2, 3, 1]));
    gives("upper", &[b"board".as_slice().into()], b"BOARD".as_slice());
    gives("double_floats", &[f32s(&[1.0, 2.0, 3.0, 4.0])], f32s(&[2.0, 4.0, 6.0, 8.0]));
    gives("double_doubles", &[f64s(&[1.0, 2.0, 3.0, 4.0])], f64s(&[2.0, 4.0, 6.0, 8.0]));
    let large: Vec<i32> = (0..32).collect();
    let more: Vec<i32> = (5..37).collect();
    gives("increment_large", &[i32s(&large), 5.into()], i32s(&more));
}

#[test]
fn structures_with_padding() {
    let _maps = NoWritableCode;
    let known = |value: Value, members: &[std::ops::Range<usize>]| match value {
        Value::Bytes(bytes) => members.iter().map(|range| bytes[range.clone()].to_vec()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    for jit in BOTH {
        let engine = engine(jit);
        let mixed =
            |weight: f64, count: i32| bytes(&[&weight.to_ne_bytes(), &count.to_ne_bytes(), &[0xaa; 4]]);
        let members = [0..8, 8..12];
        assert_eq!(
            known(call(&function(&engine, "heavier"), &[mixed(1.5, 7), 0.5.into()]), &members),
            known(mixed(2.0, 8), &members)
        );
        let nested = |y: f32, id: i16, tag: u8| {
            bytes(&[&1f32.to_ne_bytes(), &y.to_ne_bytes(), &id.to_ne_bytes(), &[tag, 0xaa]])
        };
        let members = [0..8, 8..11];
        assert_eq!(
            known(call(&function(&engine, "deepen"), &[nested(2.0, 300, 4)]), &members),
            known(nested(3.0, -300, 5), &members)
        );
        let after = function(&engine, "after_registers");
        let mut arguments: Vec<Value> = (1..=5i64).map(Value::from).collect();
        arguments.extend([mixed(10.0, 20), i64s(&[100, 200, 300])]);
        assert_eq!(call(&after, &arguments), i64s(&[15, 30, 600]));
    }
}

#[test]
fn unions() {
    let _maps = NoWritableCode;
    gives("negate_number", &[i32s(&[5]), 0.into()], i32s(&[-5]));
    gives("negate_number", &[f32s(&[5.0]), 1.into()], f32s(&[-5.0]));
    gives("swap_wide", &[i32s(&[1, 2])], i32s(&[2, 1]));
    gives("retag", &[i32s(&[1, 2])], i32s(&[2, 3]));
}

#[test]
fn packed_and_empty_and_bits() {
    let _maps = NoWritableCode;
    let large = bytes(&[&[1], &10i64.to_ne_bytes(), &20i64.to_ne_bytes(), &30i64.to_ne_bytes()]);
    gives("packed_large_sum", &[100.into(), large], 161i64);
    gives("around_empty", &[5.into(), bytes(&[]), 3.into()], 2);
    gives("make_empty", &[5.into()], bytes(&[]));
    let bits = |low: u32, middle: u32, high: i32| i32s(&[(low | middle << 3) as i32 | high << 15]);
    gives("next_bits", &[bits(3, 1000, -7)], bits(4, 1001, -8));
}

#[test]
fn long_double_and_complex() {
    let _maps = NoWritableCode;
    let wide = |x: f64| call(&function(&Engine::new(), "wrap_wide"), &[x.into()]);
    gives("round_wide", &[wide(2.5)], 2.5);
    for jit in BOTH {
        let engine = engine(jit);
        let sum = call(&function(&engine, "add_wide"), &[wide(2.5), 0.25.into()]);
        assert_eq!(call(&function(&engine, "round_wide"), &[sum]), Value::from(2.75));
        let Value::Bytes(two) = wide(2.0) else { panic!("a long double is bytes") };
        let turn = function(&engine, "turn_wide");
        let Value::Bytes(turned) = call(&turn, &[Value::Bytes([&*two, &*two].concat().into())]) else {
            panic!("a complex number is bytes")
        };
        let parts = turned.split_at(turned.len() / 2);
        let rounded = [parts.0, parts.1].map(|part| call(&function(&engine, "round_wide"), &[part.into()]));
        assert_eq!(rounded, [Value::from(-2.0), Value::from(2.0)]);
    }
    gives("turn_f32", &[f32s(&[1.0, 2.0])], f32s(&[-2.0, 1.0]));
    gives("turn_f64", &[f64s(&[1.0, 2.0])], f64s(&[-2.0, 1.0]));
}

/// Which types one of the two paths cannot pass. A function that neither can is refused when it is bound.
#[test]
fn what_a_path_cannot_express() {
    let _maps = NoWritableCode;
    let x86_64 = support::system::SYSTEM_V;
    struct Case<'a> {
        name: &'a str,
        arguments: &'a [Value],
        result: Value,
        stub: bool,
        libffi: bool,
    }
    let cases = [
        Case {
            name: "neg_i128",
            arguments: &[1.into(), (1i128 << 100).into()],
            result: (1 - (1i128 << 100)).into(),
            stub: true,
            libffi: false,
        },
        Case {
            name: "double_vector",
            arguments: &[i32s(&[1, 2, 3, 4])],
            result: i32s(&[2, 4, 6, 8]),
            stub: true,
            libffi: false,
        },
        // In memory on x86_64 alone, because a member is not aligned, which libffi cannot be told.
        Case {
            name: "packed_value",
            arguments: &[bytes(&[&[1], &7i32.to_ne_bytes()])],
            result: 8.into(),
            stub: true,
            libffi: !x86_64,
        },
        // On x86_64 on the stack, which libffi aligns to 16 bytes.
        Case {
            name: "aligned_value",
            arguments: &[1.into(), bytes(&[&2.5f64.to_ne_bytes(), &[0; 24]])],
            result: 3.5.into(),
            stub: true,
            libffi: !x86_64,
        },
    ];
    for Case { name, arguments, result, stub, libffi } in cases {
        for (jit, expressible) in BOTH.into_iter().zip([stub || libffi, libffi]) {
            let declared = support::declarations().function(name).expect("fixture.c declares it");
            match engine(jit).function(&support::fixture(), declared) {
                Ok(function) => {
                    assert!(expressible, "{name} ({})", function.path());
                    assert_eq!(call(&function, arguments), result, "{name} ({})", function.path());
                }
                Err(error) => {
                    assert!(!expressible, "{name}: {error}");
                    assert!(matches!(error, BindError::NoPath { .. }), "{name}: {error}");
                }
            }
        }
    }
}

#[test]
fn variadic_calls() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let engine = engine(jit);
        let bind = |declaration: &str| engine.function(&support::fixture(), declaration).unwrap();
        let sum = bind("int64_t sum_ints(int32_t, ..., int, int, int)");
        assert_eq!(call(&sum, &[3.into(), 1.into(), 2.into(), 3.into()]), Value::from(123i64));
        let none = bind("int64_t sum_ints(int32_t, ...)");
        assert_eq!(call(&none, &[0.into()]), Value::from(0i64));
        let pairs: Vec<&str> = vec!["int64_t, double"; 9];
        let sum = bind(&format!("double sum_pairs(int32_t, ..., {})", pairs.join(", ")));
        let mut arguments: Vec<Value> = vec![9.into()];
        for i in 1..=9i64 {
            arguments.extend([i.into(), (i as f64 / 2.0).into()]);
        }
        assert_eq!(call(&sum, &arguments), Value::from(67.5));
    }
}

#[test]
fn slots_of_every_result() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let engine = engine(jit);
        macro_rules! slots {
            ($($name:literal, $result:ty: $argument:expr => $expected:expr;)*) => {$(
                let bound = function(&engine, $name);
                let (slots, untyped) = (bound.slots::<$result>().unwrap(), bound.untyped_slots());
                // Handles keep what they call.
                drop(bound);
                assert_eq!(enter(&slots, &[word($argument)]), $expected, "{}", $name);
                // SAFETY: the function takes one word.
                let slot = unsafe { untyped.call(&[word($argument)]) };
                let expected: $result = $expected;
                assert_eq!(slot, word(expected), "{}", $name);
            )*};
        }
        slots! {
            "not_bool", bool: true => false;
            "neg_i8", i8: i8::MIN => i8::MIN;
            "neg_i16", i16: 300i16 => -300;
            "neg_i32", i32: i32::MIN + 1 => i32::MAX;
            "neg_i64", i64: 5i64 => -5;
            "inc_u8", u8: u8::MAX => 0;
            "inc_u16", u16: 0xfffeu16 => 0xffff;
            "inc_u32", u32: 0x7fff_ffffu32 => 0x8000_0000;
            "inc_u64", u64: u64::MAX - 1 => u64::MAX;
            "half_f32", f32: 3.0f32 => 1.5;
            "half_f64", f64: -0.5f64 => -0.25;
            "advance", *mut u8: c"ab".as_ptr() => c"ab".as_ptr().cast_mut().wrapping_add(1).cast();
        }
        enter(&function(&engine, "nothing").slots::<()>().unwrap(), &[]);
        // SAFETY: the function takes nothing.
        assert_eq!(unsafe { function(&engine, "nothing").untyped_slots().call(&[]) }, 0);
        let (three, mut result) = ([1i64, 2, 3], [0i64; 3]);
        enter(
            &function(&engine, "rotate").slots::<()>().unwrap(),
            &[word(three.as_ptr()), word(result.as_mut_ptr())],
        );
        assert_eq!(result, [2, 3, 1]);
    }
}

/// libffi may store whole registers; only the bytes of the result may change.
#[test]
fn results_in_memory_end_where_they_end() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let upper = function(&engine(jit), "upper");
        let mut result = [0x55u8; 16];
        enter(&upper.slots::<()>().unwrap(), &[word(b"board".as_ptr()), word(result.as_mut_ptr())]);
        assert_eq!(&result[..5], b"BOARD", "{}", upper.path());
        assert_eq!(result[5..], [0x55; 11], "{}", upper.path());
    }
}

#[test]
fn typed_pointers() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let engine = engine(jit);
        let mix = function(&engine, "mix");
        let typed = mix.typed::<unsafe extern "C" fn(i32, f64, i64, f32) -> f64>().unwrap();
        // SAFETY: `mix` is sound to call with any numbers.
        assert_eq!(unsafe { typed.call(1, 2.0, 3, 4.0) }, 10.0);
        let not = function(&engine, "not_bool");
        // SAFETY: `not_bool` is sound to call.
        assert!(unsafe { not.typed::<unsafe extern "C" fn(bool) -> bool>().unwrap().call(false) });
        let sum = engine.function(&support::fixture(), "int64_t sum_ints(int32_t, ..., int, int)").unwrap();
        let typed = sum.typed::<unsafe extern "C" fn(i32, ...) -> i64>().unwrap();
        // SAFETY: as many integers as it is told.
        assert_eq!(unsafe { typed.get()(4, 1, 2, 3, 4) }, 1234);
    }
}

/// libffi has no `__int128`, and a typed pointer needs no libffi.
#[test]
fn typed_pointers_of_sixteen_bytes() {
    let _maps = NoWritableCode;
    let neg = function(&engine(springboard::Jit::On), "neg_i128");
    let typed = neg.typed::<unsafe extern "C" fn(i32, i128) -> i128>().unwrap();
    // SAFETY: `neg_i128` is sound to call.
    assert_eq!(unsafe { typed.call(0, 1 << 90) }, -(1 << 90));
}

/// With the pack some paths are others: `pack.rs`.
#[cfg(not(feature = "pack"))]
#[test]
fn paths_and_reasons() {
    use springboard::{Path, abi::Ineligible};

    let jit = engine(springboard::Jit::On);
    assert!(matches!(function(&jit, "mix").path(), Path::Native));
    let off = engine(springboard::Jit::Off);
    let path = function(&off, "mix").path().to_string();
    assert_eq!(path, "libffi: compiling is turned off");
    assert_eq!(
        matches!(
            function(&jit, "add_wide").path(),
            Path::Libffi(springboard::Reason::Ineligible(Ineligible::X87Result))
        ),
        support::system::SYSTEM_V
    );
    #[cfg(target_arch = "aarch64")]
    assert!(!matches!(
        function(&jit, "add_wide").path(),
        Path::Libffi(springboard::Reason::Ineligible(Ineligible::X87Result))
    ));
}

#[test]
fn the_systems_own_libraries() {
    let _maps = NoWritableCode;
    // SAFETY: the C library's initialisers have run already.
    let libm = unsafe { Library::open(springboard::library::MATH_LIBRARY) }.unwrap();
    for jit in BOTH {
        let engine = engine(jit);
        let pow = engine.function(&libm, "double pow(double, double)").unwrap();
        assert_eq!(call(&pow, &[2.0.into(), 10.0.into()]), Value::from(1024.0));
        let process = Library::process();
        let strlen = engine.function(&process, "size_t strlen(const char *)").unwrap();
        assert_eq!(call(&strlen, &[c"seven".into()]), Value::from(5usize));
        let sprintf = "int sprintf(char *, const char *, ..., int, double, const char *)";
        let sprintf = engine.function(&process, sprintf).unwrap();
        let mut text = [0u8; 64];
        let arguments =
            [text.as_mut_ptr().into(), c"%d %.2f %s".into(), 42.into(), 2.5.into(), c"words".into()];
        assert_eq!(call(&sprintf, &arguments), Value::from(13));
        assert_eq!(CStr::from_bytes_until_nul(&text).unwrap(), c"42 2.50 words");
        let div =
            engine.function(&process, "struct div { int quot, rem; }; struct div div(int, int)").unwrap();
        assert_eq!(call(&div, &[(-7).into(), 2.into()]), i32s(&[-3, -1]));
    }
}

/// Calls and callbacks fit what musl gives a thread that is not asked for more. Functions are bound elsewhere: a Cranelift
/// that is not optimised, as some suites build it, needs a larger stack to compile.
#[test]
fn a_small_stack_is_enough() {
    for jit in BOTH {
        let engine = engine(jit);
        let neg = function(&engine, "neg_i32");
        let add = engine.callback("int (int, int)", |a: i32, b: i32| a + b).unwrap();
        let called = engine.function_at(add.address(), "int add(int, int)").unwrap();
        let work = || {
            assert_eq!(call(&neg, &[5.into()]), Value::from(-5));
            assert_eq!(call(&called, &[2.into(), 3.into()]), Value::from(5));
        };
        let small = || std::thread::Builder::new().stack_size(128 << 10);
        std::thread::scope(|scope| small().spawn_scoped(scope, work).unwrap().join().unwrap());
    }
}

/// GCC passes this structure in a general register and Clang in a vector register.
#[test]
#[cfg(target_arch = "x86_64")]
fn what_compilers_pass_in_two_ways_needs_one_to_be_named() {
    use springboard::ir::Compiler;
    extern "C" fn bits(word: u32) -> u32 {
        word
    }
    extern "C" fn float(number: f32) -> u32 {
        number.to_bits()
    }
    let text = "struct s { float m; int z[0]; }; unsigned f(struct s)";
    let bind = |engine: &Engine, address: *const c_void| {
        engine.function_at(NonNull::new(address.cast_mut()).expect("a function"), text)
    };
    if !support::system::SYSTEM_V {
        assert!(bind(&Engine::new(), bits as *const c_void).is_ok(), "they agree");
        return;
    }
    let refused = bind(&Engine::new(), bits as *const c_void).unwrap_err().to_string();
    assert!(refused.contains("by GCC") && refused.contains("by Clang"), "{refused}");
    let argument = [bytes(&[&2.5f32.to_ne_bytes()])];
    for (compiler, address) in
        [(Compiler::Gcc, bits as *const c_void), (Compiler::Clang, float as *const c_void)]
    {
        let engine = Engine::builder().compiler(compiler).build();
        let function = bind(&engine, address).unwrap();
        assert_eq!(call(&function, &argument), Value::from(2.5f32.to_bits()), "{compiler:?}");
    }
}
