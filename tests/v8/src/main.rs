//! Stubs and twins inside of a real V8: JavaScript is warmed, optimised, run, and made to leave its optimised code.
//!
//! Run by `cargo xtask test v8`, which builds the shim (`shim.cc`) and the fixture (`fixture.c`) for each V8, and says
//! where they are: `SPRINGBOARD_V8_SHIM` and `SPRINGBOARD_V8_FIXTURE`. `cargo xtask bench --filter v8` runs it with
//! the one word `bench`, to measure loops. Tests of snapshots run it in other processes, which make one and start from
//! one. `SPRINGBOARD_V8_FLAGS` has flags for V8, `SPRINGBOARD_V8_EMULATOR` the program that
//! runs those of another CPU.

mod bench;
mod buffers;
mod closed;
mod host;
mod loops;
mod objects;
mod posts;
mod realm;
mod reentry;
mod shim;
mod snapshot;
mod strict;
mod threads;
mod twins;
mod values;

use std::{env, process::ExitCode};

use libtest_mimic::{Arguments, Trial};

/// A test by its name, and whether old versions of V8 can run it as well.
struct Case {
    name: &'static str,
    since: Since,
    run: fn(),
}

/// The first V8 that has what a test needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    /// Any that has fast calls.
    Always,
    /// 12.6: fast calls throw, run JavaScript, return 64-bit integers, take bigints and strings.
    V12_6,
    /// None for this CPU.
    Never,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let variable =
        |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: cargo xtask test v8"));
    if let Err(why) = realm::load(&variable("SPRINGBOARD_V8_SHIM")) {
        eprintln!("the shim does not load: {why}");
        return ExitCode::FAILURE;
    }
    println!("V8 {}.{}", realm::version() / 1000, realm::version() % 1000);
    match words[..] {
        ["bench"] => bench::run(),
        ["snapshot", path] => snapshot::make(path, None),
        ["snapshot", path, forgotten] => snapshot::make(path, forgotten.parse().ok()),
        ["start-from", path] => snapshot::start_from(path),
        ["call-back-fast"] => reentry::call_back_fast(),
        ["start-without-code", path] => snapshot::start_without_code(path),
        _ => return tests(),
    }
    ExitCode::SUCCESS
}

fn tests() -> ExitCode {
    let arguments = Arguments::from_args();
    let all = [
        values::CASES,
        strict::CASES,
        buffers::CASES,
        closed::CASES,
        reentry::CASES,
        threads::CASES,
        twins::CASES,
        objects::CASES,
        posts::CASES,
        snapshot::CASES,
        loops::CASES,
    ];
    let trials = all.iter().flat_map(|cases| cases.iter()).map(|case| {
        let run = case.run;
        let trial = Trial::test(case.name, move || {
            run();
            Ok(())
        });
        trial.with_ignored_flag(match case.since {
            Since::Always => false,
            Since::V12_6 => !realm::is_modern(),
            Since::Never => true,
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
