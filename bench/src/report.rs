//! What was measured, as rows; as a table and as JSON.

use std::{fmt::Write, fs, path::Path};

use serde::Serialize;

use crate::{
    case::Group,
    limits::{self, Limit},
    measure::{Effort, Pairs, Samples},
};

/// All of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) effort: Effort,
    pub(crate) rows: Vec<Row>,
    pub(crate) sizes: Vec<Size>,
}

/// Memory that one of many takes.
#[derive(Clone, Serialize)]
pub(crate) struct Size {
    pub(crate) group: Group,
    pub(crate) case: String,
    pub(crate) path: String,
    pub(crate) bytes: f64,
}

/// Where it was measured.
#[derive(Serialize)]
pub(crate) struct Machine {
    /// The CPU's name as it gives it.
    pub(crate) cpu: String,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// The day, as YYYY-MM-DD.
    pub(crate) date: String,
    /// The CPU that the measuring thread was kept on, if the system allowed that.
    pub(crate) pinned_to: Option<usize>,
}

/// One case by one path. Times are nanoseconds for each call.
#[derive(Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) group: Group,
    pub(crate) case: String,
    pub(crate) path: String,
    /// How many repetitions, or single times, the others are taken from.
    pub(crate) samples: usize,
    pub(crate) ns_least: f64,
    pub(crate) ns_median: f64,
    /// Nine of ten samples took no longer.
    pub(crate) ns_p90: f64,
    /// The least by the least of the direct calls that were measured right before.
    pub(crate) ratio_least: Option<f64>,
    /// The median of the ratios of each repetition to the direct one right before.
    pub(crate) ratio_median: Option<f64>,
    pub(crate) limits: Vec<Judged>,
}

/// A limit, and what it was held against.
#[derive(Clone, Serialize)]
pub(crate) struct Judged {
    pub(crate) limit: Limit,
    /// By the least times, where the limit says nothing else. `None` where the path to compare with was not measured.
    pub(crate) value: Option<f64>,
    pub(crate) met: Option<bool>,
}

impl Row {
    /// Times that are compared with nothing.
    pub(crate) fn plain(group: Group, case: &str, path: &str, samples: &Samples) -> Row {
        Row {
            group,
            case: case.to_owned(),
            path: path.to_owned(),
            samples: samples.count(),
            ns_least: samples.least(),
            ns_median: samples.median(),
            ns_p90: samples.quantile(0.9),
            ratio_least: None,
            ratio_median: None,
            limits: Vec::new(),
        }
    }

    /// Times that are compared with direct calls.
    pub(crate) fn compared(group: Group, case: &str, path: &str, pairs: &Pairs) -> Row {
        Row {
            ratio_least: Some(pairs.own.least() / pairs.baseline.least()),
            ratio_median: Some(pairs.ratio.median()),
            ..Row::plain(group, case, path, &pairs.own)
        }
    }
}

/// Holds every row against its limits.
pub(crate) fn judge(rows: &mut [Row]) {
    let all = rows.to_vec();
    let other = |row: &Row, path| all.iter().find(|other| other.case == row.case && other.path == path);
    for row in rows {
        for limit in limits::of(row.group, &row.case, &row.path) {
            let value = match limit {
                Limit::Ratio(_) => row.ratio_least,
                Limit::Nanoseconds(_) => Some(row.ns_least),
                Limit::MedianNanoseconds(_) => Some(row.ns_median),
                Limit::Beyond { path, .. } => other(row, path).map(|other| row.ns_least - other.ns_least),
                Limit::FasterThan { path, .. } => other(row, path).map(|other| other.ns_least / row.ns_least),
            };
            row.limits.push(Judged { limit, value, met: value.map(|value| limit.is_met(value)) });
        }
    }
}

impl Report {
    /// The report as a table for people, one line per row.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let Machine { cpu, kernel, date, pinned_to } = &self.machine;
        let pinned = pinned_to.map_or("not pinned".to_owned(), |cpu| format!("pinned to CPU {cpu}"));
        let _ = writeln!(text, "{cpu}, Linux {kernel}, {pinned}, {date}");
        let _ = writeln!(
            text,
            "{:<9}{:<20}{:<13}{:>9}{:>9}{:>9}{:>8}{:>8}  limits",
            "group", "case", "path", "ns least", "median", "p90", "× least", "median"
        );
        let mut before = "";
        for row in &self.rows {
            if !before.is_empty() && before != row.case {
                text.push('\n');
            }
            before = &row.case;
            let _ = write!(
                text,
                "{:<9}{:<20}{:<13}{}{}{}{}{}",
                row.group.to_string(),
                row.case,
                row.path,
                number(Some(row.ns_least), 9),
                number(Some(row.ns_median), 9),
                number(Some(row.ns_p90), 9),
                number(row.ratio_least, 8),
                number(row.ratio_median, 8),
            );
            for judged in &row.limits {
                let _ = write!(text, "  {}: ", judged.limit);
                let _ = match (judged.value, judged.met) {
                    (Some(value), Some(met)) => {
                        write!(text, "{value:.2} {}", if met { "met" } else { "MISSED" })
                    }
                    _ => write!(text, "not measured"),
                };
            }
            text.push('\n');
        }
        for Size { group, case, path, bytes } in &self.sizes {
            let _ = write!(text, "{group:<9}{case:<20}{path:<13}{} bytes", number(Some(*bytes), 8));
            if let Some(most) = limits::bytes(case, path) {
                let verdict = if *bytes <= most { "met" } else { "MISSED" };
                let _ = write!(text, "  ≤ {most} bytes: {bytes:.1} {verdict}");
            }
            text.push('\n');
        }
        text
    }

    /// The times of calls as a table in Markdown: a row a path, a column a case, least and median in each cell.
    pub(crate) fn markdown(&self) -> String {
        let rows = || self.rows.iter().filter(|row| !matches!(row.group, Group::Compile | Group::Service));
        let (mut cases, mut paths) = (Vec::new(), Vec::new());
        for row in rows() {
            if !cases.contains(&row.case) {
                cases.push(row.case.clone());
            }
            if !paths.contains(&row.path) {
                paths.push(row.path.clone());
            }
        }
        let mut text = format!("| path | {} |\n| --- |{}\n", cases.join(" | "), " --: |".repeat(cases.len()));
        for path in &paths {
            let _ = write!(text, "| {path} |");
            for case in &cases {
                let cell = rows().find(|row| row.case == *case && row.path == *path).map(|row| {
                    let [least, median] = [row.ns_least, row.ns_median].map(|ns| number(Some(ns), 0));
                    format!("{least} / {median}")
                });
                let _ = write!(text, " {} |", cell.as_deref().unwrap_or("–"));
            }
            text.push('\n');
        }
        text
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    /// A sentence, where the file cannot be written.
    pub(crate) fn write_json(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
    }
}

/// Three significant figures, or nothing.
fn number(value: Option<f64>, width: usize) -> String {
    match value {
        None => " ".repeat(width),
        Some(value) if value < 10.0 => format!("{value:>width$.2}"),
        Some(value) if value < 100.0 => format!("{value:>width$.1}"),
        Some(value) => format!("{value:>width$.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, path: &str, ns: f64, ratio: f64) -> Row {
        let mut samples = Samples::default();
        samples.push(ns);
        Row { ratio_least: Some(ratio), ..Row::plain(Group::Scalar, case, path, &samples) }
    }

    #[test]
    fn rows_are_held_against_their_limits() {
        let mut rows = [row("add_i32", "libffi", 14.0, 10.0), row("add_i32", "slots", 2.0, 1.7)];
        judge(&mut rows);
        assert!(rows[0].limits.is_empty());
        let verdicts: Vec<_> = rows[1].limits.iter().map(|judged| (judged.value, judged.met)).collect();
        assert_eq!(verdicts, [(Some(1.7), Some(false)), (Some(7.0), Some(true))]);
    }

    #[test]
    fn a_limit_without_its_other_path_is_not_measured() {
        let mut rows = [row("add_i32", "slots", 2.0, 1.5)];
        judge(&mut rows);
        let verdicts: Vec<_> = rows[0].limits.iter().map(|judged| (judged.value, judged.met)).collect();
        assert_eq!(verdicts, [(Some(1.5), Some(true)), (None, None)]);
    }

    #[test]
    fn many_plans_are_judged_by_their_median() {
        let mut samples = Samples::default();
        [10_000.0, 30_000.0, 40_000.0].into_iter().for_each(|ns| samples.push(ns));
        let mut rows = [Row::plain(Group::Compile, "many_plans", "emit", &samples)];
        judge(&mut rows);
        let verdicts: Vec<_> = rows[0].limits.iter().map(|judged| (judged.value, judged.met)).collect();
        assert_eq!(verdicts, [(Some(30_000.0), Some(false))]);
    }

    #[test]
    fn numbers_have_three_figures() {
        assert_eq!(number(Some(1.234), 6), "  1.23");
        assert_eq!(number(Some(12.34), 6), "  12.3");
        assert_eq!(number(Some(1234.5), 6), "  1234");
        assert_eq!(number(None, 6), "      ");
    }
}
