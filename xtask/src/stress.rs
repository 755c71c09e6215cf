//! `cargo xtask stress`: many threads at once, and every call accounted for.

use std::{ffi::OsString, process::ExitCode};

use crate::project::{self, cargo};

/// Puts callbacks under stress: threads that post, ask and end while callbacks are closed at random.
///
/// The last line is the sum: `sent N, delivered N, refused N, lost 0`. A call that is lost is a failure.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What to put under stress, and how much: see `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut command =
        cargo(&["run", "--quiet", "--release", "--package", "springboard", "--example", "stress", "--"]);
    command.args(&arguments.arguments);
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        // It has said why.
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", project::shown(&command));
            ExitCode::FAILURE
        }
    }
}
