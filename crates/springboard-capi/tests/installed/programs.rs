//! Programs in `tests/c`, each a test of its own: they end with 0, or say what is not so.

use std::{fs, path::PathBuf, process::Command};

use crate::tool::{STRICT, built, compile, include, prefix, running, source, succeed};

macro_rules! programs {
    ($($name:ident)*) => {$(
        #[test]
        #[ignore = "needs an installed library: cargo xtask test capi"]
        fn $name() {
            let name = stringify!($name);
            succeed(running(&compile(&source(&format!("tests/c/{name}.c")), name)));
        }
    )*};
}

programs! {
    misuse
    calls
    texts
    policies
    race
    background
    v8
    v8_host
    bun
}

/// Where stubs are made, and where libffi makes closures.
#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn fork() {
    let program = compile(&source("tests/c/fork.c"), "fork");
    for jit in ["on", "off"] {
        let mut command = running(&program);
        command.env("SPRINGBOARD_JIT", jit);
        succeed(command);
    }
}

/// Programs that load the library themselves.
fn loads(name: &str, libraries: &[PathBuf]) {
    let program = built(name);
    let mut command = Command::new("cc");
    command.args(STRICT).arg("-o").args([program.clone(), source(&format!("tests/c/{name}.c"))]);
    command.arg(include()).arg("-ldl");
    succeed(command);
    let mut command = Command::new(program);
    command.args(libraries);
    succeed(command);
}

#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn unload() {
    loads("unload", &[prefix().join("lib/libspringboard.so.0")]);
}

#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn copies() {
    let library = prefix().join("lib/libspringboard.so.0");
    let copy = built("libspringboard-copy.so");
    fs::copy(&library, &copy).expect("cargo's directory for tests is writable");
    loads("copies", &[library, copy]);
}
