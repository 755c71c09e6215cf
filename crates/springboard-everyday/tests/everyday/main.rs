//! Everyday calls: what users of FFI ask for beside calling, each through stubs and through libffi.

use springboard::{Engine, Function, Library, ir::Declarations};

mod background;
mod columns;
mod headers;
mod memory;
#[path = "../../../springboard/tests/support/mod.rs"]
mod support;
mod udf;
mod variables;

use support::{Fixture, engines};

static FIXTURE: Fixture = Fixture::new(include_str!("fixture.c"), "everyday");

fn library() -> Library {
    FIXTURE.library()
}

fn declarations() -> &'static Declarations {
    FIXTURE.declarations()
}

fn function(engine: &Engine, name: &str) -> Function {
    FIXTURE.function(engine, name)
}
