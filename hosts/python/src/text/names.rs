//! What names of an `FFI` mean where the dialect differs from C.

use std::collections::{HashMap, HashSet};

use springboard::ir::Integer;

use super::built_in::BUILT_IN;

/// The prefix of types that a program declares under names that are known without.
const OWN: &str = "__springboard_own_";

/// The names of texts so far that are rewritten.
#[derive(Default)]
pub(super) struct Names {
    /// The keyword with which each tag came first.
    pub(super) keywords: HashMap<String, String>,
    /// Types that are known without a declaration, and that the program declares otherwise.
    pub(super) own: HashSet<&'static str>,
}

impl Names {
    /// Those of another `FFI`, where they are not known here.
    pub(super) fn include(&mut self, other: &Names) {
        for (tag, keyword) in &other.keywords {
            self.keywords.entry(tag.clone()).or_insert_with(|| keyword.clone());
        }
        self.own.extend(&other.own);
    }

    /// What stands in C for a type of this name, where that is not the name.
    pub(super) fn own(&self, name: &str) -> Option<String> {
        self.own.contains(name).then(|| format!("{OWN}{name}"))
    }
}

/// A type's name that is known without a declaration, and may be declared otherwise.
pub(super) fn predeclared(name: &str) -> Option<&'static str> {
    let integers = Integer::ALL.into_iter().map(Integer::name).filter(|name| name.ends_with("_t"));
    integers.chain(BUILT_IN.into_iter().map(|(name, _)| name)).find(|known| *known == name)
}

/// A sentence with types' names as the program wrote them.
pub(super) fn without_prefix(sentence: &str) -> String {
    sentence.replace(OWN, "")
}

/// A type's name as the program wrote it.
pub(super) fn as_declared(name: &str) -> &str {
    name.strip_prefix(OWN).unwrap_or(name)
}
