//! Rules about source files as a whole: their first lines, names and lengths.

use super::{
    Finding,
    tree::{File, Tree},
};

/// Lines above which a file is mentioned, and above which it needs a reason.
const LONG: usize = 300;
const TOO_LONG: usize = 500;

/// How comments about safety begin that name no fact.
const NO_FACT: [&str; 4] = ["as above", "as in ", "as for ", "the caller's promise"];

/// Attributes that the first lines of a crate must have.
const CRATE_ATTRIBUTES: [(&str, &[&str]); 3] = [
    ("crates/springboard-ir/src/lib.rs", &["#![no_std]", "#![forbid(unsafe_code)]"]),
    ("crates/springboard-abi/src/lib.rs", &["#![no_std]", "#![forbid(unsafe_code)]"]),
    ("crates/springboard-emit/src/lib.rs", &["#![forbid(unsafe_code)]"]),
];

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 4] = ["util", "utils", "common", "helpers"];

/// Folders of one machine. In two pieces, so that this file does not name them.
const MACHINE_FOLDERS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/fa", "rm"), concat!("/ho", "me/")];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        findings.extend(header(file));
        findings.extend(length(file));
        findings.extend(name(file));
        findings.extend(safety(file));
    }
    findings.extend(tree.files.iter().flat_map(machine_folders));
    findings.extend(crate_attributes(tree));
    findings
}

/// Each file says in its first line what it is.
fn header(file: &File) -> Option<Finding> {
    let fine = file.text.starts_with("//! ");
    (!fine).then(|| {
        Finding::new(&file.path, 1, "the file does not begin with a `//!` line that says what it is")
    })
}

fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    if lines > TOO_LONG {
        let what = format!("{lines} lines: split it by noun");
        return Some(Finding::new(&file.path, lines, what));
    }
    (lines > LONG).then(|| Finding::note(&file.path, lines, format!("{lines} lines")))
}

fn name(file: &File) -> Option<Finding> {
    let mut words = file.path.trim_end_matches(".rs").split('/');
    let word = words.find(|word| EMPTY_NAMES.contains(word))?;
    Some(Finding::new(&file.path, 1, format!("`{word}` names nothing: name the file for what it holds")))
}

/// Each comment about safety names the fact that makes its block sound.
fn safety(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let named = lines.filter_map(|(index, line)| Some((index, line.trim().strip_prefix("// SAFETY: ")?)));
    let bare = named.filter(|(_, said)| NO_FACT.iter().any(|words| said.starts_with(words)));
    bare.map(|(index, said)| Finding::new(&file.path, index + 1, format!("`{said}` names no fact"))).collect()
}

/// No file of the project knows the machine that it was written on.
fn machine_folders(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            if line.contains(folder) {
                let what = format!("`{folder}` is a folder of one machine");
                findings.push(Finding::new(&file.path, index + 1, what));
            }
        }
    }
    findings
}

fn crate_attributes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, attributes) in CRATE_ATTRIBUTES {
        let text = tree.text(path);
        for attribute in attributes {
            if !text.lines().any(|line| line == *attribute) {
                findings.push(Finding::new(path, 1, format!("the crate has no `{attribute}`")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{Weight, tree::tree};
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn lines_of(findings: impl IntoIterator<Item = Finding>) -> Vec<usize> {
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn header_is_wanted() {
        assert!(header(&file("a.rs", "//! Says it.\n")).is_none());
        assert!(header(&file("a.rs", "use x;\n//! Too late.\n")).is_some());
        assert!(header(&file("a.rs", "")).is_some());
    }

    #[test]
    fn long_files_are_found() {
        assert!(length(&file("a.rs", &"x\n".repeat(300))).is_none());
        assert_eq!(length(&file("a.rs", &"x\n".repeat(301))).unwrap().weight, Weight::Note);
        assert_eq!(length(&file("a.rs", &"x\n".repeat(501))).unwrap().weight, Weight::Failure);
    }

    #[test]
    fn empty_names_are_found() {
        assert!(name(&file("a/src/util.rs", "")).is_some());
        assert!(name(&file("a/helpers/b.rs", "")).is_some());
        assert!(name(&file("a/src/utilities_of_war.rs", "")).is_none());
    }

    #[test]
    fn facts_are_wanted_of_safety() {
        let text =
            "// SAFETY: as above.\n// SAFETY: as long as it lives.\n    // SAFETY: the caller's promise.\n";
        assert_eq!(lines_of(safety(&file("crates/a/src/b.rs", text))), [1, 3]);
    }

    #[test]
    fn machine_folders_are_found() {
        let text = format!("fine: /proc/self\n{}x\n", MACHINE_FOLDERS[0]);
        assert_eq!(lines_of(machine_folders(&file("a.md", &text))), [2]);
    }

    #[test]
    fn missing_crate_attributes_are_found() {
        let all = "//! x\n#![no_std]\n#![forbid(unsafe_code)]\n";
        let mut files = CRATE_ATTRIBUTES.map(|(path, _)| (path, all));
        assert!(crate_attributes(&tree(&files)).is_empty());
        files[2].1 = "//! x\n// #![forbid(unsafe_code)]\n";
        assert_eq!(crate_attributes(&tree(&files)).len(), 1);
    }
}
