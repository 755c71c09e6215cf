//! The suites `v8` and `v8-aarch64`: fast calls in real engines. Each engine runs with its own C library.

use std::{path::PathBuf, process::Command};

use crate::{
    project::{self, cargo},
    suite::Step,
    tools::{self, Tool},
    v8_engine::{BOOKWORM, Engine, SID, SID_AARCH64},
};

/// The tests.
const PROGRAM: &str = "springboard-v8-tests";

/// Flags of V8's with which the tests run once more: without the tier that makes no fast calls, and with a garbage
/// collector that marks or scavenges all the time, or compacts always. Where it compacts, the helpers of the tests' host
/// collect garbage within each fast call that calls them.
const FLAGS: [&str; 4] =
    ["--no-maglev", "--stress-incremental-marking", "--stress-scavenge=50", "--stress-compaction"];

/// An engine, what it is called in a summary, and the tool that it is.
type Named = (&'static Engine, &'static str, &'static Tool);

/// Those that this machine runs itself.
static ENGINES: [Named; 2] = [(&BOOKWORM, "10.2", &tools::V8_10), (&SID, "13.6", &tools::V8_13)];
/// The one that runs under QEMU.
static EMULATED: [Named; 1] = [(&SID_AARCH64, "13.6", &tools::V8_13_AARCH64)];

/// The C functions by which the tests use an engine.
fn shim(engine: &Engine) -> PathBuf {
    engine.folder().join("shim.so")
}

/// The native functions of the tests.
fn fixture(engine: &Engine) -> PathBuf {
    engine.folder().join("fixture.so")
}

/// A compiler of GCC's for an engine's CPU.
fn compiler(engine: &Engine, name: &str) -> Command {
    let name = engine.cpu.map_or(name.to_owned(), |cpu| format!("{}-{name}", cpu.gnu));
    let mut command = Command::new(name);
    command.args(["-O2", "-fPIC", "-shared", "-Wall", "-Werror"]);
    command
}

fn build_fixture(engine: &Engine) -> Command {
    let mut command = compiler(engine, "gcc");
    command.arg("-o").arg(fixture(engine)).arg(tests().join("fixture.c"));
    command
}

fn build_shim(engine: &Engine) -> Command {
    let mut command = compiler(engine, "g++");
    command.args(["-std=c++20", "-fno-rtti", "-I"]);
    command.arg(project::root().join("crates/springboard-capi/include")).arg("-isystem");
    command.arg(engine.root().join("usr/include/nodejs/deps/v8/include"));
    command.arg("-o").arg(shim(engine));
    command.args(
        ["shim.cc", "values.cc", "snapshot.cc", "host.cc", "inspector.cc"].map(|file| tests().join(file)),
    );
    command.arg("-L").arg(&engine.libraries()[0]).args(["-lnode", "-Wl,--allow-shlib-undefined"]);
    command
}

/// Builds the tests for the CPU of an engine, by a profile of cargo's.
fn build_program(engine: &Engine, profile: &str) -> Command {
    let arguments = ["build", "-p", PROGRAM, "--profile", profile];
    engine.cpu.map_or_else(|| cargo(&arguments), |cpu| cpu.cargo(&arguments))
}

/// Runs the tests in an engine, by its own loader.
fn run_program(engine: &Engine, profile: &str) -> Command {
    let libraries = engine.libraries().map(|folder| folder.display().to_string()).join(":");
    let loader = engine.loader().unwrap_or_default();
    let (mut command, program) = match engine.cpu {
        None => (Command::new(loader), built(PROGRAM, profile)),
        Some(cpu) => {
            let emulator = format!("qemu-{}-static", cpu.name);
            let mut command = Command::new(&emulator);
            command.arg(loader).env("SPRINGBOARD_V8_EMULATOR", emulator);
            (command, cpu.built(PROGRAM))
        }
    };
    command.args(["--library-path", &libraries]).arg(program);
    command.env("SPRINGBOARD_V8_SHIM", shim(engine)).env("SPRINGBOARD_V8_FIXTURE", fixture(engine));
    command
}

fn tests() -> PathBuf {
    project::root().join("tests/v8")
}

fn built(program: &str, profile: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(project::root().join("target"), PathBuf::from);
    target.join(project::folder_of(profile)).join(program)
}

/// The steps of the suite `v8`.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = run_in(&ENGINES, "dev", &[]);
    for (engine, name, tool) in ENGINES {
        let known = FLAGS.iter().filter(|flag| **flag != "--no-maglev" || engine.has_maglev());
        steps.extend(known.map(|flag| {
            let mut run = run_program(engine, "dev");
            run.env("SPRINGBOARD_V8_FLAGS", flag).arg("--test-threads=1");
            Step::from(run).needing(name, [tool])
        }));
    }
    steps
}

/// The steps of the suite `v8-aarch64`: everything, with V8's default flags.
pub(crate) fn emulated_steps() -> Vec<Step> {
    run_in(&EMULATED, "dev", &["--test-threads=1"])
}

/// Measures loops in every engine that is there, and says which are not.
///
/// # Errors
/// The first command that failed.
pub(crate) fn bench() -> Result<(), String> {
    for missing in ENGINES.iter().filter_map(|(_, _, tool)| tool.missing()) {
        println!("loops in JavaScript are not measured: {missing}");
    }
    let steps = run_in(&ENGINES, "dist", &["bench"]).into_iter();
    steps.filter(|step| step.skipped().is_none()).try_for_each(Step::run)
}

/// Builds what the engines need, and runs the tests in each.
fn run_in(engines: &[Named], profile: &str, arguments: &[&str]) -> Vec<Step> {
    let first = engines.first();
    let mut steps: Vec<Step> =
        first.map(|(engine, ..)| build_program(engine, profile).into()).into_iter().collect();
    for (engine, name, tool) in engines {
        let mut run = run_program(engine, profile);
        run.args(arguments);
        let commands = [build_fixture(engine), build_shim(engine), run];
        steps.extend(commands.map(|command| Step::from(command).needing(name, [*tool])));
    }
    steps
}
