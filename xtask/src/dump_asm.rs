//! `cargo xtask dump-asm`: what becomes of a prototype.

use std::process::ExitCode;

/// Shows the plan, the CLIF and the machine code of a prototype, for any target.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> ExitCode {
    ExitCode::SUCCESS
}
