//! `cargo xtask stress`: many threads at once, and everything accounted for.

use std::{ffi::OsString, process::ExitCode};

use clap::ValueEnum;

use crate::project::{self, cargo};

/// Puts callbacks or the compiler service under stress.
///
/// Callbacks: threads post, ask and end while callbacks are closed at random. The last line is the sum: `sent N,
/// delivered N, refused N, lost 0`.
///
/// The service: threads bind, call and drop at random; then many stubs live at once, and one is made and dropped over
/// and over. The last line is the sum: `bound N, called N, dropped N, lost 0, leaked 0`.
///
/// What is lost or leaked is a failure.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    what: What,
    /// How much: see `--help` behind the word
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// What is put under stress.
#[derive(Clone, Copy, ValueEnum)]
enum What {
    Callbacks,
    Service,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let run = ["run", "--quiet", "--release", "--package", "springboard", "--example"];
    let mut command = cargo(&run);
    match arguments.what {
        What::Callbacks => command.args(["stress", "--", "callbacks"]),
        What::Service => command.args(["stress_service", "--"]),
    };
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
