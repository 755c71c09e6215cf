//! What the names of instructions say.

use crate::{machine::Condition, terms::Relations};

/// How an instruction widens what it takes.
#[derive(Clone, Copy)]
pub(super) struct Width {
    pub(super) bytes: usize,
    pub(super) signed: bool,
}

/// What an instruction that loads or moves takes, and how many bytes of the register it writes.
pub(super) fn loaded(name: &str) -> Option<(Width, usize)> {
    let width = |bytes, signed| Width { bytes, signed };
    Some(match name {
        "lgr" | "lg" => (width(8, false), 8),
        "lgf" | "lgfr" => (width(4, true), 8),
        "lgh" | "lghr" => (width(2, true), 8),
        "lgb" | "lgbr" => (width(1, true), 8),
        "llgf" | "llgfr" => (width(4, false), 8),
        "llgh" | "llghr" => (width(2, false), 8),
        "llgc" | "llgcr" => (width(1, false), 8),
        "l" | "ly" | "lr" => (width(4, false), 4),
        "lh" | "lhy" | "lhr" => (width(2, true), 4),
        "lb" | "lbr" => (width(1, true), 4),
        "llh" | "llhr" => (width(2, false), 4),
        "llc" | "llcr" => (width(1, false), 4),
        _ => return None,
    })
}

pub(super) fn stored(name: &str) -> Option<usize> {
    Some(match name {
        "stg" => 8,
        "st" | "sty" => 4,
        "sth" | "sthy" => 2,
        "stc" | "stcy" => 1,
        _ => return None,
    })
}

/// What of its operands a comparison compares, and whether they are logical.
pub(super) fn compared(name: &str) -> Option<(Width, bool)> {
    let width = |bytes, signed| Width { bytes, signed };
    Some(match name {
        "cgr" | "cghi" | "cgfi" | "cg" => (width(8, true), false),
        "cr" | "chi" | "cfi" | "c" => (width(4, true), false),
        "clgr" | "clgfi" | "clg" => (width(8, false), true),
        "clr" | "clfi" | "cl" => (width(4, false), true),
        _ => return None,
    })
}

/// By how many bits the immediate operand of an instruction on a part of a register is shifted.
pub(super) fn half(name: &str) -> u32 {
    match &name[name.len() - 2..] {
        "lh" => 16,
        "hl" | "hf" => 32,
        "hh" => 48,
        _ => 0,
    }
}

/// After a comparison of doubles: the four condition codes, of which the last is that there is no order.
pub(super) fn relations(name: &str) -> Option<Relations> {
    if let Some(others) = name.strip_prefix('n') {
        return relations(others).map(Relations::not);
    }
    let (less, equal, greater) = (Relations::LESS, Relations::EQUAL, Relations::GREATER);
    Some(match name {
        "e" => equal,
        "l" => less,
        "h" => greater,
        "o" => Relations::UNORDERED,
        "lh" => less.or(greater),
        "le" => less.or(equal),
        "he" => greater.or(equal),
        _ => return None,
    })
}

/// After a comparison. The fourth condition code, an overflow, does not come of one.
pub(super) fn condition(name: &str) -> Option<Condition> {
    Some(match name {
        "e" | "nlh" => Condition::Equal,
        "ne" | "lh" => Condition::NotEqual,
        "l" | "nhe" => Condition::Less,
        "h" | "nle" => Condition::Greater,
        "le" | "nh" => Condition::NotGreater,
        "he" | "nl" => Condition::NotLess,
        _ => return None,
    })
}
