//! Libraries: their symbols, and last errors delivered with results, each through stubs and through libffi.

use std::sync::OnceLock;

use springboard::{Engine, Function, Jit, Library, ir::Declarations};

mod files;
mod last_error;
#[path = "../support/mod.rs"]
mod support;
mod symbols;

const SOURCE: &str = include_str!("../fixture/libraries.c");

/// The library that `libraries.c` defines.
fn library() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| support::load(SOURCE, "libraries")).clone()
}

/// All that `libraries.c` declares, without what its headers do.
fn declarations() -> &'static Declarations {
    static DECLARATIONS: OnceLock<Declarations> = OnceLock::new();
    DECLARATIONS.get_or_init(|| {
        let text = SOURCE.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        Declarations::parse(&text).expect("the source is plain C")
    })
}

/// `name` as `libraries.c` declares it.
fn function(engine: &Engine, name: &str) -> Function {
    let prototype = declarations().function(name).unwrap_or_else(|| panic!("libraries.c declares no {name}"));
    engine.function(&library(), prototype).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Each kind of engine.
fn engines() -> [Engine; 3] {
    let stubs = Engine::builder().stubs(springboard::Stubs::PerFunction).build();
    [support::engine(Jit::On), support::engine(Jit::Off), stubs]
}
