//! `cargo xtask oracle`: the program `oracle` of the folder `tests`, built for this machine, which draws and
//! compiles, and for the target, which calls.

use std::{
    ffi::{OsStr, OsString},
    process::{Command, ExitCode},
};

use crate::{
    cross::{self, Cpu},
    project::{self, cargo},
};

/// Makes generated calls through stubs, libffi and compiled C, and compares every byte.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What to call: see `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut drive =
        cargo(&["run", "--quiet", "--package", "springboard-tests", "--bin", "oracle", "--", "drive"]);
    drive.args(&arguments.arguments);
    if let Some(cpu) = other_cpu(&arguments.arguments) {
        let build = cpu.cargo(&["build", "--quiet", "--package", "springboard-tests", "--bin", "oracle"]);
        if let Err(failed) = succeed(build) {
            return failed;
        }
        drive.arg("--program").arg(cpu.built("oracle"));
    }
    match succeed(drive) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed,
    }
}

/// The CPU that `--target` names, if it is another than this machine's.
fn other_cpu(arguments: &[OsString]) -> Option<&'static Cpu> {
    let mut target = None;
    for (index, argument) in arguments.iter().enumerate() {
        let text = argument.to_string_lossy();
        if text == "--target" {
            target = arguments.get(index + 1).cloned();
        } else if let Some(value) = text.strip_prefix("--target=") {
            target = Some(value.into());
        }
    }
    let target = target?;
    cross::CPUS.into_iter().find(|cpu| OsStr::new(cpu.triple) == target && cpu.name != std::env::consts::ARCH)
}

/// Runs a command to its end.
fn succeed(mut command: Command) -> Result<(), ExitCode> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        // It has said why.
        Ok(status) => Err(ExitCode::from(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1))),
        Err(error) => {
            eprintln!("{}: {error}", project::shown(&command));
            Err(ExitCode::FAILURE)
        }
    }
}
