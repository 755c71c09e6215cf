//! What the tests share: a C library of known functions, and a look at the process' own pages.

#![allow(dead_code)] // each test program uses its part

pub(crate) mod system;

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::OnceLock,
};

use springboard::{Engine, Function, Jit, Library, Slots, Stubs, Value, Word, ir::Declarations};

/// The source of the library that the tests call.
const SOURCE: &str = include_str!("../fixture/fixture.c");

/// What is included from the command line, so that the source is nothing but declarations.
const COMPILER_FLAGS: [&str; 8] =
    ["-shared", "-O2", "-include", "stdint.h", "-include", "stdarg.h", "-include", "stdbool.h"];

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

/// A test program's own library: a source whose functions are declared by its text, without what its headers declare.
pub(crate) struct Fixture {
    source: &'static str,
    name: &'static str,
    library: OnceLock<Library>,
    declarations: OnceLock<Declarations>,
}

impl Fixture {
    pub(crate) const fn new(source: &'static str, name: &'static str) -> Fixture {
        Fixture { source, name, library: OnceLock::new(), declarations: OnceLock::new() }
    }

    pub(crate) fn library(&self) -> Library {
        self.library.get_or_init(|| load(self.source, self.name)).clone()
    }

    pub(crate) fn declarations(&self) -> &Declarations {
        self.declarations.get_or_init(|| {
            let lines = self.source.lines().filter(|line| !line.starts_with('#'));
            Declarations::parse(&lines.collect::<Vec<_>>().join("\n")).expect("the source is plain C")
        })
    }

    /// `name` as the source declares it.
    pub(crate) fn function(&self, engine: &Engine, name: &str) -> Function {
        let prototype = self.declarations().function(name);
        let prototype = prototype.unwrap_or_else(|| panic!("{} declares no {name}", self.name));
        engine.function(&self.library(), prototype).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Each kind of engine.
pub(crate) fn engines() -> [Engine; 3] {
    [engine(Jit::On), engine(Jit::Off), Engine::builder().stubs(Stubs::PerFunction).build()]
}

/// Compiles `source` and loads it. The file is gone when this returns.
pub(crate) fn load(source: &str, name: &str) -> Library {
    let file = compile(source, name);
    // SAFETY: the libraries of the tests have neither initialisers nor finalisers.
    let library = unsafe { Library::open(&file) }.expect("a library just built loads");
    system::remove_loaded(file);
    library
}

/// Compiles `source` to a shared library.
pub(crate) fn compile(source: &str, name: &str) -> PathBuf {
    let stem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", process::id()));
    let (input, output) = (stem.with_extension("c"), stem.with_extension(system::SUFFIX));
    fs::write(&input, source).expect("cargo's directory for tests is writable");
    let file = |path: &Path| path.to_str().expect("cargo's directories have plain names").to_owned();
    let own = ["-o".to_owned(), file(&output), file(&input)];
    let run =
        system::run_compiler(&COMPILER_FLAGS.map(String::from).into_iter().chain(own).collect::<Vec<_>>());
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::remove_file(input).expect("the file is this process' own");
    output
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
    // SAFETY: the tests give as many slots as there are parameters, good pointers among them, and memory for results.
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
            assert_eq!(system::writable_code(), [""; 0]);
        }
    }
}

/// The slot of a number.
pub(crate) fn word(value: impl Word) -> u64 {
    value.into_slot()
}
