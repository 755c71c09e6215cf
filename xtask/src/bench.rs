//! `cargo xtask bench` and `cargo xtask counts`: the crate in the folder `bench`, built with optimisation and run.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use crate::{
    libffi,
    project::{self, cargo},
    v8,
};

/// Arguments that the crate in the folder `bench` knows, `--help` among them.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// See `--help` after the command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// The crate's own command of that name.
pub(crate) fn command(name: &str) -> Command {
    cargo(&["run", "--profile", "dist", "--package", "springboard-bench", "--", name])
}

/// Compares the instructions of stubs for all four CPUs with those that are written down.
pub(crate) fn written_counts() -> Command {
    cargo(&["test", "--quiet", "--package", "springboard-tests", "--test", "counts"])
}

/// Whether loops in a V8 are asked for: `--filter v8`.
fn wants_v8(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "v8" || argument == "--filter=v8")
}

pub(crate) fn run(name: &str, arguments: &Arguments) -> ExitCode {
    if name == "counts" {
        let mut written = written_counts();
        if arguments.arguments.iter().any(|argument| argument == "--bless") {
            written.env("BLESS", "1");
        }
        if !written.status().is_ok_and(|status| status.success()) {
            return ExitCode::FAILURE;
        }
    }
    let mut command = cargo(&["run", "--profile", "dist", "--package", "springboard-bench"]);
    if name == "bench" {
        // Beside stubs, what the pack has instead.
        command.args(["--features", "pack"]);
    }
    // Only where it is asked for: it takes as long to build as the bench.
    if name == "bench" && arguments.arguments.iter().any(|it| it == "libffi" || it == "--filter=libffi") {
        match libffi::build(&project::root().join("target/libffi"), "dist", None) {
            Ok(built) => command.env("SPRINGBOARD_DROPIN", built.library),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        };
    }
    command.args(["--", name]).args(&arguments.arguments);
    match command.status() {
        Ok(status) if status.success() && name == "bench" && wants_v8(&arguments.arguments) => {
            match v8::bench() {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    eprintln!("{why}");
                    ExitCode::FAILURE
                }
            }
        }
        Ok(status) if status.success() => ExitCode::SUCCESS,
        // It has said why.
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", project::shown(&command));
            ExitCode::FAILURE
        }
    }
}
