//! What documents print of the project is what the project has: commands, and code.

use clap::{Parser, error::ErrorKind};

use super::{
    Finding,
    tree::{File, Tree},
};
use crate::{
    Arguments,
    markdown::{Block, blocks},
};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let documents = tree.documents();
    documents.flat_map(|file| dead_commands(file).into_iter().chain(stale_quotations(file, tree))).collect()
}

/// A command of `cargo xtask` that is printed, in backticks or on a line of its own, is one that it takes. A word in
/// capitals stands for something: for 1, so that numbers may. One that lacks arguments is only mentioned.
fn dead_commands(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let alone = line.trim_start().trim_start_matches("$ ");
        let alone = alone.starts_with("cargo xtask ").then_some(alone);
        let quoted = line.split('`').skip(1).step_by(2).filter(|word| word.starts_with("cargo xtask "));
        for command in alone.into_iter().chain(quoted.filter(|_| alone.is_none())) {
            let Some(words) = shlex::split(command) else { continue };
            let taken = words.into_iter().skip(1).take_while(|word| word != "|" && word != ">");
            let standing = |word: &str| word.chars().all(|c| c.is_ascii_uppercase());
            let words = taken.map(|word| if standing(&word) { "1".to_owned() } else { word });
            let Err(error) = Arguments::try_parse_from(words) else { continue };
            let mentioned =
                [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
            if error.use_stderr() && !mentioned.contains(&error.kind()) {
                let why = error.to_string();
                let why = why.lines().next().unwrap_or_default();
                findings.push(Finding::new(&file.path, index + 1, format!("{command}: {why}")));
            }
        }
    }
    findings
}

/// A block of code that names a file, as ```` ```rust file=PATH ````, stands there line by line; a line of `// …` leaves
/// something out. Pictures are quoted without the `//! ` before them.
fn stale_quotations(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Block { line, info, text } in blocks(&file.text) {
        let Some((_, path)) = info.split_once(" file=") else { continue };
        let bare = |line: &'_ str| line.trim().trim_start_matches("//!").trim().to_owned();
        let source: Vec<String> = tree.text(path).lines().map(bare).collect();
        let quoted: Vec<String> = text.lines().map(bare).collect();
        let pieces = quoted.split(|line| *line == "// …").filter(|piece| !piece.is_empty());
        for piece in pieces {
            if !source.windows(piece.len()).any(|window| window == piece) {
                let what = format!("{path} has no lines {:?} … as they stand here", piece[0]);
                findings.push(Finding::new(&file.path, line, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::tree::tree, *};

    #[test]
    fn dead_commands_are_found() {
        let text = "`cargo xtask tidy` and `cargo xtask tidier`\n\n    cargo xtask oracle --signatures N --seed 2\n    \
                    cargo xtask test --lisst\n`cargo xtask bench --help`\n";
        let tree = tree(&[("book/a.md", text)]);
        let lines: Vec<usize> = dead_commands(&tree.files[0]).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 4]);
    }

    #[test]
    fn stale_quotations_are_found() {
        let text =
            "```rust file=a.rs\none();\n// …\nthree();\n```\n\n```rust file=a.rs\none();\nthree();\n```\n";
        let tree = tree(&[("book/a.md", text), ("a.rs", "    one();\n    two();\n    three();\n")]);
        let found: Vec<Finding> = tree.documents().flat_map(|file| stale_quotations(file, &tree)).collect();
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [7]);
    }
}
