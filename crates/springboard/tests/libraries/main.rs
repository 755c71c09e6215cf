//! Libraries: their symbols, and last errors delivered with results, each through stubs and through libffi.

use springboard::{Engine, Function, Library};

mod files;
mod last_error;
#[path = "../support/mod.rs"]
mod support;
mod symbols;

use support::{Fixture, engines};

static FIXTURE: Fixture = Fixture::new(include_str!("../fixture/libraries.c"), "libraries");

fn library() -> Library {
    FIXTURE.library()
}

fn function(engine: &Engine, name: &str) -> Function {
    FIXTURE.function(engine, name)
}
