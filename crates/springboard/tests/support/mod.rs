//! What the tests share: a C library of known functions, and a look at the process' own pages.

#![allow(dead_code)] // each test program uses its part

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::OnceLock,
};

use springboard::{Engine, Function, Jit, Library, Slots, Value, Word, ir::Declarations};

/// The source of the library that the tests call.
const SOURCE: &str = include_str!("../fixture/fixture.c");

/// What is included from the command line, so that the source is nothing but declarations.
const COMPILER_FLAGS: [&str; 9] =
    ["-shared", "-fPIC", "-O2", "-include", "stdint.h", "-include", "stdarg.h", "-include", "stdbool.h"];

/// Both kinds of engine.
pub(crate) const BOTH: [Jit; 2] = [Jit::On, Jit::Off];

/// An engine that compiles, or one that does not.
pub(crate) fn engine(jit: Jit) -> Engine {
    Engine::builder().jit(jit).build()
}

/// The library of functions that `fixture.c` defines.
pub(crate) fn fixture() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| load(SOURCE, "fixture")).clone()
}

/// Compiles `source` and loads it. The file is gone when this returns.
pub(crate) fn load(source: &str, name: &str) -> Library {
    let file = compile(source, name);
    // SAFETY: the libraries of the tests have neither initialisers nor finalisers.
    let library = unsafe { Library::open(&file) }.expect("a library just built loads");
    fs::remove_file(file).expect("the file is this process' own");
    library
}

/// Compiles `source` to a shared library.
pub(crate) fn compile(source: &str, name: &str) -> PathBuf {
    let stem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", process::id()));
    let (input, output) = (stem.with_extension("c"), stem.with_extension("so"));
    fs::write(&input, source).expect("cargo's directory for tests is writable");
    let compiler = compiler();
    let run = Command::new(&compiler).args(COMPILER_FLAGS).arg("-o").args([&output, &input]).output();
    let run = run.unwrap_or_else(|error| panic!("no C compiler {}: {error}", compiler.display()));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::remove_file(input).expect("the file is this process' own");
    output
}

/// The C compiler for the machine that runs this, which under emulation is not the one of the build.
fn compiler() -> PathBuf {
    let named = format!("{}-linux-gnu-gcc", env::consts::ARCH);
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).map(|path| path.join(&named)).find(|file| file.exists());
    found.unwrap_or_else(|| "cc".into())
}

/// `name` as `fixture.c` declares it.
pub(crate) fn function(engine: &Engine, name: &str) -> Function {
    engine
        .function(&fixture(), declarations().function(name).expect("fixture.c declares it"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All that `fixture.c` declares.
pub(crate) fn declarations() -> &'static Declarations {
    static DECLARATIONS: OnceLock<Declarations> = OnceLock::new();
    DECLARATIONS.get_or_init(|| Declarations::parse(SOURCE).expect("the source is plain C"))
}

/// Calls a function that the tests declare as its library defines it.
pub(crate) fn call(function: &Function, arguments: &[Value]) -> Value {
    // SAFETY: the functions of the tests are sound to call with any arguments of their types, and those that take
    // pointers are given good ones.
    unsafe { function.call(arguments) }
        .unwrap_or_else(|error| panic!("{:?}: {error}", function.prototype().name))
}

/// As [`call`], with slots.
pub(crate) fn enter<R: springboard::SlotResult>(function: &Slots<R>, slots: &[u64]) -> R {
    // SAFETY: as in `call`; the tests give as many slots as there are parameters, and memory for results.
    unsafe { function.call(slots) }
}

/// The bytes of an aggregate, from those of its members. Padding is a member too.
pub(crate) fn bytes(members: &[&[u8]]) -> Value {
    Value::Bytes(members.concat().into())
}

/// Checks, when it is dropped, that no page of the process is both writable and executable.
pub(crate) struct NoWritableCode;

impl Drop for NoWritableCode {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(writable_code(), [""; 0]);
        }
    }
}

/// The process' mappings that are both writable and executable.
pub(crate) fn writable_code() -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux shows a process its mappings");
    let access = |row: &str| row.split_whitespace().nth(1).map(str::to_owned).expect("a row has its access");
    assert!(maps.lines().any(|row| access(row).contains('x')), "a running process has code");
    let both = |row: &&str| access(row).contains('w') && access(row).contains('x');
    maps.lines().filter(both).map(str::to_owned).collect()
}

/// The slot of a number.
pub(crate) fn word(value: impl Word) -> u64 {
    value.into_slot()
}
