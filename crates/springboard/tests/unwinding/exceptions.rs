//! C++ exceptions, and panics through frames of C++: what plain `cargo test` leaves out.

use std::{ffi::c_void, fs, panic, path::Path, process, ptr::NonNull, sync::OnceLock};

use springboard::{Engine, Function, Jit, Library, Word, callback::RawHandler};

use super::{TWELVE, Unwinding, engine, support::system, unwinding};

const CPP: &str = r#"
static int left_by_unwinding;
struct Leaving { bool whole = false; ~Leaving() { left_by_unwinding += !whole; } };
extern "C" int lefts(void) { return left_by_unwinding; }
extern "C" int calls_back(int (*f)(int), int x) { Leaving leaving; int y = f(x); leaving.whole = true; return y; }
extern "C" int catches(int (*f)(int), int x) { try { return f(x); } catch (int thrown) { return thrown * 1000; } }
extern "C" int throws(int x) { if (x < 0) throw x; return x + 1; }
extern "C" int thrower(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l) {
    if (a < 0) throw a + l;
    return a + b + c + d + e + f + g + h + i + j + k + l;
}
extern "C" int catcher(int (*stub)(const unsigned long *), const unsigned long *slots) {
    try { return stub(slots); } catch (int thrown) { return thrown * 1000; }
}

/* Keeps more values in registers than there are callee-saved ones, across a call that may throw. */
static volatile long seeds[] = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31};
#if defined(__x86_64__)
#define VECTOR "+x"
#else
#define VECTOR "+w"
#endif
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9)
#define HOLD(n) long l##n = seeds[n]; double d##n = (double)seeds[n] / 2; asm volatile("" : "+r"(l##n), VECTOR(d##n));
#define LOOK(n) asm volatile("" : "+r"(l##n), VECTOR(d##n)); lost += l##n != seeds[n] || d##n != (double)seeds[n] / 2;
#define KEEPING(call) \
    int result, lost = 0; \
    EACH(HOLD) \
    try { result = call; } catch (int thrown) { result = thrown * 1000; } \
    EACH(LOOK) \
    return lost ? -lost : result;
extern "C" int keeps(int (*stub)(const unsigned long *), const unsigned long *slots) { KEEPING(stub(slots)) }
typedef int twelve(int, int, int, int, int, int, int, int, int, int, int, int);
extern "C" int keeps_twelve(twelve *f, int a) { KEEPING(f(a, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)) }
"#;

/// On Windows a stub saves registers that it uses, and an unwinder finds them by the row of that stub.
#[test]
#[ignore = "needs a C++ compiler: cargo xtask test"]
fn registers_come_back_when_an_exception_crosses() {
    type Keeps = unsafe extern "C" fn(Unwinding, *const u64) -> i32;
    type KeepsTwelve = unsafe extern "C" fn(*mut c_void, i32) -> i32;
    let library = cpp_library();
    let engine = engine();
    let (_keeps, keeps): (_, Keeps) = cpp(&engine, &library, "int keeps(void *, const void *)");
    let (_twelve, keeps_twelve): (_, KeepsTwelve) = cpp(&engine, &library, "int keeps_twelve(void *, int)");
    // Stubs of the function's own and of its shape, with words on the stack and without.
    let functions = [("int throws(int)", 0), (&TWELVE.replace("int(", "int thrower("), 1)];
    for (declaration, last) in functions {
        let function = engine.function(&library, declaration).expect("the library defines it");
        let stub = unwinding(&function);
        let mut slots = [1; 12];
        slots[0] = u64::from_ne_bytes((-3i64).to_ne_bytes());
        for _ in 0..20 {
            // SAFETY: C++ that takes a stub of this type and its slots.
            let thrown = unsafe { keeps(stub, slots.as_ptr()) };
            assert_eq!(thrown, (last - 3) * 1000, "{declaration}: less than 0 is how many were lost");
        }
    }
    // Callbacks, by a closure of its own type and by slots.
    let (throws, throw): (_, unsafe extern "C-unwind" fn(i32) -> i32) =
        cpp(&engine, &library, "int throws(int)");
    let kind = engine.callback_type(TWELVE).expect("the type is C").unwinding();
    let typed = kind.callback(
        move |a: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              _: i32,
              l: i32| {
            // SAFETY: C++ that takes any integer.
            unsafe { throw(a) + l }
        },
    );
    unsafe fn handler(throws: *const c_void, slots: *mut u64) {
        // SAFETY: the context is the address of `throws`, and there are thirteen slots.
        unsafe {
            let throws =
                std::mem::transmute::<*const c_void, unsafe extern "C-unwind" fn(i32) -> i32>(throws);
            *slots.add(12) = throws(i32::from_slot(*slots)).into_slot();
        }
    }
    let context = throws.address().as_ptr().cast_const();
    // SAFETY: the handler may be called from any thread, and lets exceptions pass.
    let raw = unsafe { kind.raw(RawHandler { context, call: handler, release: None }) };
    for back in [typed.expect("the handler fits"), raw.expect("there is memory")] {
        for _ in 0..20 {
            // SAFETY: C++ that takes such a function.
            assert_eq!(unsafe { keeps_twelve(back.as_ptr(), -5) }, -5000);
        }
        assert_eq!(back.in_flight(), 0);
    }
}

#[test]
#[ignore = "needs a C++ compiler: cargo xtask test"]
fn exceptions_cross() {
    let library = cpp_library();
    let thrower = engine().function(&library, &TWELVE.replace("int(", "int thrower(")).unwrap();
    let stub = thrower.bound_pointer::<i32>().expect("the function has a stub of its own");
    let catcher = engine().function(&library, "int catcher(void *stub, const void *slots)").unwrap();
    let catch = |first: i64| {
        let mut slots = [1; 12];
        slots[0] = u64::from_ne_bytes(first.to_ne_bytes());
        let (stub, slots) = (stub as *mut c_void, (&raw const slots).cast_mut().cast::<c_void>());
        // SAFETY: the catcher is C++ that takes a stub of this type and its slots.
        unsafe { catcher.call(&[stub.into(), slots.into()]) }.unwrap()
    };
    assert_eq!(catch(1), 12.into());
    for _ in 0..100 {
        assert_eq!(catch(-3), (-2000).into());
    }
}

/// A C++ function of the library, as one that may be left by unwinding.
fn cpp<F: Copy>(engine: &Engine, library: &Library, prototype: &str) -> (Function, F) {
    let function = engine.function(library, prototype).expect("the library defines it");
    let address = function.address();
    assert_eq!(size_of::<F>(), size_of_val(&address));
    // SAFETY: `F` is a function pointer of the prototype's type.
    let pointer = unsafe { std::mem::transmute_copy::<NonNull<c_void>, F>(&address) };
    (function, pointer)
}

type Back = unsafe extern "C-unwind" fn(*mut c_void, i32) -> i32;

const CALLS_BACK: &str = "int calls_back(int (*)(int), int)";

#[test]
#[ignore = "needs a C++ compiler: cargo xtask test"]
fn panics_pass_through_callbacks_that_ask_for_it() {
    let library = cpp_library();
    for jit in [Jit::On, Jit::Off] {
        let engine = Engine::builder().jit(jit).build();
        let (_calls, calls): (_, Back) = cpp(&engine, &library, CALLS_BACK);
        let (_lefts, lefts): (_, unsafe extern "C-unwind" fn() -> i32) =
            cpp(&engine, &library, "int lefts(void)");
        let kind = engine.callback_type("int (int)").expect("the type is C").unwinding();
        let back = kind.callback(|x: i32| {
            if x < 0 {
                panic::resume_unwind(Box::new(x));
            }
            x + 1
        });
        let back = back.expect("the handler fits");
        let address = back.as_ptr().expose_provenance();
        // SAFETY: the library's functions are of these types, and compiled to be unwound.
        let call = |x: i32| unsafe { calls(std::ptr::with_exposed_provenance_mut(address), x) };
        // SAFETY: the function takes nothing, and only reads a count.
        let before = unsafe { lefts() };
        for _ in 0..20 {
            assert_eq!(call(1), 2);
            let caught = panic::catch_unwind(|| call(-3)).expect_err("it passed");
            assert_eq!(*caught.downcast::<i32>().expect("the handler's"), -3);
        }
        // SAFETY: the function takes nothing, and only reads a count.
        assert_eq!(unsafe { lefts() } - before, 20, "C++ destructors ran");
        assert!(springboard::callback::take_pending().is_none(), "nothing is left to be told");
        assert_eq!(back.in_flight(), 0);
        // From another thread as well.
        std::thread::scope(|scope| {
            let caught = scope.spawn(|| panic::catch_unwind(|| call(-4))).join().expect("it was caught");
            assert_eq!(*caught.expect_err("it passed").downcast::<i32>().expect("the handler's"), -4);
        });
        assert_eq!(back.in_flight(), 0);
        back.close();
        assert_eq!(call(1), 0);
    }
}

#[test]
#[ignore = "needs a C++ compiler: cargo xtask test"]
fn exceptions_pass_through_callbacks_that_ask_for_it() {
    type Throws = unsafe extern "C-unwind" fn(i32) -> i32;
    unsafe fn handler(throws: *const c_void, slots: *mut u64) {
        // SAFETY: the context is the address of `throws`, and there are two slots.
        unsafe {
            let throws = std::mem::transmute::<*const c_void, Throws>(throws);
            *slots.add(1) = throws(i32::from_slot(*slots)).into_slot();
        }
    }
    let library = cpp_library();
    let engine = Engine::new();
    let (throws, _): (_, Throws) = cpp(&engine, &library, "int throws(int)");
    let (_catches, catches): (_, Back) = cpp(&engine, &library, "int catches(int (*)(int), int)");
    let context = throws.address().as_ptr().cast_const();
    let kind = engine.callback_type("int (int)").expect("the type is C").unwinding();
    // SAFETY: the handler may be called from any thread, and lets exceptions pass.
    let back = unsafe { kind.raw(RawHandler { context, call: handler, release: None }) };
    let back = back.expect("there is memory");
    for _ in 0..20 {
        // SAFETY: C++ that takes such a function.
        assert_eq!(unsafe { catches(back.as_ptr(), 6) }, 7);
        // SAFETY: C++ that takes such a function, and catches what it throws.
        assert_eq!(unsafe { catches(back.as_ptr(), -6) }, -6000);
    }
    assert_eq!(back.in_flight(), 0);
}

fn cpp_library() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(compile_cpp).clone()
}

fn compile_cpp() -> Library {
    let stem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("unwinding-{}", process::id()));
    let (source, library) = (stem.with_extension("cc"), stem.with_extension(system::SUFFIX));
    fs::write(&source, CPP).expect("cargo's directory for tests is writable");
    let [file, to] = [&source, &library].map(|path| path.to_str().expect("a plain name"));
    let run = system::run_compiler(&["-shared", "-O1", "-o", to, file, "-lstdc++"].map(String::from));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    // SAFETY: the library has neither initialisers nor finalisers but those of C++ itself.
    let loaded = unsafe { Library::open(&library) }.expect("a library just built loads");
    fs::remove_file(source).expect("the file is this process' own");
    system::remove_loaded(library);
    loaded
}
