//! Types as C writes them, with the place where a declarator goes.

/// The text of a type, and where in it the name of a declared thing would stand.
#[derive(Clone)]
pub(crate) struct Name {
    text: String,
    at: usize,
}

impl Name {
    /// A type that is written in front of what is declared: `int`, `struct point`.
    pub(crate) fn simple(text: &str) -> Name {
        Name { text: text.into(), at: text.len() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text with `declarator` at its place.
    pub(crate) fn with(&self, declarator: &str) -> String {
        let (before, after) = self.text.split_at(self.at);
        format!("{before}{declarator}{after}")
    }

    /// Whether something is written after the place, as for arrays and functions.
    pub(crate) fn binds_tighter(&self) -> bool {
        self.text[self.at..].starts_with('[')
    }

    pub(crate) fn pointer(&self) -> Name {
        let declarator = if self.binds_tighter() { "(*)" } else { " *" };
        Name { text: self.with(declarator), at: self.at + 2 }
    }

    pub(crate) fn array(&self, length: Option<usize>) -> Name {
        let declarator = length.map_or("[]".into(), |length| format!("[{length}]"));
        Name { text: self.with(&declarator), at: self.at }
    }

    /// A pointer to a function that returns this type.
    pub(crate) fn function<'a>(&self, arguments: impl Iterator<Item = &'a str>, ellipsis: bool) -> Name {
        let mut arguments: Vec<&str> = arguments.collect();
        if ellipsis {
            arguments.push("...");
        }
        Name { text: self.with(&format!("(*)({})", arguments.join(", "))), at: self.at + 2 }
    }
}
