//! `cargo xtask docs`: the commands that documents print, run.

use std::{
    process::{Command, ExitCode},
    time::Instant,
};

use crate::{markdown::blocks, project, tidy::tree::Tree};

/// Runs the commands that README and docs print with their output, and compares what comes with what is printed.
///
/// They stand in blocks marked `console`: a command after `$ `, and its output up to the next. In the output `…` stands for
/// any text of a line, and a line of `…` for any lines.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only commands with this in them
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// List the commands, and run none
    #[arg(long)]
    list: bool,
}

/// A command, and the output that is printed after it.
struct Session {
    place: String,
    command: String,
    expected: Vec<String>,
}

fn sessions(path: &str, document: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    for block in blocks(document).iter().filter(|block| block.info == "console") {
        let before = sessions.len();
        for (index, line) in block.text.lines().enumerate() {
            if let Some(command) = line.strip_prefix("$ ") {
                let place = format!("{path}:{}", block.line + 1 + index);
                sessions.push(Session { place, command: command.to_owned(), expected: Vec::new() });
            } else if sessions.len() > before {
                sessions.last_mut().expect("there is one of this block").expected.push(line.to_owned());
            }
        }
    }
    sessions
}

/// Whether lines are those that are expected, `…` standing for anything.
fn fits(expected: &[String], lines: &[&str]) -> bool {
    match (expected, lines) {
        ([], lines) => lines.is_empty(),
        ([first, rest @ ..], lines) if first == "…" => {
            (0..=lines.len()).any(|skip| fits(rest, &lines[skip..]))
        }
        ([first, rest @ ..], [line, others @ ..]) => fits_line(first, line) && fits(rest, others),
        (_, []) => false,
    }
}

fn fits_line(expected: &str, line: &str) -> bool {
    let mut pieces = expected.trim_end().split('…');
    let Some(mut rest) = line.trim_end().strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        last = Some(piece);
    }
    match last {
        // Nothing was left open.
        None => rest.is_empty(),
        // The last piece ends the line, wherever it was found first.
        Some(piece) => rest.is_empty() || piece.is_empty() || rest.ends_with(piece),
    }
}

impl Session {
    fn run(&self) -> Result<(), String> {
        let output = Command::new("sh").args(["-c", &self.command]).current_dir(project::root()).output();
        let output = output.map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = printed.lines().collect();
        if output.status.success() && fits(&self.expected, &lines) {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let expected = self.expected.join("\n");
        Err(format!("{}\nexpected:\n{expected}\nprinted:\n{printed}\n{complaint}", output.status))
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let tree = Tree::read(project::root());
    let sessions = tree.documents().flat_map(|file| sessions(&file.path, &file.text));
    let wanted = |session: &Session| {
        arguments.filter.as_ref().is_none_or(|text| session.command.contains(text.as_str()))
    };
    let sessions: Vec<Session> = sessions.filter(wanted).collect();
    let mut failed = 0;
    for (index, session) in sessions.iter().enumerate() {
        let Session { place, command, .. } = session;
        println!("[{} of {}] {place}: $ {command}", index + 1, sessions.len());
        if arguments.list {
            continue;
        }
        let started = Instant::now();
        match session.run() {
            Ok(()) => println!("    as printed ({:.0} s)", started.elapsed().as_secs_f64()),
            Err(why) => {
                failed += 1;
                println!("    FAILED: {why}");
            }
        }
    }
    println!("{} commands, {failed} not as printed", sessions.len());
    if failed == 0 && !sessions.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::{fits, fits_line, sessions};

    #[test]
    fn ellipses_stand_for_anything() {
        assert!(fits_line("pow … 1.0 ns", "pow  two doubles 1.0 ns"));
        assert!(fits_line("a … b … c", "a x b b y c c"));
        assert!(!fits_line("pow … 1.0 ns", "pow  two doubles 2.0 ns"));
        assert!(!fits_line("pow", "pow 1"));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(fits(&lines("a\n…\nd"), &["a", "b", "c", "d"]));
        assert!(fits(&lines("…"), &[]));
        assert!(!fits(&lines("a\n…\nd"), &["a", "b"]));
        assert!(!fits(&lines("a"), &["a", "b"]));
    }

    #[test]
    fn sessions_are_read() {
        let text = "```sh\n$ no\n```\n```console\n$ one\n1\n2\n$ two\n```\n";
        let read = sessions("a.md", text);
        let shown: Vec<_> =
            read.iter().map(|s| (s.place.as_str(), s.command.as_str(), s.expected.len())).collect();
        assert_eq!(shown, [("a.md:5", "one", 2), ("a.md:8", "two", 0)]);
        assert!(read[1].run().is_err());
    }
}
