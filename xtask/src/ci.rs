//! `cargo xtask ci`: what a change must pass.

use std::process::{Command, ExitCode};

use crate::{
    project::{self, cargo},
    suite::{self, NoSkips, Skips, Suite, When},
    test,
};

/// Runs everything that a change must pass: format, clippy, documentation, tidy, and all of `cargo xtask test`, here and on a
/// bare machine.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    no_skips: NoSkips,
}

static CHECKS: [Suite; 4] = [
    Suite {
        name: "format",
        about: "rustfmt has nothing to change",
        when: When::Always,
        needs: &[],
        steps: || vec![cargo(&["fmt", "--all", "--check"]).into()],
    },
    Suite {
        name: "tidy",
        about: "the project's own rules",
        when: When::Always,
        needs: &[],
        steps: || {
            let mut tidy = Command::new(std::env::current_exe().expect("the running program has a path"));
            tidy.arg("tidy").current_dir(project::root());
            vec![tidy.into()]
        },
    },
    Suite {
        name: "clippy",
        about: "no warning from the compiler or clippy",
        when: When::Always,
        needs: &[],
        steps: || {
            let mut clippy = cargo(&["clippy"]);
            clippy.args(project::MEMBERS).args(["--all-targets", "--", "--deny", "warnings"]);
            vec![clippy.into()]
        },
    },
    Suite {
        name: "documentation",
        about: "no warning from rustdoc",
        when: When::Always,
        needs: &[],
        steps: || {
            let mut doc = cargo(&["doc", "--no-deps"]);
            doc.args(project::MEMBERS).env("RUSTDOCFLAGS", "--deny warnings");
            vec![doc.into()]
        },
    },
];

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let suites: Vec<&Suite> = CHECKS.iter().chain(test::in_ci()).collect();
    suite::run(&suites, Skips::chosen(&arguments.no_skips))
}
