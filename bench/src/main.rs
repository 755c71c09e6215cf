//! `cargo xtask bench` and `cargo xtask counts`: what calls, compiling and binding cost, in time and in
//! instructions.
//!
//! * `case` is what is measured by which paths, `cases` the calls, `compile` what comes
//!   before the first, `dropin` the drop-in for libffi, `callbacks` what comes before and after a callback's call,
//!   `v8` what comes before a call from V8.
//! * `time` is the command `bench`: `measure` takes times, `report` holds them, `limits` says what they should be, `plot`
//!   draws them; `curves` draws how they grow.
//! * `counts` is the command of that name.

mod background;
mod callbacks;
mod case;
mod cases;
mod compile;
mod counts;
mod curves;
mod dropin;
mod jit_module;
mod limits;
mod measure;
mod native;
mod plot;
mod report;
mod service;
mod time;
mod types;
mod v8;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

/// The commands, as `cargo xtask` hands them on.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    Bench(time::Arguments),
    Counts(counts::Arguments),
    /// What `counts` runs under valgrind
    #[command(hide = true)]
    CountedCalls,
    /// What `bench` runs in processes of their own
    #[command(hide = true)]
    ColdStart(service::cold::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Bench(arguments) => time::run(&arguments),
        Command::Counts(arguments) => counts::run(&arguments),
        Command::CountedCalls => counts::run_counted(),
        Command::ColdStart(arguments) => service::cold::run(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Where the program lies, and where it puts what it makes.
fn folder() -> PathBuf {
    let program = std::env::current_exe().expect("the running program has a path");
    program.parent().map(Path::to_owned).expect("a program lies in a folder")
}
