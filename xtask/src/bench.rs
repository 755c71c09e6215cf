//! `cargo xtask bench`: the crate in the folder `bench`, built with optimisation and run.

use std::{ffi::OsString, process::ExitCode};

use crate::project::{self, cargo};

/// Measures what calls, compiling and binding cost.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What to measure and where to write it: see `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut command = cargo(&["run", "--release", "--package", "springboard-bench", "--", "bench"]);
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
