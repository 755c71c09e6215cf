//! `cargo xtask counts`: instructions.
//!
//! They depend on no machine, so what springboard adds to a call is written down in a committed file, and any
//! change is noticed.

mod profile;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    case::{Bench, DIRECT, Group},
    cases, folder, native,
};
use profile::Profile;

/// Counts the instructions of a call by every path, under valgrind, and compares what springboard adds to a direct
/// call with the committed counts.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the counts down as what is expected
    #[arg(long)]
    bless: bool,
}

/// The function at which valgrind writes down what it has counted since the last time, by its symbol.
const MARK: &str = "springboard_bench_mark";

/// How often each path is run. What comes once per run rather than once per call is less.
const CALLS: u64 = 1000;

/// Instructions of one call by one path, by whose they are.
struct Count {
    case: String,
    path: String,
    /// Of code that was made while the program ran.
    stub: u64,
    /// From one call to the next: the loop, the path, and the native function.
    all: u64,
}

/// Counts, compares, and says what is different.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let counts = count()?;
    print!("{}", table(&counts));
    let fresh = added(&counts);
    let file = expected_file();
    if arguments.bless {
        fs::write(&file, written(&fresh)).map_err(|error| format!("{}: {error}", file.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let differences = differences(&read(&text)?, &fresh);
    if differences.is_empty() {
        println!("{} counts as expected", fresh.len());
        return Ok(ExitCode::SUCCESS);
    }
    let list = differences.join("\n");
    Err(format!("{list}\nexpected in {}; if it is meant: cargo xtask counts --bless", file.display()))
}

/// Calls every case by every path, between marks. What `run` has counted.
pub(crate) fn run_counted() -> Result<ExitCode, String> {
    let bench: &Bench = Box::leak(Box::new(Bench::new(native::build(&folder())?)));
    // What hosts need beside calls compiles while it runs: one reading of a header is 17 million instructions.
    for case in cases::all().filter(|case| case.group != Group::Everyday) {
        for mut runner in (case.runners)(bench) {
            runner.run(1);
            springboard_bench_mark();
            runner.run(CALLS);
            springboard_bench_mark();
            println!("{} {}", case.name, runner.path);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Divides the run for valgrind, which knows this function by its symbol.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn springboard_bench_mark() {
    black_box(());
}

fn count() -> Result<Vec<Count>, String> {
    let folder = folder().join("counts");
    // Profiles of an earlier run, which had other paths, would be taken for this one's.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let profile = folder.join("profile");
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--smc-check=all"])
        .arg(format!("--dump-before={MARK}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(&program)
        .arg("counted-calls");
    let output = command.output().map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{said}{command:?}: {}", output.status));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    let mut counts = Vec::new();
    for (index, line) in names.lines().enumerate() {
        let (case, path) = line.split_once(' ').ok_or_else(|| format!("no case and path: {line}"))?;
        // Each run has a mark before it and one after it.
        let part = profile.with_extension((2 * index + 2).to_string());
        let text = fs::read_to_string(&part).map_err(|error| format!("{}: {error}", part.display()))?;
        counts.push(per_call(case, path, &Profile::read(&text)?)?);
    }
    Ok(counts)
}

/// Divides the counts of a run by its calls.
fn per_call(case: &str, path: &str, profile: &Profile) -> Result<Count, String> {
    let Profile { made, all } = *profile;
    if made % CALLS != 0 || all < CALLS {
        return Err(format!(
            "{case} {path}: {CALLS} calls took {all} instructions, {made} of them of a stub"
        ));
    }
    Ok(Count { case: case.to_owned(), path: path.to_owned(), stub: made / CALLS, all: all / CALLS })
}

/// The paths that are expected to stay as they are: those whose instructions no C compiler and no other crate
/// decides.
const OWN_PATHS: [&str; 4] = ["typed", "slots", "stub", "guarded"];

/// What springboard adds to a direct call: instructions of the stub; or, where there is none, all beyond the
/// direct call's.
fn added(counts: &[Count]) -> BTreeMap<(String, String), i64> {
    let direct = |case: &str| counts.iter().find(|count| count.case == case && count.path == DIRECT);
    let own = counts.iter().filter(|count| OWN_PATHS.contains(&count.path.as_str()));
    own.map(|count| {
        let direct = direct(&count.case).map_or(0, |direct| direct.all);
        let added = if count.stub == 0 { count.all as i64 - direct as i64 } else { count.stub as i64 };
        ((count.case.clone(), count.path.clone()), added)
    })
    .collect()
}

fn expected_file() -> PathBuf {
    let counts = Path::new(env!("CARGO_MANIFEST_DIR")).join("counts");
    counts.join(std::env::consts::ARCH).with_extension("txt")
}

const HEADER: &str = "\
# Instructions that springboard adds to a direct call of the same function: those of the stub, once.
# Written by `cargo xtask counts --bless`, compared by `cargo xtask counts`.
";

fn written(counts: &BTreeMap<(String, String), i64>) -> String {
    let lines = counts.iter().map(|((case, path), count)| format!("{case} {path} {count}\n"));
    HEADER.to_owned() + &lines.collect::<String>()
}

fn read(text: &str) -> Result<BTreeMap<(String, String), i64>, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            let [case, path, count] = words[..] else { return Err(format!("not three words: {line}")) };
            let count = count.parse().map_err(|_| format!("not a count: {line}"))?;
            Ok(((case.to_owned(), path.to_owned()), count))
        })
        .collect()
}

fn differences(
    expected: &BTreeMap<(String, String), i64>,
    fresh: &BTreeMap<(String, String), i64>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for ((case, path), count) in fresh {
        match expected.get(&(case.clone(), path.clone())) {
            Some(before) if before == count => {}
            Some(before) => differences.push(format!("{case} {path}: {count} instructions, not {before}")),
            None => differences.push(format!("{case} {path}: {count} instructions, and none are expected")),
        }
    }
    for (case, path) in expected.keys().filter(|key| !fresh.contains_key(key)) {
        differences.push(format!("{case} {path}: expected, and not counted"));
    }
    differences
}

fn table(counts: &[Count]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:<20}{:<11}{:>6}{:>7}", "case", "path", "stub", "all");
    let mut before = "";
    for Count { case, path, stub, all } in counts {
        if !before.is_empty() && before != case {
            text.push('\n');
        }
        before = case;
        let _ = writeln!(text, "{case:<20}{path:<11}{stub:>6}{all:>7}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, stub: u64, all: u64) -> Count {
        Count { case: "add".to_owned(), path: path.to_owned(), stub, all }
    }

    #[test]
    fn what_is_added_is_of_the_stub_or_beyond_the_direct_call() {
        let counts =
            [count("direct", 0, 6), count("typed", 0, 7), count("slots", 4, 9), count("libffi", 0, 300)];
        let added: Vec<_> = added(&counts).into_values().collect();
        assert_eq!(added, [4, 1]);
    }

    #[test]
    fn counts_are_read_as_written() {
        let counts = added(&[count("direct", 0, 6), count("typed", 0, 6), count("slots", 4, 9)]);
        assert_eq!(read(&written(&counts)), Ok(counts));
        assert!(read("add slots\n").is_err());
        assert!(read("add slots four\n").is_err());
    }

    #[test]
    fn every_difference_is_said() {
        let expected = read("add slots 4\nadd typed 0\nold slots 3\n").unwrap();
        let fresh = read("add slots 5\nadd typed 0\nnew slots 3\n").unwrap();
        assert_eq!(differences(&expected, &expected), [""; 0]);
        assert_eq!(differences(&expected, &fresh).len(), 3);
    }
}
