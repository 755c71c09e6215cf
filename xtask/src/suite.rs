//! Suites: named runs of commands, with what they need, and one summary at the end.

use std::{
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use crate::{project, tools::Tool};

/// A named part of the tests.
pub(crate) struct Suite {
    /// The name on the command line and in the summary.
    pub(crate) name: &'static str,
    /// What it proves, in a few words.
    pub(crate) about: &'static str,
    /// When it runs.
    pub(crate) when: When,
    /// What a machine may lack that it needs.
    pub(crate) needs: &'static [&'static Tool],
    /// What is run, in order. The first step that fails ends the suite.
    pub(crate) steps: fn() -> Vec<Command>,
}

/// When a suite runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Whenever no suite is named.
    Always,
    /// When it is named: because it is a part of another, or takes long.
    Named,
}

/// What to make of a suite whose tools are missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skips {
    /// Say so in the summary.
    Reported,
    /// The same, and fail.
    Failures,
}

impl Skips {
    /// By the command line's `--no-skips`, or `SPRINGBOARD_NO_SKIPS` set to anything but 0 or nothing.
    pub(crate) fn chosen(no_skips: &NoSkips) -> Skips {
        let variable =
            std::env::var_os("SPRINGBOARD_NO_SKIPS").is_some_and(|value| value != "0" && !value.is_empty());
        if no_skips.no_skips || variable { Skips::Failures } else { Skips::Reported }
    }
}

/// The option that `test` and `ci` share.
#[derive(clap::Args)]
pub(crate) struct NoSkips {
    /// Fail where a suite is skipped because a tool is missing (also: SPRINGBOARD_NO_SKIPS=1)
    #[arg(long)]
    no_skips: bool,
}

enum Outcome {
    Passed(Duration),
    Failed(String),
    Skipped(Vec<String>),
}

/// Runs suites in order, each whatever became of those before it, and prints a summary. The last line counts the
/// suites: `N passed, N failed, N skipped`.
pub(crate) fn run(suites: &[&Suite], skips: Skips) -> ExitCode {
    let mut outcomes = Vec::new();
    for suite in suites {
        println!("\n==== {}: {}", suite.name, suite.about);
        let outcome = run_one(suite);
        match &outcome {
            Outcome::Passed(took) => println!("==== {}: ok ({:.0} s)", suite.name, took.as_secs_f64()),
            Outcome::Failed(why) => println!("==== {}: FAILED: {why}", suite.name),
            Outcome::Skipped(_) => println!("==== {}: skipped", suite.name),
        }
        outcomes.push(outcome);
    }
    summary(suites, &outcomes, skips)
}

fn run_one(suite: &Suite) -> Outcome {
    let missing: Vec<String> = suite.needs.iter().filter_map(|tool| tool.missing()).collect();
    if !missing.is_empty() {
        return Outcome::Skipped(missing);
    }
    let started = Instant::now();
    for mut step in (suite.steps)() {
        let shown = project::shown(&step);
        println!("$ {shown}");
        match step.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Outcome::Failed(format!("{shown}: {status}")),
            Err(error) => return Outcome::Failed(format!("{shown}: {error}")),
        }
    }
    Outcome::Passed(started.elapsed())
}

fn summary(suites: &[&Suite], outcomes: &[Outcome], skips: Skips) -> ExitCode {
    println!();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (suite, outcome) in suites.iter().zip(outcomes) {
        let name = suite.name;
        match outcome {
            Outcome::Passed(took) => {
                passed += 1;
                println!("suite {name:<16} ok ({:.0} s)", took.as_secs_f64());
            }
            Outcome::Failed(why) => {
                failed += 1;
                println!("suite {name:<16} FAILED: {why}");
            }
            Outcome::Skipped(missing) => {
                skipped += 1;
                for need in missing {
                    println!("suite {name:<16} skipped: {need}");
                }
            }
        }
    }
    if skipped != 0 && skips == Skips::Failures {
        println!("a skipped suite is a failure here (--no-skips): cargo xtask tools --install");
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let fine = failed == 0 && (skipped == 0 || skips == Skips::Reported);
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
