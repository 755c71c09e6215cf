//! How large types are as values of this program, which bounds the time that handling them takes.

use super::error::ParseErrorKind;
use crate::layout::MAX_DEPTH;

/// Types, members and parameters that one type may be made of, each use of a shared one counted.
const MAX_PARTS: u32 = 1 << 14;

/// How large a type is as a value of this program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Size {
    /// Types, members and parameters in it, itself included.
    parts: u32,
    /// Types within each other.
    depth: u32,
}

impl Size {
    pub(super) const ONE: Size = Size { parts: 1, depth: 1 };
    /// What a function counts as that was declared before the text.
    pub(super) const DECLARED: Size = Size { parts: MAX_PARTS / 2, depth: MAX_DEPTH / 2 };

    /// A type made of this one and `inner`.
    pub(super) fn around(self, inner: Size) -> Result<Size, ParseErrorKind> {
        let size =
            Size { parts: self.parts.saturating_add(inner.parts), depth: self.depth.max(inner.depth + 1) };
        if size.depth > MAX_DEPTH {
            return Err(ParseErrorKind::TooDeep(MAX_DEPTH));
        }
        if size.parts > MAX_PARTS {
            return Err(ParseErrorKind::TooComplex(MAX_PARTS));
        }
        Ok(size)
    }
}
