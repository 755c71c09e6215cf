//! What may have been meant by a name that is not known.

use alloc::vec::Vec;

use super::{Parser, error::ParseErrorKind, places::Failure};

impl Parser<'_> {
    /// The failure that `word` is neither a type nor anything else that may stand where it does.
    pub(super) fn unknown_word(&self, word: &str, position: usize) -> Failure {
        let names = self.own.type_names().chain(self.outer.type_names()).chain(KNOWN.split(' '));
        let near = names.map(|name| (distance(word, name), name)).min();
        let near = near.filter(|(distance, _)| *distance <= (word.len() / 3).clamp(1, 2));
        let nearest = near.map(|(_, name)| super::shortened(name));
        ParseErrorKind::UnknownType { name: super::shortened(word), nearest }.at(position)
    }
}

/// Names that may have been meant by one that is not known.
const KNOWN: &str = "char short int long unsigned signed float double void bool struct union enum const static extern \
    inline volatile size_t ssize_t ptrdiff_t intptr_t uintptr_t wchar_t int8_t uint8_t int16_t uint16_t int32_t uint32_t \
    int64_t uint64_t";

/// How many letters have to be changed, added, left out or swapped with the next to make one word of the other. Words of
/// many letters are as far apart as can be.
fn distance(a: &str, b: &str) -> usize {
    const MOST: usize = 32;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > MOST || a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = Vec::from([i + 1]);
        for (j, y) in b.iter().enumerate() {
            let mut least = (row[j] + usize::from(x != y)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = core::mem::replace(&mut row, next);
    }
    row[b.len()]
}
