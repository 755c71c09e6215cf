//! Who imports whom among the modules of a crate, outside of its tests: by `use` and by paths in the code, through
//! re-exports to where a name is defined.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::{Finding, tree::Tree};

/// A place where one module names another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// The module that names, by its path from the crate's root, which is empty.
    pub(crate) from: Vec<String>,
    /// The module that is named, or that defines what is named.
    pub(crate) to: Vec<String>,
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// All imports of the crate whose root is this file.
///
/// # Errors
/// A file that is not Rust.
pub(crate) fn read(tree: &Tree, root: &str) -> Result<Vec<Import>, Finding> {
    let mut modules = Modules(Vec::new());
    modules.load(tree, root, Vec::new())?;
    let mut imports = BTreeSet::new();
    for (index, module) in modules.0.iter().enumerate() {
        for (line, path) in &module.mentions {
            for to in
                modules.resolve(index, path, &mut Vec::new()).map(|found| found.passed).unwrap_or_default()
            {
                imports.insert(Import {
                    from: module.path.clone(),
                    to: modules.0[to].path.clone(),
                    file: module.file.clone(),
                    line: *line,
                });
            }
        }
    }
    Ok(imports.into_iter().collect())
}

/// The modules of a crate; the first is its root.
struct Modules(Vec<Module>);

struct Module {
    path: Vec<String>,
    file: String,
    /// What a `use` gives a name here.
    names: BTreeMap<String, Vec<String>>,
    /// What a `use` takes all names from.
    globs: Vec<Vec<String>>,
    /// Paths in the text, those of `use` included, and their lines.
    mentions: Vec<(usize, Vec<String>)>,
}

/// Where a path leads.
struct Found {
    /// The modules that it ends in or is re-exported by.
    passed: Vec<usize>,
    /// The module that it names, if it names a module and not something in one.
    module: Option<usize>,
}

impl Modules {
    /// Reads the module that is this file, and those below it.
    fn load(&mut self, tree: &Tree, file: &str, path: Vec<String>) -> Result<(), Finding> {
        let text = TokenStream::from_str(tree.text(file)).map_err(|error| {
            Finding::new(file, error.span().start().line, format!("the file is not Rust: {error}"))
        })?;
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let folder = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            // The program of a file of its own, `src/bin/name.rs`.
            _ if path.is_empty() => folder.to_owned(),
            _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        self.module(tree, file, &folder, path, text)
    }

    fn module(
        &mut self,
        tree: &Tree,
        file: &str,
        folder: &str,
        path: Vec<String>,
        text: TokenStream,
    ) -> Result<(), Finding> {
        let (names, globs, mentions) = Default::default();
        self.0.push(Module { path, file: file.to_owned(), names, globs, mentions });
        let place = Place { tree, folder, module: self.0.len() - 1 };
        self.text(&place, text)
    }

    /// Reads a piece of a module: its items, or what is inside of them.
    fn text(&mut self, place: &Place<'_>, text: TokenStream) -> Result<(), Finding> {
        let tokens: Vec<TokenTree> = text.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            at += match rest {
                [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                    if hash.as_char() == '#' && is_of_tests(&attribute.stream()) =>
                {
                    2 + item(&rest[2..])
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end), ..]
                    if *word == "mod" && end.as_char() == ';' =>
                {
                    self.file_of(place, name)?;
                    3
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(inside), ..]
                    if *word == "mod" =>
                {
                    let Module { path, file, .. } = &self.0[place.module];
                    let (path, file) = ([&path[..], &[name.to_string()]].concat(), file.clone());
                    let folder = format!("{}/{name}", place.folder);
                    self.module(place.tree, &file, &folder, path, inside.stream())?;
                    3
                }
                [TokenTree::Ident(word), ..] if *word == "use" => {
                    let end = rest.iter().position(|token| is(token, ';')).unwrap_or(rest.len());
                    self.0[place.module].imported(&[], &rest[1..end]);
                    end
                }
                [TokenTree::Ident(first), ..] => {
                    let (path, length) = path_at(rest);
                    let goes_on = at >= 2 && is(&tokens[at - 1], ':') && is(&tokens[at - 2], ':');
                    if path.len() > 1 && !goes_on {
                        self.0[place.module].mentions.push((first.span().start().line, path));
                    }
                    length
                }
                [TokenTree::Group(group), ..] => {
                    self.text(place, group.stream())?;
                    1
                }
                _ => 1,
            };
        }
        Ok(())
    }

    /// Reads the file of a module that is declared by `mod name;`.
    fn file_of(&mut self, place: &Place<'_>, name: &Ident) -> Result<(), Finding> {
        let path = [&self.0[place.module].path[..], &[name.to_string()]].concat();
        let folder = place.folder;
        let files = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
        match files.iter().find(|file| place.tree.has(file)) {
            Some(file) => self.load(place.tree, file, path),
            None => Ok(()),
        }
    }

    /// Where a path leads that stands in a module; nowhere in this crate if `None`. `asked` are the names that it is part of
    /// the answer for, with their modules.
    fn resolve(&self, module: usize, path: &[String], asked: &mut Vec<(usize, String)>) -> Option<Found> {
        let mut at = module;
        let mut passed = Vec::new();
        for (index, word) in path.iter().enumerate() {
            at = match word.as_str() {
                "crate" => 0,
                "self" => at,
                "super" => self.by_path(self.0[at].path.split_last()?.1)?,
                _ => {
                    let step = self.named(at, word, asked);
                    // Something of another crate, or that is not imported.
                    if index == 0 && step.is_none() {
                        return None;
                    }
                    let Some(step) = step else {
                        passed.push(at);
                        return Some(Found { passed, module: None });
                    };
                    passed.extend(step.passed);
                    match step.module {
                        Some(next) => next,
                        None => return Some(Found { passed, module: None }),
                    }
                }
            };
        }
        passed.push(at);
        Some(Found { passed, module: Some(at) })
    }

    /// What a name means in a module, if it is a module in it, or imported there.
    fn named(&self, module: usize, name: &str, asked: &mut Vec<(usize, String)>) -> Option<Found> {
        let of = &self.0[module];
        let child = [&of.path[..], &[name.to_owned()]].concat();
        if let Some(child) = self.by_path(&child) {
            return Some(Found { passed: Vec::new(), module: Some(child) });
        }
        // A name that is imported under itself, or looked for in what it names, leads in a circle.
        let question = (module, name.to_owned());
        if asked.contains(&question) {
            return None;
        }
        asked.push(question);
        let mut found = of.names.get(name).and_then(|path| self.resolve(module, path, asked));
        for path in &of.globs {
            if found.is_none()
                && let Some(glob) = self.resolve(module, path, asked).and_then(|found| found.module)
            {
                found = self.named(glob, name, asked);
            }
        }
        asked.pop();
        found.map(|mut found| {
            found.passed.push(module);
            found
        })
    }

    fn by_path(&self, path: &[String]) -> Option<usize> {
        self.0.iter().position(|module| module.path == path)
    }
}

/// What is being read.
struct Place<'a> {
    tree: &'a Tree,
    /// Where the files of the module's own modules lie.
    folder: &'a str,
    module: usize,
}

impl Module {
    /// Notes what follows `use`, or what stands in the braces after `before`.
    fn imported(&mut self, before: &[String], tokens: &[TokenTree]) {
        for tree in tokens.split(|token| is(token, ',')) {
            let Some(first) = tree.first() else { continue };
            let line = first.span().start().line;
            let (words, length) = path_at(tree);
            let mut path = [before, &words].concat();
            match &tree[length..] {
                [.., TokenTree::Group(group)] => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.imported(&path, &inside);
                    continue;
                }
                [.., star] if is(star, '*') => self.globs.push(path.clone()),
                rest => {
                    if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
                        path.pop();
                    }
                    let name = match rest {
                        [TokenTree::Ident(word), TokenTree::Ident(name)] if *word == "as" => {
                            Some(name.to_string())
                        }
                        _ => path.last().cloned(),
                    };
                    self.names.extend(name.map(|name| (name, path.clone())));
                }
            }
            self.mentions.push((line, path));
        }
    }
}

/// The words of a path that begins here, and how many tokens it takes.
fn path_at(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        words.push(word.to_string());
        at += 1;
        let goes_on = tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|token| is(token, ':')));
        if !goes_on || !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        at += 2;
    }
    (words, at)
}

/// How many tokens an item, a field or an arm takes that begins here.
fn item(tokens: &[TokenTree]) -> usize {
    let word = tokens.iter().find_map(|token| match token {
        TokenTree::Ident(word) if *word != "pub" => Some(word.to_string()),
        _ => None,
    });
    let braces_end_it = !matches!(word.as_deref(), Some("use" | "static" | "type" | "let"));
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => braces_end_it && group.delimiter() == Delimiter::Brace,
        _ => is(token, ';') || is(token, ','),
    };
    tokens.iter().position(ends).map_or(tokens.len(), |end| end + 1)
}

/// Whether an attribute's item is compiled for tests alone.
fn is_of_tests(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn is(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::*;

    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let shown = |import: Import| {
            let Import { from, to, file, line } = import;
            format!("{file}:{line} {} -> {}", from.join("::"), to.join("::"))
        };
        read(&tree(files), "src/lib.rs").unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn uses_and_paths_are_read() {
        let found = imports(&[
            ("src/lib.rs", "mod a; mod b; mod c;"),
            ("src/a.rs", "mod inner;\nuse crate::{b::{self, B}, c as other};\nfn f() { std::mem::swap(); }"),
            ("src/a/inner.rs", "fn f() -> u8 {\n super::super::b::f(vec![crate::c::X]) }"),
            ("src/b.rs", "mod g { pub fn h() {} }\npub fn f() { g::h(); <u8 as crate::c::T>::f(); }"),
            ("src/c/mod.rs", ""),
        ]);
        let expected = [
            "src/a.rs:2 a -> b",
            "src/a.rs:2 a -> c",
            "src/a/inner.rs:2 a::inner -> b",
            "src/a/inner.rs:2 a::inner -> c",
            "src/b.rs:2 b -> b::g",
            "src/b.rs:2 b -> c",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn re_exports_lead_to_where_a_name_is_defined() {
        let found = imports(&[
            ("src/lib.rs", "mod a; mod b; pub use a::*;\nuse b::B as Other;"),
            ("src/a.rs", "mod inner; pub use inner::A;"),
            ("src/a/inner.rs", "pub struct A;"),
            ("src/b.rs", "use crate::A; fn f() { crate::Other::new(); }"),
        ]);
        for import in ["src/b.rs:1 b -> a::inner", "src/b.rs:1 b -> a", "src/b.rs:1 b -> b"] {
            assert!(found.contains(&import.to_owned()), "{import} in {found:?}");
        }
    }

    #[test]
    fn tests_import_what_they_want() {
        let found = imports(&[
            ("src/lib.rs", "mod a; mod b;"),
            (
                "src/a.rs",
                "#[cfg(test)] mod tests { use crate::b::X; }\n#[cfg(test)] use crate::b::{X, Y};\n\
                 #[test] fn f() { crate::b::f(); }\nstruct S { #[cfg(test)] x: crate::b::X, y: u8 }\n\
                 #[cfg(all(test, unix))] mod more;\nfn g() { crate::b::g(); }",
            ),
            ("src/a/more.rs", "use crate::b::X;"),
            ("src/b.rs", ""),
        ]);
        assert_eq!(found, ["src/a.rs:6 a -> b"]);
    }

    #[test]
    fn a_name_imported_under_itself_ends() {
        let text = "macro_rules! m { () => {} }\npub(crate) use m;\nuse super::b::*;";
        let found = imports(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", text),
            ("src/b.rs", "use super::a::*; use x as y; use y as x; fn f() { x::f(); }"),
        ]);
        assert!(found.contains(&"src/b.rs:1 b -> a".to_owned()), "{found:?}");
    }
}
