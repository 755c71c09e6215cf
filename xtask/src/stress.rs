//! `cargo xtask stress`: many threads at once, and everything accounted for.

use std::{ffi::OsString, process::ExitCode};

use clap::Subcommand;

use crate::project::{self, cargo};

/// Puts callbacks or the compiler service under stress. What is lost or leaked is a failure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

/// What is put under stress.
#[derive(Subcommand)]
enum What {
    /// Threads post, ask and end while callbacks are closed at random; last line: `sent N, delivered N, refused N, lost 0`
    Callbacks(More),
    /// Threads bind, call and drop at random, then many stubs live at once, and one is made and dropped over and over;
    /// last line: `bound N, called N, dropped N, lost 0, leaked 0`
    Service(More),
}

/// Arguments of the program that does it, `--help` among them.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
struct More {
    /// How much: see `--help` after the word
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let run = ["run", "--quiet", "--release", "--package", "springboard", "--example"];
    let mut command = cargo(&run);
    let more = match &arguments.what {
        What::Callbacks(more) => {
            command.args(["stress", "--", "callbacks"]);
            more
        }
        What::Service(more) => {
            command.args(["stress_service", "--"]);
            more
        }
    };
    command.args(&more.arguments);
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
