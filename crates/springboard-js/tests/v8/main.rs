//! Without a V8: stubs are called as V8 calls them, from Rust.

mod binding;
mod node;
mod registry;

use std::{cell::Cell, ffi::c_void, mem, ptr};

use springboard::{abi::Ineligible, ir::Signature};
use springboard_process::together;

use springboard::{Engine, Library as Native};
use springboard_js::v8::*;

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
    Host { closed: Some(closed), range: Some(range), buffer: Some(buffer), ..Host::default() }
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
use code;

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
    assert_eq!(slow(-1.0).unwrap_err().code.as_deref(), Some("ERR_INVALID_ARG_VALUE"));
    let message = slow(-1.0).unwrap_err().message;
    assert_eq!(message, "argument 1 is -1 or 4294967295, which does not fit");
}

#[test]
fn an_integer_that_v8_would_wrap_is_refused_by_the_stub() {
    let _process = together();
    let settings = Settings { narrow: Narrow::Exact, ..Settings::default() };
    let (signed, unsigned) = ("int toupper(short)", "int toupper(unsigned char)");
    let functions = [signed, unsigned].map(|text| libc().function(text, &settings).unwrap());
    for function in &functions {
        assert_eq!(*function.description().arguments, [Kind::F64]);
    }
    for (function, value, upper) in [
        (&functions[0], -1.0, Some(-1)),
        (&functions[0], 97.0, Some(65)),
        (&functions[0], -0.0, Some(0)),
        (&functions[0], 32768.0, None),
        (&functions[0], 4_294_967_393.0, None),
        (&functions[1], 97.0, Some(65)),
        (&functions[1], -1.0, None),
        (&functions[1], 0.5, None),
        (&functions[1], f64::NAN, None),
        (&functions[1], f64::INFINITY, None),
    ] {
        let fast = code!(function, extern "C" fn(*const c_void, f64) -> i32);
        SEEN.set((0, 9, 0, 9));
        assert_eq!(fast(RECEIVER, value), upper.unwrap_or(0), "{value}");
        let told = (0, 0, value.to_bits().cast_signed(), 0);
        assert_eq!(SEEN.get(), if upper.is_some() { (0, 9, 0, 9) } else { told }, "{value}");
        // SAFETY: it takes any integer.
        let slow = unsafe { function.call_slow(&[Any::Number(value)]) };
        let expected = upper.map(|upper| Any::Number(upper.into()));
        assert_eq!(slow, expected.ok_or(Thrown::exact(0, value)), "{value}");
    }
}

#[test]
fn scalars_before_a_buffer_are_kept() {
    let _process = together();
    let settings = Settings { buffers: vec![1, 2], ..Settings::default() };
    // The address goes through as the buffer that it is.
    let function =
        libc().function("int snprintf(char *, unsigned long, const char *, ..., int, double)", &settings);
    assert!(matches!(function, Err(BindError::Types(Ineligible::BufferType { index: 1 }))));
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
    assert_eq!(slow(Any::Number(5.0)).unwrap_err().message, "argument 1 must be a bigint, not 5");
    // SAFETY: the call is refused before labs is reached.
    let missing = unsafe { function.call_slow(&[]) };
    let Thrown { kind, code, .. } = missing.unwrap_err();
    assert_eq!((kind, code.as_deref()), (ErrorKind::TypeError, Some("ERR_INVALID_ARG_VALUE")));
    assert_eq!(Thrown::closed().code.as_deref(), Some("ERR_FFI_LIBRARY_CLOSED"));
    assert_eq!(Thrown::new(ErrorKind::Error, "of the host's own").code, None);
    let numbers = Settings { int64: Some(Int64::Number), ..Settings::default() };
    let function = library.function("long labs(long)", &numbers).unwrap();
    // SAFETY: labs takes any integer but the smallest.
    let slow = |any: Any<'static>| unsafe { function.call_slow(&[any, Any::Other]) };
    assert_eq!(slow(Any::Number(-9_007_199_254_740_991.0)), Ok(Any::Number(9_007_199_254_740_991.0)));
    let whole = 9_223_372_036_854_774_784.0;
    assert_eq!(slow(Any::Number(-whole)), Ok(Any::Number(whole)), "the last before 2^63");
    for none in [9_223_372_036_854_775_808.0, -9_223_372_036_854_777_856.0, 0.5, f64::NAN, f64::INFINITY] {
        let message = slow(Any::Number(none)).unwrap_err().message;
        assert!(
            message.starts_with("argument 1 must be a whole number of 64 bits, not "),
            "{none}: {message}"
        );
    }
    let function = library.function("int abs(int)", &Settings::default()).unwrap();
    for (number, expected) in [(4_294_967_301.0, 5.0), (-1.9, 1.0), (f64::NAN, 0.0), (f64::INFINITY, 0.0)] {
        // SAFETY: abs takes any integer but the smallest.
        let result = unsafe { function.call_slow(&[Any::Number(number)]) };
        assert_eq!(result, Ok(Any::Number(expected)), "{number}, modulo 2^32");
    }
}

#[test]
fn bigints_are_there_where_64_bits_are() {
    let _process = together();
    let library = libc();
    for (declaration, buffers, int64) in [
        ("int puts(const char *)", vec![0], Int64::Number),
        ("int puts(const char *)", vec![], Int64::BigInt),
        ("unsigned long strlen(const char *)", vec![0], Int64::BigInt),
        ("int abs(int)", vec![], Int64::Number),
        ("long labs(long)", vec![], Int64::BigInt),
    ] {
        let settings = Settings { buffers, ..Settings::default() };
        let function = library.function(declaration, &settings).unwrap();
        assert_eq!(function.int64(), int64, "{declaration}, as Node has it");
        let other = Settings { int64: Some(Int64::Number), ..settings };
        assert_eq!(library.function(declaration, &other).unwrap().int64(), Int64::Number);
    }
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
    assert_eq!(node_signature(&["i32", "void"], "i32").unwrap_err().to_string(), "parameter 2 is void");
    let error = node_signature(&["i33"], "i32").unwrap_err();
    assert_eq!(error.to_string(), "parameter 1 is of an unknown type i33");
    let error = node_signature(&[], "size_t").unwrap_err();
    assert_eq!(error.to_string(), "the result is of an unknown type size_t");
}
