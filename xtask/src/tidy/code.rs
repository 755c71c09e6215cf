//! Rules about code: what it names, and how it explains itself.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{
    Finding,
    tree::{File, Tree},
};

/// Where a Cranelift crate may be named: the emitter, and what is listed here with its reason.
const CRANELIFT: [(&str, &str); 2] = [
    ("crates/springboard-emit/", "the one crate that turns plans into machine code"),
    ("bench/src/jit_module.rs", "the baseline: what others do with Cranelift"),
];

/// Cranelift's crates, as code names them.
const CRANELIFT_CRATES: [&str; 6] = [
    "cranelift_codegen",
    "cranelift_entity",
    "cranelift_frontend",
    "cranelift_jit",
    "cranelift_module",
    "cranelift_object",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = stale_list(tree);
    for file in tree.sources() {
        match tokens(file) {
            Ok(tokens) => {
                findings.extend(cranelift(file, &tokens));
                findings.extend(unexplained_unsafe(file, &tokens));
                findings.extend(attributes(file, &tokens));
            }
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// A token that a rule looks at: its line, and itself.
struct Token {
    line: usize,
    tree: TokenTree,
}

/// All tokens of a file in order, each group before what is in it. Comments and the insides of strings are none.
fn tokens(file: &File) -> Result<Vec<Token>, Finding> {
    let stream = TokenStream::from_str(&file.text).map_err(|error| {
        Finding::new(&file.path, error.span().start().line, format!("the file is not Rust: {error}"))
    })?;
    let mut all = Vec::new();
    flatten(stream, &mut all);
    Ok(all)
}

fn flatten(stream: TokenStream, all: &mut Vec<Token>) {
    for tree in stream {
        let inside = if let TokenTree::Group(group) = &tree { Some(group.stream()) } else { None };
        all.push(Token { line: tree.span().start().line, tree });
        if let Some(inside) = inside {
            flatten(inside, all);
        }
    }
}

/// The emitter alone names Cranelift's types.
fn cranelift(file: &File, tokens: &[Token]) -> Vec<Finding> {
    if CRANELIFT.iter().any(|(prefix, _)| file.path.starts_with(prefix)) {
        return Vec::new();
    }
    let named = |token: &Token| match &token.tree {
        TokenTree::Ident(ident) if CRANELIFT_CRATES.iter().any(|name| *ident == *name) => Some(Finding::new(
            &file.path,
            token.line,
            format!("`{ident}` is named outside of springboard-emit"),
        )),
        _ => None,
    };
    tokens.iter().filter_map(named).collect()
}

/// Each unsafe block and impl has a comment before it that begins with `SAFETY:`. Clippy asks for the same where
/// its lint is not switched off.
fn unexplained_unsafe(file: &File, tokens: &[Token]) -> Vec<Finding> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut findings = Vec::new();
    for pair in tokens.windows(2) {
        let is_unsafe = matches!(&pair[0].tree, TokenTree::Ident(ident) if *ident == "unsafe");
        let what = match &pair[1].tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => "block",
            TokenTree::Ident(ident) if *ident == "impl" => "impl",
            _ => continue,
        };
        if is_unsafe && !explained(&lines[..pair[0].line - 1]) {
            let sentence = format!("an unsafe {what} without a `// SAFETY:` sentence before it");
            findings.push(Finding::new(&file.path, pair[0].line, sentence));
        }
    }
    findings
}

/// Whether the comment before the statement that goes on behind `above` explains its safety.
fn explained(above: &[&str]) -> bool {
    for line in above.iter().rev().map(|line| line.trim()) {
        if let Some(comment) = line.strip_prefix("//") {
            if comment.contains("SAFETY: ") {
                return true;
            }
        } else if line.is_empty() || line.ends_with([';', '{', '}']) {
            return false;
        }
    }
    false
}

/// An ignored test has a reason, and no lint is switched off for a whole crate.
fn attributes(file: &File, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = &token.tree else { continue };
        let before = |back: usize| match &tokens[index.checked_sub(back)?].tree {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
        let text = group.stream().to_string();
        if before(1) == Some('#') && text == "ignore" {
            let what = "an ignored test without a reason: `#[ignore = \"…\"]`";
            findings.push(Finding::new(&file.path, token.line, what));
        }
        // What tests share is compiled into each of them, which then lacks a use for some of it.
        let shared = file.path.contains("/tests/");
        if before(1) == Some('!') && before(2) == Some('#') && text.starts_with("allow") && !shared {
            let what = "a lint is switched off for a whole crate or module: allow it where it is needed";
            findings.push(Finding::new(&file.path, token.line, what));
        }
    }
    findings
}

/// The list of exceptions above names only what is there.
fn stale_list(tree: &Tree) -> Vec<Finding> {
    let gone = CRANELIFT.iter().filter(|(path, _)| !tree.has(path));
    gone.map(|(path, _)| {
        let what = format!("{path} may name Cranelift, and is not there");
        Finding::new("xtask/src/tidy/code.rs", 1, what)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn lines_of(findings: Vec<Finding>) -> Vec<usize> {
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn cranelift_stays_in_the_emitter() {
        let text = "// cranelift_codegen\nuse cranelift_codegen::ir;\nconst A: &str = \"cranelift_jit\";\n";
        let inside = file("crates/springboard-emit/src/a.rs", text);
        let outside = file("crates/springboard/src/a.rs", text);
        assert_eq!(lines_of(cranelift(&inside, &tokens(&inside).unwrap())), [0; 0]);
        assert_eq!(lines_of(cranelift(&outside, &tokens(&outside).unwrap())), [2]);
    }

    #[test]
    fn unexplained_unsafe_is_found() {
        let text = r#"
fn f() {
    // SAFETY: g has no contract.
    let a = unsafe { g() };
    let b = unsafe { g() };
    // SAFETY: the statement goes on over two lines.
    let c =
        unsafe { g() };
    // Because.
    unsafe { g() }
    match d {
        // SAFETY: h is fine.
        D => unsafe { h() },
    }
}
// SAFETY: it has no data.
unsafe impl Send for A {}

unsafe impl Sync for A {}
unsafe extern "C" { fn not_a_block(); }
type NorThis = unsafe fn();
"#;
        let file = file("a.rs", text);
        assert_eq!(lines_of(unexplained_unsafe(&file, &tokens(&file).unwrap())), [5, 10, 19]);
    }

    #[test]
    fn bare_ignores_and_wide_allows_are_found() {
        let text = "#![allow(dead_code)]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n#[allow(x)]\nfn c() {}";
        let file = file("a.rs", text);
        assert_eq!(lines_of(attributes(&file, &tokens(&file).unwrap())), [1, 2]);
    }

    #[test]
    fn broken_source_is_a_finding() {
        assert_eq!(tokens(&file("a.rs", "fn a() {\n")).err().unwrap().path, "a.rs");
    }

    #[test]
    fn an_exception_for_nothing_is_found() {
        assert_eq!(stale_list(&tree(&[])).len(), CRANELIFT.len());
    }
}
