//! Rules about code: what it names, and how it explains itself.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{
    Finding,
    tree::{File, Tree},
};

/// Names that only some of the code may use.
struct Reserved {
    /// What is reserved, as a finding says it.
    what: &'static str,
    is: fn(&str) -> bool,
    /// The files that the rule is about, by the beginnings of their paths.
    among: &'static str,
    /// Those that may use the names, and why.
    allowed: &'static [(&'static str, &'static str)],
}

const RESERVED: [Reserved; 3] = [
    Reserved {
        what: "Cranelift",
        is: |name| {
            let crates = ["codegen", "entity", "frontend", "jit", "module", "object"];
            name.strip_prefix("cranelift_").is_some_and(|rest| crates.contains(&rest))
        },
        among: "",
        allowed: &[
            ("crates/springboard-emit/", "the one crate that turns plans into machine code"),
            ("bench/src/jit_module.rs", "the baseline: what others do with Cranelift"),
        ],
    },
    Reserved {
        what: "mapping pages",
        is: |name| {
            let names =
                ["mmap", "mmap_anonymous", "mremap", "mprotect", "munmap", "memfd_create", "shm_open"];
            names.contains(&name)
        },
        among: "crates/",
        allowed: &[("crates/springboard-code/", "the one crate that maps pages")],
    },
    Reserved {
        what: "a host",
        is: |name| {
            let name = name.to_ascii_lowercase();
            name.starts_with("v8") || name == "bun"
        },
        among: "crates/springboard/src/",
        allowed: &[],
    },
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = stale_list(tree);
    for file in tree.sources() {
        match tokens(file) {
            Ok(tokens) => {
                findings.extend(RESERVED.iter().flat_map(|rule| reserved(rule, file, &tokens)));
                findings.extend(systems(file, &tokens));
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

/// All tokens of a file in order, each group before what is in it. Comments and the insides of strings are not among them.
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

/// Names are used only where [`RESERVED`] lets them be. Tests may use what they want, except Cranelift, which has tests
/// of its own.
fn reserved(rule: &Reserved, file: &File, tokens: &[Token]) -> Vec<Finding> {
    let Reserved { what, is, among, allowed } = rule;
    let of_tests = !among.is_empty() && file.path.contains("/tests");
    if of_tests
        || !file.path.starts_with(among)
        || allowed.iter().any(|(path, _)| file.path.starts_with(path))
    {
        return Vec::new();
    }
    let named = |token: &Token| match &token.tree {
        TokenTree::Ident(ident) if is(&ident.to_string()) => {
            let sentence = match allowed {
                [] => format!("`{ident}`: {what} is named in {among}"),
                [(path, _), ..] => format!("`{ident}`: {what} is named outside of {path}"),
            };
            Some(Finding::new(&file.path, token.line, sentence))
        }
        _ => None,
    };
    tokens.iter().filter_map(named).collect()
}

/// The crate that is of one system by its nature: its binary interface is that of a library on Linux.
const OF_ONE_SYSTEM: &str = "crates/springboard-libffi/";

/// In the crates nothing asks which operating system or C library it is compiled for, except the folders `system`. Tests of
/// what only one has may.
fn systems(file: &File, tokens: &[Token]) -> Vec<Finding> {
    let in_folder = file.path.contains("/system/") || file.path.ends_with("/system.rs");
    let of_tests = file.path.contains("/tests");
    if !file.path.starts_with("crates/") || file.path.starts_with(OF_ONE_SYSTEM) || in_folder || of_tests {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for three in tokens.windows(3) {
        let TokenTree::Ident(ident) = &three[0].tree else { continue };
        if *ident != "cfg" && *ident != "cfg_attr" {
            continue;
        }
        // `cfg(…)` of an attribute, `cfg!(…)` of an expression.
        let group = three[1..].iter().find_map(|token| match &token.tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group),
            _ => None,
        });
        let mut inside = Vec::new();
        group.into_iter().for_each(|group| flatten(group.stream(), &mut inside));
        let names = ["target_os", "target_env", "target_family", "unix", "windows"];
        let asks = |token: &&Token| matches!(&token.tree, TokenTree::Ident(ident) if names.contains(&ident.to_string().as_str()));
        if let Some(token) = inside.iter().find(asks) {
            let sentence =
                format!("`{}`: which system it is, asked outside of a folder `system`", token.tree);
            findings.push(Finding::new(&file.path, token.line, sentence));
        }
    }
    findings
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

/// Whether the comment before the statement that goes on after `above` explains its safety.
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

/// The exceptions above name only what is there.
fn stale_list(tree: &Tree) -> Vec<Finding> {
    let allowed = RESERVED.iter().flat_map(|rule| rule.allowed);
    let gone = allowed.filter(|(path, _)| !tree.has(path));
    gone.map(|(path, _)| {
        let what = format!("{path} may use reserved names, and is not there");
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

    fn named(path: &str, text: &str) -> Vec<usize> {
        let file = file(path, text);
        let tokens = tokens(&file).unwrap();
        lines_of(RESERVED.iter().flat_map(|rule| reserved(rule, &file, &tokens)).collect())
    }

    #[test]
    fn reserved_names_stay_where_they_may_be() {
        let text = "// cranelift_codegen\nuse cranelift_codegen::ir;\nconst A: &str = \"cranelift_jit\";\n";
        assert_eq!(named("crates/springboard-emit/src/a.rs", text), [0; 0]);
        assert_eq!(named("crates/springboard/src/a.rs", text), [2]);
        assert_eq!(named("tests/src/a.rs", text), [2]);
        let text = "fn f() {\n libc::mmap();\n}";
        assert_eq!(named("crates/springboard-code/src/a.rs", text), [0; 0]);
        assert_eq!(named("crates/springboard-libffi/src/a.rs", text), [2]);
        assert_eq!(named("crates/springboard/tests/a.rs", text), [0; 0]);
        assert_eq!(named("bench/src/a.rs", text), [0; 0]);
        let text = "use v8::V8;\nlet bunch = nodes;";
        assert_eq!(named("crates/springboard-js/src/a.rs", text), [0; 0]);
        assert_eq!(named("crates/springboard/src/a.rs", text), [1, 1]);
    }

    #[test]
    fn systems_are_asked_for_in_their_folders_alone() {
        let text = "#[cfg(windows)]\nmod a;\nfn f() -> bool {\n cfg!(all(x, target_os = \"linux\"))\n}\n\
                    #[cfg(test)]\nmod windows;\nuse std::os::unix;\n#[cfg(target_arch = \"x\")] mod b;";
        let found = |path: &str| {
            let file = file(path, text);
            lines_of(systems(&file, &tokens(&file).unwrap()))
        };
        assert_eq!(found("crates/springboard/src/a.rs"), [1, 4]);
        for path in ["crates/springboard/src/system.rs", "crates/springboard/src/system/linux/a.rs"] {
            assert_eq!(found(path), [0; 0]);
        }
        assert_eq!(found("crates/springboard/tests/a.rs"), [0; 0]);
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
        let all: usize = RESERVED.iter().map(|rule| rule.allowed.len()).sum();
        assert_eq!(stale_list(&tree(&[])).len(), all);
    }
}
