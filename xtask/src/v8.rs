//! The suite `v8`: fast calls in real engines. Each engine runs with its own C library.

use std::{path::PathBuf, process::Command};

use crate::{
    project::{self, cargo},
    suite::Step,
    tools::{self, Tool},
    v8_engine::{BOOKWORM, Engine, LIBRARIES, SID},
};

/// The C functions by which the tests use it.
fn shim(engine: &Engine) -> PathBuf {
    engine.folder().join("shim.so")
}

/// Builds those.
fn build_shim(engine: &Engine) -> Command {
    let root = engine.root();
    let mut command = Command::new("g++");
    command.args(["-std=c++20", "-O2", "-fPIC", "-shared", "-fno-rtti", "-Wall", "-Werror", "-I"]);
    command.arg(project::root().join("crates/springboard-capi/include")).arg("-isystem");
    command.arg(root.join("usr/include/nodejs/deps/v8/include"));
    command.arg("-o").arg(shim(engine));
    command.args(
        ["shim.cc", "values.cc", "snapshot.cc", "host.cc", "inspector.cc"].map(|file| tests().join(file)),
    );
    command.arg("-L").arg(root.join(LIBRARIES[0])).args(["-lnode", "-Wl,--allow-shlib-undefined"]);
    command
}

/// The tests.
const PROGRAM: &str = "springboard-v8-tests";

/// Flags of V8's with which the tests run once more: without the tier that makes no fast calls, and with a garbage
/// collector that runs all the time and moves what it can.
const FLAGS: [&str; 4] = ["--no-maglev", "--gc-interval=50", "--stress-scavenge=50", "--stress-compaction"];

/// Runs a program of the tests in it, by its own loader.
fn run_program(engine: &Engine, program: &str) -> Command {
    let libraries = LIBRARIES.map(|folder| engine.root().join(folder).display().to_string()).join(":");
    let mut command = Command::new(engine.loader().unwrap_or_default());
    command.args(["--library-path", &libraries]).arg(built(program));
    command.env("SPRINGBOARD_V8_SHIM", shim(engine)).env("SPRINGBOARD_V8_FIXTURE", fixture());
    command
}

fn tests() -> PathBuf {
    project::root().join("tests/v8")
}

fn fixture() -> PathBuf {
    project::root().join("target/v8/fixture.so")
}

fn built(program: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(project::root().join("target"), PathBuf::from);
    target.join("debug").join(program)
}

/// The engines, what each is called in a summary, and the tool that it is.
static ENGINES: [(&Engine, &str, &Tool); 2] =
    [(&BOOKWORM, "10.2", &tools::V8_10), (&SID, "13.6", &tools::V8_13)];

/// The steps of the suite.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = run_in(&[]);
    for (engine, name, tool) in ENGINES {
        let known = FLAGS.iter().filter(|flag| **flag != "--no-maglev" || engine.has_maglev());
        steps.extend(known.map(|flag| {
            let mut run = run_program(engine, PROGRAM);
            run.env("SPRINGBOARD_V8_FLAGS", flag).arg("--test-threads=1");
            Step::from(run).needing(name, [tool])
        }));
    }
    steps
}

/// Measures loops in every engine that is there, and says which are not.
///
/// # Errors
/// The first command that failed.
pub(crate) fn bench() -> Result<(), String> {
    for missing in [&tools::V8_10, &tools::V8_13].iter().filter_map(|tool| tool.missing()) {
        println!("loops in JavaScript are not measured: {missing}");
    }
    let steps = run_in(&["bench"]).into_iter();
    steps.filter(|step| step.skipped().is_none()).try_for_each(Step::run)
}

fn run_in(arguments: &[&str]) -> Vec<Step> {
    let mut native = Command::new("gcc");
    native
        .args(["-O2", "-fPIC", "-shared", "-Wall", "-Werror", "-o"])
        .arg(fixture())
        .arg(tests().join("fixture.c"));
    let mut steps: Vec<Step> = vec![native.into(), cargo(&["build", "-p", PROGRAM]).into()];
    for (engine, name, tool) in ENGINES {
        let mut run = run_program(engine, PROGRAM);
        run.args(arguments);
        steps.extend([build_shim(engine), run].map(|command| Step::from(command).needing(name, [tool])));
    }
    steps
}
