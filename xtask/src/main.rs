//! The project's commands: `cargo xtask <command>`. One file a command.

mod apt;
mod asan;
mod bench;
mod binary_interface;
mod bless;
mod ci;
mod cross;
mod docs;
mod dump_asm;
mod generated;
mod install;
mod libffi;
mod limit;
mod markdown;
mod npm;
mod oracle;
mod programs;
mod project;
mod shared_object;
mod stress;
mod suite;
mod systems;
mod test;
mod tidy;
mod times;
mod tools;
mod tsan;
mod v8;
mod v8_engine;
mod wheel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures what calls, compiling and binding cost
    Bench(bench::Arguments),
    /// Counts the instructions of calls, and compares those of stubs with the committed counts
    Counts(bench::Arguments),
    Oracle(oracle::Arguments),
    DumpAsm(dump_asm::Arguments),
    Libffi(libffi::Arguments),
    LibffiCrates(libffi::crates::Arguments),
    LibffiSuite(libffi::own_suite::Arguments),
    Stress(stress::Arguments),
    Install(install::Arguments),
    Test(test::Arguments),
    Ci(ci::Arguments),
    Tidy(tidy::Arguments),
    Docs(docs::Arguments),
    Abi(binary_interface::Arguments),
    Bless(bless::Arguments),
    Tools(tools::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Bench(arguments) => bench::run("bench", &arguments),
        Command::Counts(arguments) => bench::run("counts", &arguments),
        Command::Oracle(arguments) => oracle::run(&arguments),
        Command::DumpAsm(arguments) => dump_asm::run(&arguments),
        Command::Libffi(arguments) => libffi::run(&arguments),
        Command::LibffiCrates(arguments) => libffi::crates::run(&arguments),
        Command::LibffiSuite(arguments) => libffi::own_suite::run(&arguments),
        Command::Stress(arguments) => stress::run(&arguments),
        Command::Install(arguments) => install::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Ci(arguments) => ci::run(&arguments),
        Command::Tidy(arguments) => tidy::run(&arguments),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Abi(arguments) => binary_interface::run(&arguments),
        Command::Bless(arguments) => bless::run(&arguments),
        Command::Tools(arguments) => tools::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
