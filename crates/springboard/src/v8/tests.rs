//! Without a V8: stubs are called as V8 calls them, from Rust.

use std::{cell::Cell, ffi::c_void, mem, ptr};

use springboard_abi::Convention;
use springboard_ir::Signature;

use super::*;
use crate::{Engine, Jit, Library as Native, Stubs, testing::together};

thread_local! {
    /// What helpers of the host were called with last.
    static SEEN: Cell<(usize, u64, i64, usize)> = const { Cell::new((0, 0, 0, 0)) };
}

unsafe extern "C" fn closed(context: *mut c_void, options: *mut c_void) {
    SEEN.set((context.addr(), 1, 1, options.addr()));
}

unsafe extern "C" fn range(context: *mut c_void, index: u64, value: i64, options: *mut c_void) {
    SEEN.set((context.addr(), index, value, options.addr()));
}

/// Takes the value itself for the address of the memory, and odd ones for none. Clobbers what a C function may.
unsafe extern "C" fn buffer(value: *const c_void, options: *mut c_void, index: u32) -> usize {
    SEEN.set((0, u64::from(index), 0, options.addr()));
    let clobbered = std::hint::black_box([1.5f64, 2.5, 3.5, 4.5]);
    std::hint::black_box(clobbered.iter().map(|value| value.sin()).sum::<f64>());
    if value.addr() % 2 == 1 { usize::MAX } else { value.addr() }
}

fn host() -> Host {
    Host { closed: Some(closed), range: Some(range), buffer: Some(buffer) }
}

fn libc() -> Library {
    Library::new(&Engine::new(), &Native::process(), host())
}

/// The code of a function, as the C function pointer that it is.
macro_rules! code {
    ($function:expr, $ty:ty) => {
        // SAFETY: the type is that of the stub, by its description.
        unsafe {
            mem::transmute::<*mut c_void, $ty>($function.fast().expect("there is code").address().as_ptr())
        }
    };
}

/// Options that a stub hands on and does not look into.
const OPTIONS: *mut c_void = ptr::without_provenance_mut(0x1000);
const RECEIVER: *const c_void = ptr::without_provenance(0xdead_0000);

#[test]
fn a_stub_is_a_c_function_behind_a_receiver() {
    let _process = together();
    let function = libc().function("int abs(int)", &Settings::default()).unwrap();
    let abs = code!(function, extern "C" fn(*const c_void, i32) -> i32);
    assert_eq!((abs(RECEIVER, -5), abs(RECEIVER, i32::MAX)), (5, i32::MAX));
    let Description { result, arguments, options, int64 } = function.description();
    assert_eq!(
        (*result, &**arguments, *options, *int64),
        (Kind::I32, &[Kind::I32][..], false, Int64::Number)
    );
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { function.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}

#[test]
fn a_closed_library_is_refused_by_the_stub() {
    let _process = together();
    let library = libc();
    let context = ptr::without_provenance_mut(0x77);
    let settings = Settings { context, options: Options::Always, ..Settings::default() };
    let function = library.function("int abs(int)", &settings).unwrap();
    let abs = code!(function, extern "C" fn(*const c_void, i32, *mut c_void) -> i32);
    assert_eq!(abs(RECEIVER, -5, OPTIONS), 5);
    SEEN.set((0, 0, 0, 0));
    // SAFETY: nothing of it runs.
    unsafe { library.close() };
    assert_eq!(abs(RECEIVER, -5, OPTIONS), 0);
    assert_eq!(SEEN.get(), (0x77, 1, 1, 0x1000), "the helper gets context and options");
    // SAFETY: it is closed, and nothing is called.
    assert_eq!(unsafe { function.call_slow(&[Any::Number(1.0)]) }, Err(Thrown::closed()));
    assert!(matches!(library.function("int abs(int)", &settings), Err(BindError::Closed)));
}

#[test]
fn a_function_without_a_guard_keeps_its_library() {
    let _process = together();
    let library = libc();
    let settings = Settings { guard: Guard::None, ..Settings::default() };
    let function = library.function("int abs(int)", &settings).unwrap();
    // SAFETY: nothing of it runs.
    unsafe { library.close() };
    let abs = code!(function, extern "C" fn(*const c_void, i32) -> i32);
    assert_eq!(abs(RECEIVER, -5), 5);
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { function.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}

#[test]
fn an_integer_out_of_range_is_refused_by_the_stub() {
    let _process = together();
    // Of no C library: bound for its type, and never reached with a value that does not fit.
    let library = libc();
    let function = library.function("int toupper(unsigned char)", &Settings::default()).unwrap();
    let upper = code!(function, extern "C" fn(*const c_void, u64) -> i32);
    // V8 promises nothing for what is above the 32 bits.
    assert_eq!(upper(RECEIVER, 0xabcd_ef01_0000_0061), i32::from(b'A'));
    SEEN.set((0, 9, 0, 9));
    assert_eq!(upper(RECEIVER, 0xabcd_ef01_0000_0161), 0);
    assert_eq!(SEEN.get(), (0, 0, 0x161, 0), "parameter, value, no options");
    // SAFETY: it takes any.
    let slow = |number: f64| unsafe { function.call_slow(&[Any::Number(number)]) };
    assert_eq!(slow(97.0), Ok(Any::Number(65.0)));
    assert_eq!(slow(353.0), Err(Thrown::range(0, 353)));
    assert_eq!(slow(-1.0), Err(Thrown::range(0, 4_294_967_295)), "V8 passes 32 bits without a sign");
}

#[test]
fn scalars_before_a_buffer_are_kept() {
    let _process = together();
    let settings = Settings { buffers: vec![1, 2], ..Settings::default() };
    // The address goes through as the buffer that it is.
    let function =
        libc().function("int snprintf(char *, unsigned long, const char *, ..., int, double)", &settings);
    assert!(matches!(function, Err(BindError::NotAPointer { index: 1 })));
    let settings = Settings { buffers: vec![2], ..Settings::default() };
    let declaration = "int snprintf(char *, unsigned long, const char *, ..., int, double)";
    let function = libc().function(declaration, &settings).unwrap();
    type Code = extern "C" fn(*const c_void, *mut u8, u64, *const c_void, i32, f64, *mut c_void) -> i32;
    let print = code!(function, Code);
    let mut text = [0u8; 32];
    // The helper wants an even address.
    #[repr(align(2))]
    struct Format([u8; 8]);
    let format = Format(*b"%d %.2f\0");
    let format = (&raw const format.0).cast::<c_void>();
    assert_eq!(print(RECEIVER, text.as_mut_ptr(), 32, format, -7, 2.5, OPTIONS), 7);
    assert_eq!(&text[..8], b"-7 2.50\0");
    assert_eq!(SEEN.get(), (0, 2, 0, 0x1000), "the parameter and the options");
    // A value that is no buffer ends the call before the function is reached.
    let odd = ptr::without_provenance(0x1001);
    assert_eq!(print(RECEIVER, text.as_mut_ptr(), 32, odd, 8, 1.0, OPTIONS), 0);
    assert_eq!(&text[..8], b"-7 2.50\0");
    let kinds = [Kind::Pointer, Kind::U64, Kind::Value, Kind::I32, Kind::F64];
    let Description { arguments, options, int64, .. } = function.description();
    assert_eq!((&**arguments, *options, *int64), (&kinds[..], true, Int64::BigInt));
}

#[test]
fn slow_calls_convert_as_v8_does() {
    let _process = together();
    let library = libc();
    let function = library.function("long labs(long)", &Settings::default()).unwrap();
    // SAFETY: labs takes any integer but the smallest.
    let slow = |any: Any<'static>| unsafe { function.call_slow(&[any]) };
    assert_eq!(slow(Any::BigInt(-5)), Ok(Any::BigInt(5)));
    assert_eq!(slow(Any::BigInt((1 << 64) - 5)), Ok(Any::BigInt(5)), "modulo 2^64");
    assert_eq!(slow(Any::Number(5.0)).unwrap_err().message, "argument 1 must be a bigint");
    // SAFETY: as above.
    let missing = unsafe { function.call_slow(&[]) };
    assert_eq!(missing.unwrap_err().kind, ErrorKind::TypeError);
    let numbers = Settings { int64: Some(Int64::Number), ..Settings::default() };
    let function = library.function("long labs(long)", &numbers).unwrap();
    // SAFETY: as above.
    let slow = |any: Any<'static>| unsafe { function.call_slow(&[any, Any::Other]) };
    assert_eq!(slow(Any::Number(-9_007_199_254_740_991.0)), Ok(Any::Number(9_007_199_254_740_991.0)));
    let whole = 9_223_372_036_854_774_784.0;
    assert_eq!(slow(Any::Number(-whole)), Ok(Any::Number(whole)), "the last before 2^63");
    for none in [9_223_372_036_854_775_808.0, -9_223_372_036_854_777_856.0, 0.5, f64::NAN, f64::INFINITY] {
        let message = slow(Any::Number(none)).unwrap_err().message;
        assert_eq!(message, "argument 1 must be a whole number of 64 bits", "{none}");
    }
    let function = library.function("int abs(int)", &Settings::default()).unwrap();
    for (number, expected) in [(4_294_967_301.0, 5.0), (-1.9, 1.0), (f64::NAN, 0.0), (f64::INFINITY, 0.0)] {
        // SAFETY: abs takes any integer but the smallest.
        let result = unsafe { function.call_slow(&[Any::Number(number)]) };
        assert_eq!(result, Ok(Any::Number(expected)), "{number}, modulo 2^32");
    }
}

#[test]
fn many_are_bound_at_once() {
    let _process = together();
    for stubs in [Stubs::PerShape, Stubs::PerFunction] {
        let engine = Engine::builder().stubs(stubs).build();
        let library = Library::new(&engine, &Native::process(), host());
        let plain = Settings::default();
        let buffer = Settings { buffers: vec![0], ..Settings::default() };
        let functions = library.functions([
            ("int abs(int)", &plain),
            ("int abs(", &plain),
            ("unsigned long strlen(const char *)", &buffer),
            ("int no_such_thing(int)", &plain),
            ("int abs(int)", &buffer),
            ("long double fabsl(long double)", &plain),
            ("int abs(int)", &plain),
        ]);
        let compiles = engine.stats().compiles;
        assert_eq!(library.functions([("int abs(int)", &plain)]).len(), 1);
        assert_eq!(engine.stats().compiles, compiles, "each shape has been compiled");
        let [abs, syntax, length, symbol, no_pointer, no_plan, again] = &*functions else {
            panic!("one each")
        };
        for abs in [abs, again] {
            let abs = code!(abs.as_ref().unwrap(), extern "C" fn(*const c_void, i32) -> i32);
            assert_eq!(abs(RECEIVER, -5), 5);
        }
        let length = length.as_ref().unwrap();
        type Code = extern "C" fn(*const c_void, *const c_void, *mut c_void) -> u64;
        #[repr(align(2))]
        struct Text([u8; 6]);
        let text = Text(*b"seven\0");
        assert_eq!(code!(length, Code)(RECEIVER, text.0.as_ptr().cast(), OPTIONS), 5);
        assert!(matches!(syntax, Err(BindError::Bind(crate::BindError::Prototype(_)))));
        assert!(matches!(symbol, Err(BindError::Bind(crate::BindError::Symbol(_)))));
        assert!(matches!(no_pointer, Err(BindError::NotAPointer { index: 0 })));
        let no_plan = no_plan.as_ref().unwrap();
        match springboard_abi::Target::host().unwrap().convention {
            Convention::Sysv64 => {
                let Err(NoFast::Reason(reason)) = no_plan.fast() else { panic!("{no_plan:?}") };
                assert_eq!(reason.code(), "x87-result");
            }
            _ => assert!(no_plan.fast().is_ok()),
        }
    }
}

#[test]
fn mistakes_are_found_when_a_function_is_bound() {
    let _process = together();
    let mistake = |host: Host, declaration: &str, settings: Settings| {
        let library = Library::new(&Engine::new(), &Native::process(), host);
        library.function(declaration, &settings).unwrap_err()
    };
    let missing = |host, settings| match mistake(host, "int puts(const char *)", settings) {
        BindError::MissingHelper { helper } => helper,
        other => panic!("{other}"),
    };
    let buffers = || Settings { buffers: vec![0], ..Settings::default() };
    assert_eq!(missing(Host { closed: None, ..host() }, Settings::default()), Helper::Closed);
    assert_eq!(missing(Host { range: None, ..host() }, Settings::default()), Helper::Range);
    assert_eq!(missing(Host { buffer: None, ..host() }, buffers()), Helper::Buffer);
    let error =
        mistake(host(), "int puts(const char *)", Settings { buffers: vec![1], ..Settings::default() });
    assert_eq!(error.to_string(), "parameter 2 is named a buffer, and there are 1");
    let error = mistake(host(), "int abs(int)", buffers());
    assert_eq!(error.to_string(), "parameter 1 is declared a buffer and is no pointer");
    assert!(matches!(mistake(host(), "int abs(", Settings::default()), BindError::Bind(_)));
    assert!(matches!(mistake(host(), "int (*)(int)", Settings::default()), BindError::Bind(_)));
    assert!(matches!(mistake(host(), "int no_such_thing(int)", Settings::default()), BindError::Bind(_)));
}

#[test]
fn a_profile_refuses_or_has_no_rules() {
    let _process = together();
    let library = libc();
    let settings = Settings { profile: Profile::Node, ..Settings::default() };
    let function =
        library.function("double frexp(double, int *)", &Settings { buffers: vec![1], ..settings.clone() });
    let convention = library.function("int abs(int)", &settings);
    match springboard_abi::Target::host().unwrap().convention {
        Convention::Sysv64 | Convention::Aapcs64 => {
            let function = function.unwrap();
            let Err(NoFast::Refused(refusal)) = function.fast() else { panic!("{function:?}") };
            assert_eq!(refusal.code(), "buffer-and-float");
            // The slow twin serves it all the same.
            let mut exponent = 0i32;
            let buffer = Any::Bytes((&raw mut exponent).cast(), 4);
            // SAFETY: the buffer has room for an int.
            assert_eq!(unsafe { function.call_slow(&[Any::Number(8.0), buffer]) }, Ok(Any::Number(0.5)));
            assert_eq!(exponent, 4);
            assert!(convention.unwrap().fast().is_ok());
        }
        other => {
            let Err(BindError::NoRules { profile: Profile::Node, convention }) = convention else {
                panic!("{convention:?}")
            };
            assert_eq!(convention, other);
        }
    }
}

#[test]
fn a_profile_without_rules_for_the_platform_is_a_mistake() {
    for (triple, convention) in [
        ("riscv64gc-unknown-linux-gnu", Convention::Lp64d),
        ("s390x-unknown-linux-gnu", Convention::S390x),
        ("x86_64-pc-windows-gnu", Convention::Win64),
    ] {
        let target = springboard_abi::Target::of(&triple.parse().unwrap()).unwrap();
        let call = springboard_abi::FastCall::new(Signature::parse("int(int)").unwrap());
        let error = bind::refusal(Profile::Node, &call, Some(&target)).unwrap_err();
        assert_eq!(error.to_string(), format!("the profile Node has no rules for {convention}"));
        assert!(matches!(bind::refusal(Profile::Full, &call, Some(&target)), Ok(None)));
    }
}

#[test]
fn without_code_the_slow_twin_serves() {
    let _process = together();
    let engine = Engine::builder().jit(Jit::Off).build();
    let library = Library::new(&engine, &Native::process(), host());
    let function = library.function("int abs(int)", &Settings::default()).unwrap();
    assert!(matches!(function.fast(), Err(NoFast::Reason(crate::Reason::JitOff))));
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { function.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}

#[test]
fn node_types_have_c_types() {
    let mut names = std::collections::HashSet::new();
    for ty in &NODE_TYPES {
        for name in [ty.name].iter().chain(ty.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
            assert_eq!(NodeType::named(name), Some(ty));
        }
    }
    assert_eq!(NodeType::named("I32"), None);
    let (signature, buffers) = node_signature(&["buffer", "u64", "arraybuffer", "f32"], "bool").unwrap();
    assert_eq!(buffers, [0, 2]);
    assert_eq!(signature, Signature::parse("uint8_t (*)(void *, uint64_t, void *, float)").unwrap());
    assert_eq!(node_signature(&[], "void").unwrap().0.params().len(), 0);
    assert!(node_signature(&["function"], "function").is_ok());
    assert_eq!(node_signature(&["i32", "void"], "i32").unwrap_err().to_string(), "argument 2 is void");
    let error = node_signature(&["i33"], "i32").unwrap_err();
    assert_eq!(error.to_string(), "argument 1 is of an unknown type i33");
    let error = node_signature(&[], "size_t").unwrap_err();
    assert_eq!(error.to_string(), "the result is of an unknown type size_t");
}

extern "C" fn one(_: Receiver, value: i64) -> bool {
    value > 0
}

extern "C" fn another(_: Receiver, value: f32) -> f32 {
    value
}

extern "C" fn with_options(_: Receiver, _: Value, _: u32, _: HostOptions) {}

fn slow(_: *mut c_void, _: &[Any<'_>]) -> Result<Any<'static>, Thrown> {
    Ok(Any::Undefined)
}

#[test]
fn variants_describe_themselves() {
    let variant = Variant::new(one as extern "C" fn(Receiver, i64) -> bool);
    let described = Description {
        result: Kind::Bool,
        arguments: [Kind::I64].into(),
        options: false,
        int64: Int64::BigInt,
    };
    assert_eq!(*variant.description(), described);
    assert_eq!(variant.int64(Int64::Number).description().int64, Int64::Number);
    let variant = Variant::new(with_options as extern "C" fn(Receiver, Value, u32, HostOptions));
    let described = Description {
        result: Kind::Void,
        arguments: [Kind::Value, Kind::U32].into(),
        options: true,
        int64: Int64::Number,
    };
    assert_eq!(*variant.description(), described);
    assert_eq!(variant.address(), with_options as *const c_void);
}

#[test]
fn mistakes_are_found_when_a_twin_is_registered() {
    let one = || Variant::new(one as extern "C" fn(Receiver, i64) -> bool);
    let another = || Variant::new(another as extern "C" fn(Receiver, f32) -> f32);
    let options = || Variant::new(with_options as extern "C" fn(Receiver, Value, u32, HostOptions));
    let mut registry = Registry::new();
    registry.add(Twin::new("a.b", slow).variant(one()).outcome("ok")).unwrap();
    let mut mistake = |twin| registry.add(twin).unwrap_err().to_string();
    assert_eq!(mistake(Twin::new("a.b", slow)), "a function named a.b is registered already");
    let twice = Twin::new("a.c", slow).variant(one()).variant(another());
    assert_eq!(mistake(twice), "a.c has two variants of 1 arguments");
    let lost = Twin::new("a.c", slow).variant(options());
    assert_eq!(mistake(lost), "the variant of a.c of 2 arguments takes options, and a.c has no context");
    let keys = Twin::new("a.c", slow).outcome("ok").outcome("ok");
    assert_eq!(mistake(keys), "the tracking key a.c.ok is taken");
    for name in ["", "a", "a.", ".b", "a.b.c"] {
        assert_eq!(mistake(Twin::new(name, slow)), format!("{name:?} is no namespace.function"));
    }
    assert_eq!(mistake(Twin::new("a.c", slow).outcome("o.k")), "\"o.k\" is no namespace.function");
    // What was refused has left nothing behind.
    let mut context = 0;
    let twin = Twin::new("a.c", slow).context((&raw mut context).cast()).variant(options()).outcome("ok");
    registry.add(twin).unwrap();
}

#[test]
fn a_snapshot_knows_every_address() {
    let _process = together();
    let native = libc().function("int abs(int)", &Settings::default()).unwrap();
    let mut registry = Registry::new();
    let variant = || Variant::new(one as extern "C" fn(Receiver, i64) -> bool);
    let two = Variant::new(with_options as extern "C" fn(Receiver, Value, u32, HostOptions));
    let mut context = 0;
    let twin = Twin::new("a.b", slow).context((&raw mut context).cast()).variant(variant()).variant(two);
    let twin = registry.add(twin).unwrap();
    let native = registry.add_native(&native);
    let last = registry.add(Twin::new("a.c", slow).variant(variant())).unwrap();
    // What a host makes of a description is where the description is, here.
    let info = |description: &Description| (&raw const *description).cast::<c_void>();
    let references = registry.external_references(info);
    let mut expected = Vec::new();
    for function in [&twin, &native, &last] {
        expected.push(function.data());
        for FastCode { address, description } in function.fast() {
            expected.extend([address, info(description)]);
        }
    }
    assert_eq!(expected.len(), 5 + 3 + 3);
    assert_eq!(references, expected);
    assert_eq!(references, registry.clone().external_references(info), "they do not move with the registry");
    // SAFETY: the twin lives.
    let found = unsafe { Registered::of(twin.data()) };
    assert_eq!(found.context(), (&raw mut context).cast());
    assert!(registry.get("a.b").is_some_and(|known| ptr::eq(&raw const **known, found)));
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { native.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}

#[test]
fn a_function_without_code_keeps_its_places_in_a_snapshot() {
    let _process = together();
    let references = |jit| {
        let engine = Engine::builder().jit(jit).build();
        let library = Library::new(&engine, &Native::process(), host());
        let mut registry = Registry::new();
        let native = library.function("int abs(int)", &Settings::default()).unwrap();
        let has_code = !registry.add_native(&native).fast().is_empty();
        (has_code, registry.external_references(|_| ptr::null()).len())
    };
    assert_eq!((references(Jit::On), references(Jit::Off)), ((true, 3), (false, 3)));
}

#[cfg(feature = "v8-tracking")]
#[test]
fn calls_are_counted_by_key() {
    let count = || crate::v8_track!("tests.counted.ok");
    assert_eq!(calls("tests.counted.ok"), 0);
    count();
    count();
    crate::v8_track!("tests.counted.ok");
    crate::v8_track!("tests.counted.error");
    assert_eq!((calls("tests.counted.ok"), calls("tests.counted.error"), calls("tests.counted")), (3, 1, 0));
}

#[cfg(feature = "v8-tracking")]
#[test]
fn keys_have_two_or_three_parts() {
    const { Tracker::new("a.b") };
    for key in ["", "a", "a.", ".b", "a..b", "a.b.", "a.b.c.d"] {
        assert!(std::panic::catch_unwind(|| Tracker::new(key)).is_err(), "{key:?}");
    }
}

/// Nothing is what a constant can hold, and counting is not.
#[cfg(not(feature = "v8-tracking"))]
const _: () = {
    crate::v8_track!("tests.off.nothing");
};
