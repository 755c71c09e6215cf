//! Panics, C++ exceptions and backtraces cross stubs that have frames.

use std::{
    backtrace::Backtrace,
    env,
    ffi::c_void,
    fs, panic,
    path::Path,
    process::{self, Command},
    ptr::NonNull,
    sync::Mutex,
};

use springboard::{BoundPointer, Engine, Function, Library, Stubs};

/// A stub that may be left by unwinding, which the type that the library hands out does not allow.
type Unwinding = unsafe extern "C-unwind" fn(*const u64) -> i32;

/// More arguments than there are registers, so that the stub calls, and has a frame.
const TWELVE: &str = "int(int, int, int, int, int, int, int, int, int, int, int, int)";

#[allow(clippy::too_many_arguments)] // that is the point
extern "C-unwind" fn twelve(
    a: i32,
    b: i32,
    c: i32,
    d: i32,
    e: i32,
    f: i32,
    g: i32,
    h: i32,
    i: i32,
    j: i32,
    k: i32,
    l: i32,
) -> i32 {
    *BACKTRACE.lock().unwrap() = Backtrace::force_capture().to_string();
    let sum = a + b + c + d + e + f + g + h + i + j + k + l;
    if sum < 0 {
        panic::resume_unwind(Box::new(sum));
    }
    sum
}

static BACKTRACE: Mutex<String> = Mutex::new(String::new());

fn engine() -> Engine {
    Engine::builder().stubs(Stubs::PerFunction).build()
}

fn unwinding(function: &Function) -> Unwinding {
    let pointer = function.bound_pointer::<i32>().expect("the function has a stub of its own");
    // SAFETY: the types differ in what may leave the function, and a stub with an unwind row lets anything leave.
    unsafe { std::mem::transmute::<BoundPointer<i32>, Unwinding>(pointer) }
}

#[inline(never)]
fn the_caller_of_the_stub(stub: Unwinding, slots: &[u64; 12]) -> i32 {
    // SAFETY: the function takes as many integers.
    unsafe { stub(slots.as_ptr()) }
}

#[test]
fn panics_and_backtraces_cross() {
    let address = NonNull::new(twelve as *mut c_void).expect("a function has an address");
    let function = engine().function_at(address, TWELVE).unwrap();
    let stub = unwinding(&function);
    assert_eq!(the_caller_of_the_stub(stub, &[1; 12]), 12);
    let backtrace = BACKTRACE.lock().unwrap().clone();
    assert!(backtrace.contains("the_caller_of_the_stub"), "beyond the stub: {backtrace}");
    let minus = u64::from_ne_bytes((-1i64).to_ne_bytes());
    for _ in 0..100 {
        let caught = panic::catch_unwind(|| the_caller_of_the_stub(stub, &[minus; 12]));
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), -12);
    }
    drop(function);
    // Segments that are unmapped are forgotten, and others known.
    for _ in 0..50 {
        let function = engine().function_at(address, TWELVE).unwrap();
        let stub = unwinding(&function);
        assert!(panic::catch_unwind(|| the_caller_of_the_stub(stub, &[minus; 12])).is_err());
    }
}

const CPP: &str = r#"
extern "C" int thrower(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l) {
    if (a < 0) throw a + l;
    return a + b + c + d + e + f + g + h + i + j + k + l;
}
extern "C" int catcher(int (*stub)(const unsigned long *), const unsigned long *slots) {
    try { return stub(slots); } catch (int thrown) { return thrown * 1000; }
}
"#;

#[test]
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

fn cpp_library() -> Library {
    let stem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("unwinding-{}", process::id()));
    let (source, library) = (stem.with_extension("cc"), stem.with_extension("so"));
    fs::write(&source, CPP).expect("cargo's directory for tests is writable");
    // Under emulation the compiler of the build is not the one for this machine.
    let named = format!("{}-linux-gnu-g++", env::consts::ARCH);
    let paths = env::var_os("PATH").unwrap_or_default();
    let cross = env::split_paths(&paths).map(|path| path.join(&named)).find(|file| file.exists());
    let compiler = cross.unwrap_or_else(|| "c++".into());
    let run =
        Command::new(&compiler).args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).output();
    let run = run.unwrap_or_else(|error| panic!("no C++ compiler {}: {error}", compiler.display()));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    // SAFETY: the library has neither initialisers nor finalisers but those of C++ itself.
    let loaded = unsafe { Library::open(&library) }.expect("a library just built loads");
    fs::remove_file(source).expect("the file is this process' own");
    fs::remove_file(library).expect("the file is this process' own");
    loaded
}
