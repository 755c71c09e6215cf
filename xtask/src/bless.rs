//! `cargo xtask bless`: writes down what the code does now as what is expected of it.

use std::{
    fs,
    process::{Command, ExitCode, Stdio},
};

use crate::{
    bench, generated,
    project::{self, cargo},
    tidy::tree::Tree,
    tools,
};

/// Writes the expectations of filetests, the counts of instructions and the generated tables of the documentation
/// anew.
///
/// Read the difference before committing it: each changed line is a claim that the code is right.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> ExitCode {
    let written = tables().and_then(|()| filetests()).and_then(|()| counts());
    project::exit(written.inspect(|()| println!("now read: git diff")))
}

fn tables() -> Result<(), String> {
    let root = project::root();
    for file in Tree::read(root).documents() {
        let path = &file.path;
        let fresh = generated::renewed(&file.text)
            .map_err(|mistake| format!("{path}:{}: {}", mistake.line, mistake.what))?;
        if fresh != file.text {
            println!("{path}");
            fs::write(root.join(path), fresh).map_err(|error| format!("{path}: {error}"))?;
        }
    }
    Ok(())
}

fn filetests() -> Result<(), String> {
    let mut command = cargo(&["test", "-p", "springboard-tests", "--test", "filetests"]);
    command.env("BLESS", "1");
    done(command)
}

fn counts() -> Result<(), String> {
    let mut written = bench::written_counts();
    written.env("BLESS", "1");
    done(written)?;
    if let Some(missing) = tools::VALGRIND.missing() {
        println!("counts of instructions skipped: {missing}");
        return Ok(());
    }
    let mut command = bench::command("counts");
    command.arg("--bless");
    done(command)
}

fn done(mut command: Command) -> Result<(), String> {
    command.stdin(Stdio::null());
    let status = command.status().map_err(|error| format!("{}: {error}", project::shown(&command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", project::shown(&command))) }
}
