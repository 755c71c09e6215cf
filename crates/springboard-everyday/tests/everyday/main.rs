//! Everyday calls: what users of FFI ask for beside calling, each through stubs and through libffi.

use std::sync::OnceLock;

use springboard::{Engine, Function, Jit, Library, ir::Declarations};

mod background;
mod columns;
mod headers;
mod memory;
#[path = "../../../springboard/tests/support/mod.rs"]
mod support;
mod variables;

const SOURCE: &str = include_str!("fixture.c");

/// The library that `fixture.c` defines.
fn library() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| support::load(SOURCE, "everyday")).clone()
}

/// All that `fixture.c` declares, without what its headers do.
fn declarations() -> &'static Declarations {
    static DECLARATIONS: OnceLock<Declarations> = OnceLock::new();
    DECLARATIONS.get_or_init(|| {
        let text = SOURCE.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        Declarations::parse(&text).expect("the source is plain C")
    })
}

/// `name` as `fixture.c` declares it.
fn function(engine: &Engine, name: &str) -> Function {
    let prototype = declarations().function(name).unwrap_or_else(|| panic!("fixture.c declares no {name}"));
    engine.function(&library(), prototype).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Each kind of engine.
fn engines() -> [Engine; 3] {
    let stubs = Engine::builder().stubs(springboard::Stubs::PerFunction).build();
    [support::engine(Jit::On), support::engine(Jit::Off), stubs]
}
