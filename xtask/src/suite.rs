//! Suites: named runs of commands, with what they need, and one summary at the end.

use std::{
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use crate::{
    limit::{self, limited},
    project,
    times::Times,
    tools::Tool,
};

/// A named part of the tests.
pub(crate) struct Suite {
    /// The name on the command line and in the summary.
    pub(crate) name: &'static str,
    /// What it tests, in a few words.
    pub(crate) about: &'static str,
    /// When it runs.
    pub(crate) when: When,
    /// What a machine may lack that it needs.
    pub(crate) needs: &'static [&'static Tool],
    /// What is run, in order. The first step that fails ends the suite.
    pub(crate) steps: fn() -> Vec<Step>,
}

/// A suite that runs whenever none is named.
pub(crate) const fn always(
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static Tool],
    steps: fn() -> Vec<Step>,
) -> Suite {
    Suite { name, about, when: When::Always, needs, steps }
}

/// One that CI runs as well, and nobody else unless it is named: because it runs other suites, elsewhere.
pub(crate) const fn in_ci_alone(
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static Tool],
    steps: fn() -> Vec<Step>,
) -> Suite {
    Suite { when: When::InCi, ..always(name, about, needs, steps) }
}

/// One that runs when it is named: because it is a part of another, or takes long.
pub(crate) const fn named(
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static Tool],
    steps: fn() -> Vec<Step>,
) -> Suite {
    Suite { when: When::Named, ..always(name, about, needs, steps) }
}

/// When a suite runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Whenever no suite is named.
    Always,
    /// By `cargo xtask ci`, and when it is named: because it runs other suites, elsewhere.
    InCi,
    /// When it is named: because it is a part of another, or takes long.
    Named,
}

/// One command of a suite.
pub(crate) struct Step {
    command: Command,
    expected: Expected,
    /// What it is called where it is skipped, and what it needs beside what the whole suite needs.
    part: Option<(&'static str, Vec<&'static Tool>)>,
    /// What of it does not run here, and why: said before it runs.
    left_out: Vec<String>,
    /// After how long it is ended, and the suite fails.
    limit: Duration,
}

/// Longer than any step takes, building included, that does not hang.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// What a command must do beside succeeding.
enum Expected {
    Nothing,
    /// Print this to its standard output, and no more.
    Output(&'static str),
    /// Fail, and say this on its standard output or standard error.
    Failure(&'static str),
    /// Have the drop-in for libffi serve so many calls and closures by stubs, or more.
    Served {
        calls: u64,
        closures: u64,
    },
}

impl From<Command> for Step {
    /// A command that must succeed.
    fn from(command: Command) -> Step {
        Step { command, expected: Expected::Nothing, part: None, left_out: Vec::new(), limit: LIMIT }
    }
}

impl Step {
    /// A command that must succeed and print these lines to its standard output, and no more.
    pub(crate) fn printing(command: Command, expected: &'static str) -> Step {
        Step { expected: Expected::Output(expected), ..Step::from(command) }
    }

    /// A command that must fail and say this.
    pub(crate) fn failing(command: Command, expected: &'static str) -> Step {
        Step { expected: Expected::Failure(expected), ..Step::from(command) }
    }

    /// A command that must succeed and, by the counters of the drop-in for libffi, be served natively: so many calls
    /// and closures, or more.
    pub(crate) fn served(mut command: Command, calls: u64, closures: u64) -> Step {
        command.env("SPRINGBOARD_FFI_TRACE", "1");
        Step { expected: Expected::Served { calls, closures }, ..Step::from(command) }
    }

    /// A part of the suite that is skipped alone, by this name, where one of these is missing.
    pub(crate) fn needing<const N: usize>(self, name: &'static str, needs: [&'static Tool; N]) -> Step {
        Step { part: Some((name, needs.into())), ..self }
    }

    /// Has it said, before it runs, that it leaves out a test, and why.
    pub(crate) fn leaving_out(mut self, sentence: String) -> Step {
        self.left_out.push(sentence);
        self
    }

    /// Gives it this long instead of half an hour.
    pub(crate) fn within(self, limit: Duration) -> Step {
        Step { limit, ..self }
    }

    /// Its name, and what is missing for it, where it needs what is missing.
    pub(crate) fn skipped(&self) -> Option<(&'static str, Vec<String>)> {
        let (name, needs) = self.part.as_ref()?;
        let missing: Vec<String> = needs.iter().filter_map(|tool| tool.missing()).collect();
        (!missing.is_empty()).then_some((*name, missing))
    }

    pub(crate) fn run(mut self) -> Result<(), String> {
        for sentence in &self.left_out {
            println!("{sentence}");
        }
        let shown = project::shown(&self.command);
        println!("$ {shown}");
        let piped = |yes| if yes { Stdio::piped() } else { Stdio::inherit() };
        self.command.stdout(piped(matches!(self.expected, Expected::Output(_) | Expected::Failure(_))));
        self.command.stderr(piped(matches!(self.expected, Expected::Served { .. } | Expected::Failure(_))));
        let (output, end) = limited(&mut self.command, self.limit, |command| {
            command.stdin(Stdio::inherit()).spawn().and_then(Child::wait_with_output)
        });
        let output = output.map_err(|error| format!("{shown}: {error}"))?;
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        if end == limit::End::Expired {
            let minutes = self.limit.as_secs_f64() / 60.0;
            return Err(format!(
                "{shown}: not done after {minutes:.0} min, so it was ended\n{stdout}{stderr}"
            ));
        }
        if let Expected::Failure(expected) = self.expected {
            let said = stdout.contains(expected) || stderr.contains(expected);
            if output.status.success() || !said {
                return Err(format!("{shown}: {}, without {expected:?}:\n{stdout}{stderr}", output.status));
            }
            println!("it fails as it must: {expected}");
            return Ok(());
        }
        print!("{stdout}{stderr}");
        if !output.status.success() {
            return Err(format!("{shown}: {}", output.status));
        }
        match self.expected {
            Expected::Output(expected) if stdout.strip_suffix('\n') != Some(expected) => {
                Err(format!("{shown}: printed {stdout:?}, not {expected:?}"))
            }
            Expected::Served { calls, closures } => {
                served(&stderr, calls, closures).map_err(|why| format!("{shown}: {why}"))
            }
            _ => Ok(()),
        }
    }
}

/// Reads the counters that the drop-in for libffi prints at exit:
/// `springboard-libffi: calls native=N libffi=N, closures native=N libffi=N, ...`.
fn served(printed: &str, calls: u64, closures: u64) -> Result<(), String> {
    let mut lines = printed.lines().filter(|line| line.starts_with("springboard-libffi: calls "));
    let line = lines.next_back().ok_or("the drop-in was not used")?;
    let mut native =
        line.split([' ', ',']).filter_map(|word| word.strip_prefix("native=")?.parse::<u64>().ok());
    let (Some(called), Some(made)) = (native.next(), native.next()) else {
        return Err(format!("no counters in {line:?}"));
    };
    if called >= calls && made >= closures {
        Ok(())
    } else {
        Err(format!("{called} calls and {made} closures by stubs, not {calls} and {closures}"))
    }
}

/// What to make of suites, and parts of them, whose tools are missing.
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
    /// Fail where a suite, or a part of one, is skipped because a tool is missing (also: SPRINGBOARD_NO_SKIPS=1)
    #[arg(long)]
    no_skips: bool,
}

/// What became of a suite.
struct Outcome {
    end: End,
    /// Parts that were skipped, or the whole if the name is empty, and what is missing.
    skipped: Vec<(&'static str, Vec<String>)>,
}

enum End {
    Passed(Duration),
    Failed(String),
    Skipped,
}

/// Runs suites in order, each whatever became of those before it, and prints a summary. The last line counts:
/// `N passed, N failed, N skipped`, where a part that is skipped counts as a suite does.
pub(crate) fn run(suites: &[&Suite], skips: Skips) -> ExitCode {
    let mut times = Times::read();
    announce(suites, &times);
    let mut outcomes = Vec::new();
    let started = Instant::now();
    for (index, suite) in suites.iter().enumerate() {
        let minutes = started.elapsed().as_secs() / 60;
        println!("\n==== [{} of {}, {minutes} min] {}: {}", index + 1, suites.len(), suite.name, suite.about);
        let outcome = run_one(suite);
        match &outcome.end {
            End::Passed(took) => {
                times.keep(suite.name, *took);
                println!("==== {}: ok ({:.0} s)", suite.name, took.as_secs_f64());
            }
            End::Failed(why) => println!("==== {}: FAILED: {why}", suite.name),
            End::Skipped => println!("==== {}: skipped", suite.name),
        }
        outcomes.push(outcome);
    }
    summary(suites, &outcomes, skips)
}

/// Says what will run, about how long that takes, and what will not run.
fn announce(suites: &[&Suite], times: &Times) {
    let (mut runs, mut skipped) = (Vec::new(), Vec::new());
    for suite in suites {
        if suite.needs.iter().any(|tool| tool.missing().is_some()) {
            skipped.push(suite.name.to_owned());
            continue;
        }
        runs.push(suite.name);
        let steps = (suite.steps)();
        let mut parts: Vec<&str> = steps.iter().filter_map(|step| Some(step.skipped()?.0)).collect();
        parts.dedup();
        skipped.extend(parts.iter().map(|part| format!("{}/{part}", suite.name)));
    }
    println!("{} suites will run: {}", runs.len(), runs.join(", "));
    println!("{}", times.estimate(&runs));
    if !skipped.is_empty() {
        println!(
            "{} will be skipped for want of tools, which the end names: {}",
            skipped.len(),
            skipped.join(", ")
        );
    }
}

fn run_one(suite: &Suite) -> Outcome {
    let missing: Vec<String> = suite.needs.iter().filter_map(|tool| tool.missing()).collect();
    if !missing.is_empty() {
        return Outcome { end: End::Skipped, skipped: vec![("", missing)] };
    }
    let started = Instant::now();
    let mut skipped: Vec<(&'static str, Vec<String>)> = Vec::new();
    for step in (suite.steps)() {
        if let Some(part) = step.skipped() {
            if !skipped.contains(&part) {
                println!("skipped: {}/{}: {}", suite.name, part.0, part.1.join("; "));
                skipped.push(part);
            }
        } else if let Err(why) = step.run() {
            return Outcome { end: End::Failed(why), skipped };
        }
    }
    Outcome { end: End::Passed(started.elapsed()), skipped }
}

fn summary(suites: &[&Suite], outcomes: &[Outcome], skips: Skips) -> ExitCode {
    println!();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (suite, outcome) in suites.iter().zip(outcomes) {
        let name = suite.name;
        match &outcome.end {
            End::Passed(took) => {
                passed += 1;
                println!("suite {name:<16} ok ({:.0} s)", took.as_secs_f64());
            }
            End::Failed(why) => {
                failed += 1;
                println!("suite {name:<16} FAILED: {why}");
            }
            End::Skipped => {}
        }
        for (part, missing) in &outcome.skipped {
            skipped += 1;
            let part = if part.is_empty() { String::new() } else { format!("{part} ") };
            println!("suite {name:<16} {part}skipped: {}", missing.join("; "));
        }
    }
    if skipped != 0 && skips == Skips::Failures {
        println!("what is skipped is a failure here (--no-skips): cargo xtask tools --install");
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let fine = failed == 0 && (skipped == 0 || skips == Skips::Reported);
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::{End, Step, Suite, always, run_one};
    use crate::tools::Tool;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_step_must_succeed() {
        assert!(Step::from(shell("true")).run().is_ok());
        assert!(Step::from(shell("exit 3")).run().unwrap_err().contains("exit status: 3"));
        assert!(Step::from(Command::new("/there/is/no/such/program")).run().is_err());
    }

    #[test]
    fn a_step_that_hangs_fails() {
        for expecting in
            [Step::from, |command| Step::printing(command, ""), |command| Step::failing(command, "")]
        {
            let step = expecting(shell("tail -f /dev/null")).within(Duration::ZERO);
            let why = step.run().unwrap_err();
            assert!(why.contains("tail -f /dev/null") && why.contains("not done after"), "{why}");
        }
    }

    static NOWHERE: Tool = Tool::program("nowhere", "there-is-no-such-program", &["nowhere"]);

    fn needing(needs: &'static [&'static Tool], steps: fn() -> Vec<Step>) -> Suite {
        always("test", "", needs, steps)
    }

    #[test]
    fn a_part_is_skipped_alone() {
        let outcome = run_one(&needing(&[], || {
            let skipped = || Step::from(shell("false")).needing("part", [&NOWHERE]);
            vec![skipped(), skipped(), shell("true").into()]
        }));
        assert!(matches!(outcome.end, End::Passed(_)));
        let [(name, missing)] = &outcome.skipped[..] else { panic!("one part is skipped") };
        assert_eq!(*name, "part");
        assert!(missing[0].contains("apt-get install --no-install-recommends nowhere"), "{missing:?}");
        // What is beside it still fails.
        let outcome = run_one(&needing(&[], || {
            vec![Step::from(shell("true")).needing("part", [&NOWHERE]), shell("false").into()]
        }));
        assert!(matches!(outcome.end, End::Failed(_)));
        static NEEDS: [&Tool; 1] = [&NOWHERE];
        let outcome = run_one(&needing(&NEEDS, || vec![shell("false").into()]));
        assert!(matches!(outcome.end, End::Skipped) && outcome.skipped.len() == 1);
    }

    #[test]
    fn a_step_must_be_served() {
        let line = "springboard-libffi: calls native=20 libffi=3, closures native=2 libffi=1, x87-result=2";
        let step =
            |calls, closures| Step::served(shell(&format!("echo '{line}' >&2")), calls, closures).run();
        assert!(step(20, 2).is_ok());
        assert!(step(21, 2).is_err());
        assert!(step(20, 3).is_err());
        assert!(Step::served(shell("true"), 0, 0).run().is_err());
    }

    #[test]
    fn a_step_must_fail_as_expected() {
        assert!(Step::failing(shell("echo a heap overflow >&2; exit 1"), "heap overflow").run().is_ok());
        assert!(Step::failing(shell("echo a heap overflow; exit 1"), "heap overflow").run().is_ok());
        assert!(Step::failing(shell("echo a heap overflow >&2"), "heap overflow").run().is_err());
        assert!(Step::failing(shell("echo something else >&2; exit 1"), "heap overflow").run().is_err());
    }

    #[test]
    fn a_step_must_print_what_is_expected() {
        assert!(Step::printing(shell("echo 1024"), "1024").run().is_ok());
        assert!(Step::printing(shell("echo 1025"), "1024").run().is_err());
        assert!(Step::printing(shell("echo 1024; echo more"), "1024").run().is_err());
        assert!(Step::printing(shell("echo 1024; exit 1"), "1024").run().is_err());
    }
}
