//! Tables in the documentation that are generated from the code.
//!
//! A table stands between two comments in a Markdown file: `<!-- generated: NAME -->` and `<!-- end -->`.
//! `cargo xtask bless` writes it anew; `cargo xtask tidy` finds one that is out of date.

use std::{collections::HashSet, fmt::Write};

use springboard_abi::Ineligible;

/// A table by its name, and the function that writes it.
type Table = (&'static str, fn() -> String);

static TABLES: [Table; 1] = [("ineligible", ineligible)];

/// Why a document cannot be brought up to date.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The line, from 1.
    pub(crate) line: usize,
    /// A sentence.
    pub(crate) what: String,
}

/// `text` with every generated table in it written anew.
pub(crate) fn renewed(text: &str) -> Result<String, Mistake> {
    let mut fresh = String::with_capacity(text.len());
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        fresh.extend([line, "\n"]);
        let Some(name) = marker(line) else { continue };
        let mistake = |what: String| Mistake { line: index + 1, what };
        let Some((_, table)) = TABLES.iter().find(|(known, _)| *known == name) else {
            return Err(mistake(format!("no generated table is named {name}")));
        };
        fresh.push_str(&table());
        if !lines.any(|(_, line)| line == END) {
            return Err(mistake(format!("the generated table {name} has no {END}")));
        }
        fresh.extend([END, "\n"]);
    }
    Ok(fresh)
}

/// The names of the tables that stand in no document.
pub(crate) fn homeless<'text>(documents: impl Iterator<Item = &'text str>) -> Vec<&'static str> {
    let placed: HashSet<&str> = documents.flat_map(str::lines).filter_map(marker).collect();
    TABLES.iter().map(|(name, _)| *name).filter(|name| !placed.contains(name)).collect()
}

const END: &str = "<!-- end -->";

fn marker(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- generated: ")?.strip_suffix(" -->")
}

fn ineligible() -> String {
    let mut table = String::from("| code | for example |\n| --- | --- |\n");
    for reason in Ineligible::examples() {
        writeln!(table, "| `{}` | {reason} |", reason.code()).expect("a String takes all that is written");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{END, homeless, renewed};

    #[test]
    fn a_stale_table_is_written_anew() {
        let stale = format!("a\n<!-- generated: ineligible -->\nold\n{END}\nb\n");
        let fresh = renewed(&stale).expect("the markers are right");
        assert!(fresh.contains("| `x87-result` |") && !fresh.contains("old"), "{fresh}");
        assert!(fresh.starts_with("a\n<!--") && fresh.ends_with("-->\nb\n"), "{fresh}");
        assert_eq!(renewed(&fresh).as_ref(), Ok(&fresh));
    }

    #[test]
    fn wrong_markers_are_mistakes() {
        assert_eq!(renewed("x\n<!-- generated: unheard -->\n").unwrap_err().line, 2);
        assert!(renewed("<!-- generated: ineligible -->\nold\n").unwrap_err().what.contains(END));
    }

    #[test]
    fn a_table_without_a_place_is_found() {
        assert_eq!(homeless(["nothing here"].into_iter()), ["ineligible"]);
        assert!(homeless(["<!-- generated: ineligible -->"].into_iter()).is_empty());
    }
}
