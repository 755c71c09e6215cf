//! Callbacks on the thread that calls: every kind of type, errors, and closing, through stubs and through libffi.

use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use springboard::{
    CallError, Callback, CallbackError, CallbackType, Engine, Jit, Library, Path, Value, Word,
    callback::{AfterClose, CreateError, RawHandler, raise, take_pending},
    function::TypeMismatch,
    library::C_LIBRARY,
};

#[cfg(unix)]
mod aborting;
mod closing;
mod settings;
#[path = "../support/mod.rs"]
mod support;

use support::{BOTH, NoWritableCode, call, engine, load};

/// What calls back.
const SOURCE: &str = r#"
struct pair { int64_t a, b; };
struct mixed { double d; int32_t i; };
struct big { int64_t words[5]; };
struct small { int8_t a, b, c; };

int twice(int (*f)(int), int x) { return f(f(x)); }
int8_t call_i8(int8_t (*f)(int8_t, uint8_t), int8_t a, uint8_t b) { return f(a, b); }
uint16_t call_u16(uint16_t (*f)(int16_t, uint16_t), int16_t a, uint16_t b) { return f(a, b); }
uint32_t call_u32(uint32_t (*f)(uint32_t), uint32_t a) { return f(a); }
int64_t call_i64(int64_t (*f)(int64_t, uint64_t), int64_t a, uint64_t b) { return f(a, b); }
bool call_bool(bool (*f)(bool), bool a) { return f(a); }
float call_float(float (*f)(float, double), float a, double b) { return f(a, b); }
double call_double(double (*f)(double), double a) { return f(a); }
void *call_pointer(void *(*f)(void *), void *a) { return f(a); }
void call_nothing(void (*f)(void), int times) { while (times--) f(); }
double call_many(double (*f)(int, double, int, double, int, double, int, double, int, double, int, int))
{ return f(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12); }
struct pair call_pair(struct pair (*f)(struct pair), int64_t a, int64_t b)
{ struct pair p = { a, b }; return f(p); }
struct mixed call_mixed(struct mixed (*f)(struct mixed), double d, int32_t i)
{ struct mixed m = { d, i }; return f(m); }
struct big call_big(struct big (*f)(struct big, int), int64_t a)
{ struct big b = { { a, a + 1, a + 2, a + 3, a + 4 } }; return f(b, 7); }
struct small call_small(struct small (*f)(struct small), int8_t a)
{ struct small s = { a, a + 1, a + 2 }; return f(s); }
int8_t call_dirty(int8_t (*f)(int8_t, uint16_t, bool), int64_t a, int64_t b, int64_t c)
{ return ((int8_t (*)(int64_t, int64_t, int64_t))f)(a, b, c); }
float late_float(float (*f)(int, float), int a) { return f(a, 1); }
double late_double(double (*f)(double, void *), double a) { return f(a, 0); }
int late_six(int (*f)(int, int, int, int, int, int), int a) { return f(a, a, a, a, a, a); }
int64_t late(int64_t (*f)(int64_t, uint64_t)) { return f(1, 2); }
"#;

fn library() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| load(SOURCE, "callbacks")).clone()
}

/// The system's C library.
fn libc() -> Library {
    // SAFETY: it is loaded already.
    unsafe { Library::open(C_LIBRARY) }.expect("every program has a C library")
}

/// Calls `declaration` of the library with a callback and further arguments.
fn through(engine: &Engine, declaration: &str, callback: &Callback, rest: &[Value]) -> Value {
    try_through(engine, declaration, callback, rest).expect("no callback fails")
}

fn try_through(
    engine: &Engine,
    declaration: &str,
    callback: &Callback,
    rest: &[Value],
) -> Result<Value, CallError> {
    let function = engine.function(&library(), declaration).expect("the library defines it");
    let arguments: Vec<Value> = [callback.into()].into_iter().chain(rest.iter().cloned()).collect();
    // SAFETY: the functions call what they are given, with the types that they declare.
    unsafe { function.call(&arguments) }
}

/// A raw handler that knows its result alone: writes `RESULT` bytes, all of them the argument's.
fn echo(engine: &Engine, declaration: &str) -> Callback {
    unsafe fn copy(bytes: *const c_void, slots: *mut u64) {
        let bytes = bytes.addr();
        // SAFETY: one parameter of so many bytes in memory, and a result of the same type.
        unsafe {
            let (from, to) = (<*const u8>::from_slot(*slots), <*mut u8>::from_slot(*slots.add(1)));
            to.copy_from(from, bytes);
        }
    }
    let kind = engine.callback_type(declaration).expect("the type is C");
    let bytes = kind.signature().result().layout(engine.data_model()).expect("it has one").size as usize;
    let context = std::ptr::without_provenance(bytes);
    // SAFETY: `copy` handles calls of this type.
    unsafe { kind.raw(RawHandler { context, call: copy, release: None }) }.expect("there is memory")
}

#[test]
fn words_of_every_type_cross() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let engine = &engine(jit);
        let int = engine.callback("int (int)", |x: i32| x.wrapping_mul(3)).unwrap();
        assert_eq!(through(engine, "int twice(void *, int)", &int, &[(-7).into()]), (-63).into());
        let i8s = engine.callback("signed char (signed char, unsigned char)", |a: i8, b: u8| {
            assert_eq!((a, b), (-128, 255));
            a.wrapping_add_unsigned(b)
        });
        let arguments = [i8::MIN.into(), u8::MAX.into()];
        let declaration = "signed char call_i8(void *, signed char, unsigned char)";
        assert_eq!(through(engine, declaration, &i8s.unwrap(), &arguments), 127.into());
        let u16s = engine.callback("unsigned short (short, unsigned short)", |a: i16, b: u16| {
            assert_eq!((a, b), (-1, 0xffff));
            0xfffeu16
        });
        let declaration = "unsigned short call_u16(void *, short, unsigned short)";
        let arguments = [(-1i16).into(), u16::MAX.into()];
        assert_eq!(through(engine, declaration, &u16s.unwrap(), &arguments), 0xfffeu16.into());
        let u32s = engine.callback("unsigned int (unsigned int)", |a: u32| a - 1).unwrap();
        let declaration = "unsigned int call_u32(void *, unsigned int)";
        assert_eq!(through(engine, declaration, &u32s, &[u32::MAX.into()]), (u32::MAX - 1).into());
        let i64s = engine.callback("int64_t (int64_t, uint64_t)", |a: i64, b: u64| a ^ b as i64).unwrap();
        let declaration = "int64_t call_i64(void *, int64_t, uint64_t)";
        let arguments = [i64::MIN.into(), u64::MAX.into()];
        assert_eq!(through(engine, declaration, &i64s, &arguments), i64::MAX.into());
        let not = engine.callback("_Bool (_Bool)", |a: bool| !a).unwrap();
        assert_eq!(through(engine, "_Bool call_bool(void *, _Bool)", &not, &[true.into()]), false.into());
        let float = engine.callback("float (float, double)", |a: f32, b: f64| a * b as f32).unwrap();
        let declaration = "float call_float(void *, float, double)";
        assert_eq!(through(engine, declaration, &float, &[1.5f32.into(), 4.0.into()]), 6.0f32.into());
        let double = engine.callback("double (double)", f64::sqrt).unwrap();
        assert_eq!(through(engine, "double call_double(void *, double)", &double, &[9.0.into()]), 3.0.into());
        let next = engine.callback("void *(void *)", |a: *mut u8| a.wrapping_add(1)).unwrap();
        let address = std::ptr::without_provenance_mut::<u8>(usize::MAX - 1);
        let declaration = "void *call_pointer(void *, void *)";
        let result = through(engine, declaration, &next, &[address.into()]);
        assert_eq!(result, address.wrapping_add(1).into());
    }
}

#[test]
fn twelve_arguments_fill_registers_and_stack() {
    for jit in BOTH {
        let engine = &engine(jit);
        type I = i32;
        type D = f64;
        let sum = |a: I, b: D, c: I, d: D, e: I, f: D, g: I, h: D, i: I, j: D, k: I, l: I| {
            let numbers =
                [a.into(), b, c.into(), d, e.into(), f, g.into(), h, i.into(), j, k.into(), l.into()];
            numbers.iter().enumerate().map(|(at, x): (usize, &f64)| (at + 1) as f64 * x).sum::<f64>()
        };
        let text = "double (int, double, int, double, int, double, int, double, int, double, int, int)";
        let many = engine.callback(text, sum).unwrap();
        let expected: f64 = (1..=12).map(|x| f64::from(x * x)).sum();
        assert_eq!(through(engine, "double call_many(void *)", &many, &[]), expected.into());
    }
}

#[test]
fn aggregates_cross_in_registers_and_in_memory() {
    const STRUCTS: &str = "struct pair { int64_t a, b; }; struct mixed { double d; int i; }; \
                           struct big { int64_t words[5]; }; struct small { signed char a, b, c; };";
    for jit in BOTH {
        let engine = &engine(jit);
        let words = |values: &[i64]| {
            Value::Bytes(values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<_>>().into())
        };
        let declare = |text: &str| format!("{STRUCTS} {text}");
        let pair = echo(engine, &declare("struct pair (struct pair)"));
        let declaration = declare("struct pair call_pair(void *, int64_t, int64_t)");
        assert_eq!(through(engine, &declaration, &pair, &[1.into(), (-2).into()]), words(&[1, -2]));
        let mixed = echo(engine, &declare("struct mixed (struct mixed)"));
        let declaration = declare("struct mixed call_mixed(void *, double, int)");
        let Value::Bytes(bytes) = through(engine, &declaration, &mixed, &[2.5.into(), (-9).into()]) else {
            panic!("a structure is bytes");
        };
        assert_eq!((&bytes[..8], &bytes[8..12]), (&2.5f64.to_ne_bytes()[..], &(-9i32).to_ne_bytes()[..]));
        let small = echo(engine, &declare("struct small (struct small)"));
        let declaration = declare("struct small call_small(void *, signed char)");
        assert_eq!(through(engine, &declaration, &small, &[5.into()]), Value::Bytes([5, 6, 7].into()));

        unsafe fn big(_: *const c_void, slots: *mut u64) {
            // SAFETY: a structure of 5 words, an `int`, and the address for such a structure.
            unsafe {
                let words = <*const [i64; 5]>::from_slot(*slots).read_unaligned();
                assert_eq!(i32::from_slot(*slots.add(1)), 7);
                <*mut [i64; 5]>::from_slot(*slots.add(2)).write_unaligned(words.map(|word| word * 10));
            }
        }
        let kind = engine.callback_type(&declare("struct big (struct big, int)")).unwrap();
        // SAFETY: `big` handles calls of this type.
        let big =
            unsafe { kind.raw(RawHandler { context: std::ptr::null(), call: big, release: None }) }.unwrap();
        let declaration = declare("struct big call_big(void *, int64_t)");
        assert_eq!(through(engine, &declaration, &big, &[1.into()]), words(&[10, 20, 30, 40, 50]));
        // A structure of a closed callback is zero bytes, all of them.
        big.close();
        assert_eq!(through(engine, &declaration, &big, &[1.into()]), words(&[0; 5]));
    }
}

#[test]
fn stubs_are_native_where_there_is_a_plan() {
    let kind = |jit| engine(jit).callback_type("int (int)").unwrap();
    assert!(matches!(kind(Jit::On).path(), Path::Native), "{}", kind(Jit::On).path());
    assert!(matches!(kind(Jit::Off).path(), Path::Libffi(_)));
    // On Windows the description for unwinders lies beside each stub.
    let limit = if cfg!(windows) { 176 } else { 160 };
    assert!(kind(Jit::On).bytes_each() <= limit, "{} bytes a callback", kind(Jit::On).bytes_each());
}

#[test]
fn a_handler_must_have_the_type() {
    let engine = engine(Jit::On);
    let mismatch = |result: Result<Callback, CreateError>| match result {
        Err(CreateError::Handler(error)) => error,
        other => panic!("{other:?}"),
    };
    let arity = mismatch(engine.callback("int (int)", |_: i32, _: i32| 0));
    assert_eq!(arity, TypeMismatch::Arity { c: 1, rust: 2 });
    let parameter = mismatch(engine.callback("int (int)", |_: u32| 0));
    assert!(parameter.to_string().contains("parameter 1 is int, which u32"), "{parameter}");
    let result = mismatch(engine.callback("void (int)", |x: i32| x));
    assert!(result.to_string().contains("the result is void, which i32"), "{result}");
    let variadic = mismatch(engine.callback("int (int, ...)", |x: i32| x));
    assert!(matches!(variadic, TypeMismatch::Variadic { .. }));
    assert!(matches!(engine.callback("int (", || 0), Err(CreateError::Bind(_))));
}

#[test]
fn a_failing_handler_gives_zero_and_its_error_surfaces_once() {
    for jit in BOTH {
        let engine = &engine(jit);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let fail = move |x: i32| {
            counted.fetch_add(1, SeqCst);
            if x == 13 { Err("thirteen") } else { Ok(x + 1) }
        };
        let failing = engine.callback("int (int)", fail).unwrap();
        let declaration = "int twice(void *, int)";
        match try_through(engine, declaration, &failing, &[13.into()]) {
            Err(CallError::Callback(error)) if matches!(*error, CallbackError::Raised(_)) => {
                assert_eq!(error.to_string(), "thirteen")
            }
            other => panic!("{other:?}"),
        }
        // The second of the two calls found the error pending.
        assert_eq!(calls.load(SeqCst), 1);
        assert_eq!(through(engine, declaration, &failing, &[1.into()]), 3.into());
        assert_eq!(take_pending(), None);

        let panicking = engine.callback("int (int)", |x: i32| -> i32 { panic!("at {x}") }).unwrap();
        match try_through(engine, declaration, &panicking, &[5.into()]) {
            Err(CallError::Callback(error)) => assert_eq!(*error, CallbackError::Panic(Some("at 5".into()))),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_raised_error_waits_for_hosts_that_call_by_slots() {
    for jit in BOTH {
        let engine = &engine(jit);
        let raising = engine.callback("int (int)", |_: i32| {
            raise("raised");
            77
        });
        let raising = raising.unwrap();
        let function = engine.function(&library(), "int twice(void *, int)").unwrap();
        let slots = function.slots::<i32>().unwrap();
        // SAFETY: as many slots as parameters.
        let result = unsafe { slots.call(&[raising.as_ptr().into_slot(), 1i32.into_slot()]) };
        assert_eq!(result, 0, "the second call of the two gets zero");
        assert_eq!(take_pending().unwrap().to_string(), "raised");
        assert_eq!(take_pending(), None);
    }
}

#[test]
fn an_inner_call_takes_its_own_error_only() {
    let engine = &engine(Jit::On);
    let failing = Rc::new(engine.callback("int (int)", |_: i32| Err::<i32, _>("inner")).unwrap());
    let (inner_engine, inner) = (engine.clone(), Rc::clone(&failing));
    let kind = engine.callback_type("int (int)").unwrap().reject().unwrap();
    let outer = kind.callback(move |x: i32| {
        let error = try_through(&inner_engine, "int twice(void *, int)", &inner, &[x.into()]).unwrap_err();
        assert_eq!(error.to_string(), "inner");
        x + 1
    });
    assert_eq!(through(engine, "int twice(void *, int)", &outer.unwrap(), &[1.into()]), 3.into());
}

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn nothing_above_the_width_of_an_argument_is_trusted() {
    for engine in BOTH.map(engine) {
        let callback =
            engine.callback(
                "int8_t (int8_t, uint16_t, bool)",
                |a: i8, b: u16, c: bool| {
                    if c { a.wrapping_add(b as i8) } else { 77 }
                },
            );
        let callback = callback.expect("the handler fits");
        let declaration = "int8_t call_dirty(int8_t (*)(int8_t, uint16_t, bool), int64_t, int64_t, int64_t)";
        let call = |values: [i64; 3]| through(&engine, declaration, &callback, &values.map(Value::from));
        assert_eq!(call([0x7f00_0000_1234_56fe, -0xfffe, 0x100]), Value::Signed(77));
        assert_eq!(call([0x7f00_0000_1234_56fe, -0xfffe, 0x101]), Value::Signed(0));
    }
}

#[test]
fn deep_recursion_through_native_code() {
    const DEPTH: i32 = 10_000;
    let deep = || {
        for jit in BOTH {
            let engine = engine(jit);
            let again = engine.function(&library(), "void call_nothing(void *, int)").unwrap();
            let (depth, own) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(std::ptr::null_mut::<c_void>())));
            let (counter, address) = (Rc::clone(&depth), Rc::clone(&own));
            let kind = engine.callback_type("void (void)").unwrap().reject().unwrap();
            let recursive = kind.callback(move || {
                counter.set(counter.get() + 1);
                if counter.get() < DEPTH {
                    call(&again, &[address.get().into(), 1.into()]);
                }
            });
            let recursive = recursive.unwrap();
            own.set(recursive.as_ptr());
            through(&engine, "void call_nothing(void *, int)", &recursive, &[1.into()]);
            assert_eq!(depth.get(), DEPTH);
            assert_eq!(recursive.in_flight(), 0);
        }
    };
    std::thread::Builder::new().stack_size(512 << 20).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn sorting_and_searching_with_a_comparator_that_fails() {
    for jit in BOTH {
        let engine = &engine(jit);
        let libc = libc();
        let qsort = engine.function(&libc, "void qsort(void *, size_t, size_t, void *)").unwrap();
        let bsearch = engine
            .function(&libc, "void *bsearch(const void *, const void *, size_t, size_t, void *)")
            .unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        // Native code hands the handler pointers to elements.
        let compare = move |a: *const i32, b: *const i32| {
            counted.fetch_add(1, SeqCst);
            // SAFETY: qsort and bsearch pass addresses of elements and of the key.
            let (a, b) = unsafe { (*a, *b) };
            if a == 13 || b == 13 { Err(format!("{a} or {b} is unlucky")) } else { Ok(a.cmp(&b) as i32) }
        };
        let compare = engine.callback("int (const void *, const void *)", compare).unwrap();
        let sort = |numbers: &mut [i32]| {
            let arguments = [numbers.as_mut_ptr().into(), numbers.len().into(), 4.into(), (&compare).into()];
            // SAFETY: the array has as many elements of that size.
            unsafe { qsort.call(&arguments) }
        };
        let mut numbers: Vec<i32> = (0..100).map(|x| x * 37 % 101).filter(|x| *x != 13).collect();
        assert_eq!(sort(&mut numbers), Ok(Value::Void));
        assert!(numbers.is_sorted());
        let search = |key: &i32| {
            let key = (&raw const *key).into();
            let arguments = [key, numbers.as_ptr().into(), numbers.len().into(), 4.into(), (&compare).into()];
            // SAFETY: the array has as many elements of that size, and the key is one more.
            unsafe { bsearch.call(&arguments) }
        };
        let Ok(Value::Pointer(found)) = search(&48) else { panic!("48 is there") };
        // SAFETY: bsearch returns the address of an element.
        assert_eq!(unsafe { *found.cast::<i32>() }, 48);
        assert_eq!(search(&102), Ok(Value::Pointer(std::ptr::null_mut())));
        assert!(
            matches!(search(&13), Err(CallError::Callback(error)) if matches!(*error, CallbackError::Raised(_)))
        );

        let mut unlucky: Vec<i32> = (0..1000).rev().map(|x| x % 14).collect();
        calls.store(0, SeqCst);
        let error = sort(&mut unlucky).unwrap_err();
        assert!(error.to_string().ends_with("is unlucky"), "{error}");
        let failed_after = calls.load(SeqCst);
        assert!(failed_after < 100, "{failed_after} calls of a handler whose error was pending");
    }
}
