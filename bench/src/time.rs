//! `cargo xtask bench`: times.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use crate::{
    background, callbacks,
    case::{Bench, Case, DIRECT},
    cases, compile, curves, dropin, folder,
    measure::{self, Effort, Pairs, Timed},
    native, plot,
    report::{self, Machine, Report, Row},
    service, v8,
};

/// Measures what a call costs by every path, beside a direct call of the same function; and what compiling and
/// binding cost.
///
/// Figures are nanoseconds a call, least and median of many short repetitions, each right after one of the direct
/// call. Nothing fails because it is slow. For libffi's group, SPRINGBOARD_LIBFFI may name the shared library of one
/// more libffi, such as a newer one with call plans.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this group (scalar, struct, variadic, callback, v8, compile, service, libffi), or the cases whose name has this in it; repeatable
    #[arg(long, value_name = "CASE")]
    filter: Vec<String>,
    /// Write everything measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the ratios to direct calls into this file; where only the service was measured, its times
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write the times of calls to this file as a table in Markdown
    #[arg(long, value_name = "FILE.md")]
    markdown: Option<PathBuf>,
    /// Measure how costs grow instead (with rows of a chunk, arguments, functions alive, threads), and draw each into a file of
    /// this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["filter", "json", "plot", "markdown"])]
    curves: Option<PathBuf>,
    /// Few and short repetitions
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let wanted =
        |case: &Case| arguments.filter.is_empty() || arguments.filter.iter().any(|filter| case.is_in(filter));
    let cases: Vec<&Case> = cases::all().filter(|case| wanted(case)).collect();
    let machine = machine();
    let bench: &Bench = Box::leak(Box::new(Bench::new(native::build(&folder())?)));
    if let Some(folder) = &arguments.curves {
        curves::draw(bench, effort, &machine, folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = calls(bench, &cases, effort)?;
    rows.extend(compile::measure(bench, &arguments.filter, effort));
    rows.extend(callbacks::measure(bench, &arguments.filter, effort));
    rows.extend(background::measure(bench, &arguments.filter, effort));
    let service = service::measure(bench, &arguments.filter, effort);
    rows.extend(service.rows);
    let v8 = v8::measure(bench, &arguments.filter, effort);
    rows.extend(v8.rows);
    rows.extend(dropin::measure(bench, &arguments.filter, effort));
    let sizes = [service.sizes, v8.sizes].concat();
    if rows.is_empty() && sizes.is_empty() {
        return Err(format!("no case is named like {}", arguments.filter.join(", ")));
    }
    report::judge(&mut rows);
    let report = Report { machine, effort, rows, sizes };
    print!("{}", report.table());
    if let Some(file) = &arguments.json {
        report.write_json(file)?;
    }
    if let Some(file) = &arguments.markdown {
        let write = |text| fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()));
        write(report.markdown())?;
    }
    if let Some(file) = &arguments.plot {
        plot::draw(&report, file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures calls.
fn calls(bench: &Bench, cases: &[&Case], effort: Effort) -> Result<Vec<Row>, String> {
    let mut measured = Vec::new();
    for case in cases {
        eprintln!("{} {}: checking answers", case.group, case.name);
        let mut timed = Vec::new();
        for mut runner in (case.runners)(bench) {
            let answers = [1, 2, 1000].map(|calls| runner.run(calls));
            timed.push((answers, Timed::new(runner, effort)));
        }
        let mut timed = timed.into_iter();
        let (expected, baseline) = timed.next().expect("a case has paths");
        assert_eq!(baseline.path(), DIRECT);
        let mut others = Vec::new();
        for (answers, timed) in timed {
            if answers != expected {
                return Err(format!("{} {}: another answer than the direct call's", case.name, timed.path()));
            }
            others.push((timed, Pairs::default()));
        }
        measured.push((case, baseline, others));
    }
    for round in 1..=effort.rounds {
        for (case, baseline, others) in &mut measured {
            eprintln!("{} {}: round {round} of {}", case.group, case.name, effort.rounds);
            measure::round(baseline, others, effort);
        }
    }
    let mut rows = Vec::new();
    for (case, _, others) in &measured {
        let mut direct = Pairs::default();
        for (_, pairs) in others {
            direct.take_baseline(pairs);
        }
        rows.push(Row::compared(case.group, case.name, DIRECT, &direct));
        for (timed, pairs) in others {
            rows.push(Row::compared(case.group, case.name, timed.path(), pairs));
        }
    }
    Ok(rows)
}

fn machine() -> Machine {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let date = Command::new("date").arg("+%F").output().map(|output| output.stdout).unwrap_or_default();
    Machine {
        date: String::from_utf8_lossy(&date).trim().to_owned(),
        cpu: name.map_or("unknown CPU", |(_, name)| name).to_owned(),
        kernel: release.split('-').next().unwrap_or_default().to_owned(),
        pinned_to: measure::pin(),
    }
}
