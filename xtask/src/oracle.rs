//! `cargo xtask oracle`: the program `oracle` of the folder `tests`, built for this machine, which draws and
//! compiles, and for the target, which calls.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use crate::{
    cross::{self, Cpu},
    project::{self, cargo},
    systems::WINDOWS,
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
    let build = ["build", "--quiet", "--package", "springboard-tests", "--bin", "oracle"];
    let target = target(&arguments.arguments).unwrap_or_default();
    let elsewhere = if target == WINDOWS.triple {
        WINDOWS.set(&mut drive);
        Some((WINDOWS.cargo(&build), WINDOWS.built("dev").join("oracle.exe")))
    } else {
        let other = |cpu: &&Cpu| target == cpu.triple && cpu.name != std::env::consts::ARCH;
        cross::CPUS.into_iter().find(other).map(|cpu| (cpu.cargo(&build), cpu.built("oracle")))
    };
    if let Some((build, program)) = elsewhere {
        if let Err(failed) = succeed(build) {
            return failed;
        }
        drive.arg("--program").arg(program);
    }
    match succeed(drive) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed,
    }
}

/// What `--target` names.
fn target(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments.iter().map(|argument| argument.to_string_lossy());
    let mut target = None;
    while let Some(word) = words.next() {
        if word == "--target" {
            target = words.next().map(Into::into);
        } else if let Some(value) = word.strip_prefix("--target=") {
            target = Some(value.to_owned());
        }
    }
    target
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
