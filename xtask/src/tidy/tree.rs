//! The project's text files.

use std::{fs, path::Path};

/// All text files of the project, ordered by path.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

/// One text file.
pub(crate) struct File {
    /// The path from the workspace's folder, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tree {
    /// Reads what lies in `root`, except what builds leave there.
    pub(crate) fn read(root: &Path) -> Tree {
        let mut files = Vec::new();
        read_folder(root, "", &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Tree { files }
    }

    /// Rust sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// Markdown files.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".md"))
    }

    /// Whether there is a file of this path, or a folder with a file in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.iter().any(|file| {
            file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The text of a file, empty where there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.files.iter().find(|file| file.path == path).map_or("", |file| &file.text)
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            if name != "target" && name != ".git" {
                read_folder(&entry.path(), &format!("{path}/"), files);
            }
        } else if name != "Cargo.lock"
            && name != ".git"
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            files.push(File { path, text });
        }
    }
}

#[cfg(test)]
pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
    Tree { files: files.iter().map(file).collect() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_whole_components() {
        let tree = super::tree(&[("book/a.md", ""), ("xtask/src/main.rs", "")]);
        assert!(tree.has("book/a.md") && tree.has("xtask/src") && tree.has("book/"));
        assert!(!tree.has("book/a") && !tree.has("xtask/sr") && !tree.has("b"));
    }

    #[test]
    fn the_project_itself_is_read() {
        let tree = super::Tree::read(crate::project::root());
        assert!(tree.has("xtask/src/tidy/tree.rs") && tree.has(".cargo/config.toml") && !tree.has("target"));
    }
}
