//! `cargo xtask tidy`: the project's rules that neither the compiler nor clippy checks.
//!
//! Each rule is a function from what it looks at to findings, and has a test that shows it can fail.

mod circles;
mod code;
mod documents;
mod imports;
pub(crate) mod manifests;
mod printed;
mod source;
pub(crate) mod tree;

use std::{fmt, process::ExitCode};

use crate::project;
use tree::Tree;

/// Checks the project's own rules: crate arrows, file headers, unsafe code, dead links, stale tables.
///
/// Prints each finding as `path:line: sentence`. Notes do not fail.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only list the circles of imports among the modules of a crate, edge by edge
    #[arg(long)]
    circles: bool,
}

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    what: String,
    weight: Weight,
}

/// Whether a finding fails the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Failure,
    Note,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, what: what.into(), weight: Weight::Failure }
    }

    fn note(path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { weight: Weight::Note, ..Finding::new(path, line, what) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, what, weight } = self;
        let note = if *weight == Weight::Note { "note: " } else { "" };
        write!(f, "{path}:{line}: {note}{what}")
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let tree = Tree::read(project::root());
    if arguments.circles {
        return list_circles(&tree);
    }
    let mut findings = source::check(&tree);
    findings.extend(circles::check(&tree));
    findings.extend(code::check(&tree));
    findings.extend(documents::check(&tree));
    findings.extend(printed::check(&tree));
    match manifests::metadata() {
        Ok(metadata) => findings.extend(manifests::check(&metadata, &tree)),
        Err(why) => findings.push(Finding::new("Cargo.toml", 1, why)),
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let failures = findings.iter().filter(|finding| finding.weight == Weight::Failure).count();
    println!("tidy: {failures} findings, {} notes, {} files", findings.len() - failures, tree.files.len());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn list_circles(tree: &Tree) -> ExitCode {
    let (circles, findings) = circles::circles(tree);
    for finding in &findings {
        println!("{finding}");
    }
    for circle in &circles {
        circle.print();
    }
    let modules: usize = circles.iter().map(|circle| circle.members.len()).sum();
    println!("{} circles, {modules} modules in them", circles.len());
    if circles.is_empty() && findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
