//! Rules about the documentation.

use std::collections::HashSet;

use super::{
    Finding,
    tree::{File, Tree},
};
use crate::generated;

const ARCHITECTURE: &str = "docs/architecture.md";

/// What that page names of Cranelift's, as Cranelift's own texts have it.
const CRANELIFTS: [&str; 4] = ["StructArgument", "apple_aarch64", "system_v", "windows_fastcall"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.documents() {
        findings.extend(dead_links(file, tree));
        findings.extend(dead_paths(file, tree));
        findings.extend(dead_tests(file, tree));
        findings.extend(untested_rules(file));
        findings.extend(stale_tables(file));
    }
    findings.extend(
        tree.documents().filter(|file| file.path == ARCHITECTURE).flat_map(|file| dead_names(file, tree)),
    );
    findings.extend(tree.sources().flat_map(|file| dead_documents(file, tree)));
    for name in generated::homeless(tree.documents().map(|file| file.text.as_str())) {
        let what = format!("the generated table {name} stands in no document");
        findings.push(Finding::new("xtask/src/generated.rs", 1, what));
    }
    findings
}

/// Links to files lead to files, and links to headings to headings.
fn dead_links(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(&file.text) {
        for (at, open) in line.match_indices("](") {
            let Some((target, _)) = line[at + open.len()..].split_once(')') else { continue };
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) };
            let Some(path) = path.filter(|path| tree.has(path)) else {
                findings.push(Finding::new(
                    &file.path,
                    number,
                    format!("the link to {target} leads nowhere"),
                ));
                continue;
            };
            if !heading.is_empty() && !has_heading(tree.text(&path), heading) {
                let what = format!("the link to {target} leads to no heading");
                findings.push(Finding::new(&file.path, number, what));
            }
        }
    }
    findings
}

/// `path` as seen from the folder of `from`. `None` where it leaves the project.
fn resolve(from: &str, path: &str) -> Option<String> {
    let mut words: Vec<&str> = from.split('/').collect();
    words.pop();
    for word in path.split('/') {
        match word {
            "." | "" => {}
            ".." => {
                words.pop()?;
            }
            _ => words.push(word),
        }
    }
    Some(words.join("/"))
}

/// Whether a heading has this anchor, by GitHub's rule.
fn has_heading(text: &str, anchor: &str) -> bool {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|line| line.trim_start_matches('#').trim()).any(|heading| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let made: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
        made == anchor
    })
}

/// A path in backticks that begins with a folder of the project is there.
fn dead_paths(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(&file.text) {
        for word in line.split('`').skip(1).step_by(2) {
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            let Some((folder, _)) = word.split_once('/').filter(|_| plain) else { continue };
            if tree.has(folder) && !tree.has(word) {
                findings.push(Finding::new(&file.path, number, format!("there is no {word}")));
            }
        }
    }
    findings
}

/// A name in backticks stands somewhere outside of the documents.
fn dead_names(file: &File, tree: &Tree) -> Vec<Finding> {
    let others = tree.files.iter().filter(|file| !file.path.ends_with(".md"));
    let known: HashSet<&str> = others.flat_map(|file| names(&file.text)).chain(CRANELIFTS).collect();
    let quoted = prose(&file.text).flat_map(|(number, line)| {
        line.split('`').skip(1).step_by(2).flat_map(names).map(move |name| (number, name))
    });
    let dead = quoted.filter(|(_, name)| !known.contains(name));
    dead.map(|(number, name)| Finding::new(&file.path, number, format!("nothing is named {name}"))).collect()
}

/// Names of more than three letters.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|name| name.len() > 3)
}

/// A test in backticks, `file.rs::name`, is there: as a function, or by the name of a case.
fn dead_tests(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(&file.text) {
        for word in line.split('`').skip(1).step_by(2) {
            let Some((path, name)) = word.split_once(".rs::") else { continue };
            let path = format!("{path}.rs");
            let named =
                |text: &str| text.contains(&format!("fn {name}(")) || text.contains(&format!("::{name}\""));
            if !tree.has(&path) || !named(tree.text(&path)) {
                findings.push(Finding::new(&file.path, number, format!("there is no test {word}")));
            }
        }
    }
    findings
}

/// Each row of a table whose last column is headed `test` names one, or says why there is none.
fn untested_rules(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut of_rules = false;
    for (number, line) in prose(&file.text) {
        let row = line.strip_prefix('|').and_then(|row| row.strip_suffix('|'));
        let Some((rule, last)) = row.and_then(|row| row.rsplit_once('|')) else {
            of_rules = false;
            continue;
        };
        let (rule, last) = (rule.trim(), last.trim());
        if last == "test" {
            of_rules = true;
        } else if of_rules && last != "---" && !last.contains(".rs::") && !last.starts_with("none: ") {
            let what = format!("{rule} names no test, and not why there is none");
            findings.push(Finding::new(&file.path, number, what));
        }
    }
    findings
}

/// A document that a source file names is there.
fn dead_documents(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (at, _) in line.match_indices("docs/") {
            let rest = &line[at..];
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c)));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            if path.ends_with(".md") && !tree.has(path) {
                findings.push(Finding::new(&file.path, index + 1, format!("there is no {path}")));
            }
        }
    }
    findings
}

fn stale_tables(file: &File) -> Option<Finding> {
    match generated::renewed(&file.text) {
        Err(mistake) => Some(Finding::new(&file.path, mistake.line, mistake.what)),
        Ok(fresh) if fresh != file.text => {
            let same = fresh.lines().zip(file.text.lines()).take_while(|(a, b)| a == b).count();
            Some(Finding::new(&file.path, same + 1, "a generated table is out of date: cargo xtask bless"))
        }
        Ok(_) => None,
    }
}

/// The lines outside of fenced code, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::*;

    fn found(rule: fn(&File, &Tree) -> Vec<Finding>, text: &str) -> Vec<usize> {
        let files = [("book/a.md", text), ("book/b.md", "# One\n## Two, three\n"), ("xtask/src/main.rs", "")];
        let tree = tree(&files);
        rule(&tree.files[0], &tree).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn names_of_nothing_are_found() {
        let page = File {
            path: ARCHITECTURE.to_owned(),
            text: "`Engine::stamp` and\n`no_such_name`, `at`\n".to_owned(),
        };
        let tree = tree(&[("a.rs", "struct Engine; fn stamp() {}"), ("b.md", "no_such_name")]);
        let found: Vec<_> = dead_names(&page, &tree).iter().map(|finding| finding.line).collect();
        assert_eq!(found, [2]);
    }

    #[test]
    fn dead_links_are_found() {
        assert_eq!(found(dead_links, "[x](b.md) [y](../xtask/src/main.rs) [z](https://a.b/c)\n"), [0; 0]);
        assert_eq!(found(dead_links, "\n[x](c.md)\n"), [2]);
        assert_eq!(found(dead_links, "[x](../../outside.md)\n"), [1]);
        assert_eq!(found(dead_links, "[x](b.md#two-three)\n[y](b.md#four)\n[z](#none)\n"), [2, 3]);
        assert_eq!(found(dead_links, "```text\n[x](c.md)\n```\n[y](c.md)\n"), [4]);
    }

    #[test]
    fn dead_paths_are_found() {
        let fine = "`xtask/src/main.rs` `book/` `usr/include/a.h` `xtask/<name>`\n";
        assert_eq!(found(dead_paths, fine), [0; 0]);
        assert_eq!(found(dead_paths, "\n`xtask/src/gone.rs`\n"), [2]);
    }

    #[test]
    fn dead_tests_are_found() {
        let tests = "fn one() {}\nCase { name: \"cases::two\" }";
        let text = "`t/a.rs::one` `t/a.rs::two`\n`t/a.rs::three`\n`t/b.rs::one`\n";
        let tree = tree(&[("book/a.md", text), ("t/a.rs", tests)]);
        let found = dead_tests(&tree.files[0], &tree);
        assert_eq!(found.into_iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn untested_rules_are_found() {
        let file = |text: &str| File { path: "book/a.md".to_owned(), text: text.to_owned() };
        let table = "| rule | test |\n| --- | --- |\n| a | `t/a.rs::one` |\n| b | none: because |\n| c | none |\n| d | |\n";
        let found = untested_rules(&file(&format!("{table}\n| x | other |\n| --- | --- |\n| y | z |\n")));
        assert_eq!(found.into_iter().map(|finding| finding.line).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn dead_documents_are_found() {
        let folder = concat!("do", "cs");
        let here = format!("{folder}/here.md");
        let text = format!("// See {here}.\n// And ({folder}/gone.md).");
        let tree = tree(&[("a.rs", &text), (&here, "")]);
        let found = dead_documents(&tree.files[0], &tree);
        assert_eq!(found.into_iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn stale_tables_are_found() {
        let file = |text: &str| File { path: "book/a.md".to_owned(), text: text.to_owned() };
        let stale = file("x\n<!-- generated: ineligible -->\n<!-- end -->\n");
        assert_eq!(stale_tables(&stale).unwrap().line, 3);
        assert!(stale_tables(&file(&generated::renewed(&stale.text).unwrap())).is_none());
        assert_eq!(stale_tables(&file("<!-- generated: unheard -->\n")).unwrap().line, 1);
    }
}
