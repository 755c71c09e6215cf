//! Qualifiers that are no part of a type here, because no call sees them: `volatile` and `restrict` of what is pointed to. C
//! tells declarations apart by them.

/// Which of them stand where in a type, as a number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Unseen(u32);

impl Unseen {
    pub(super) const NONE: Unseen = Unseen(0);
    /// Of a function that says nothing of its parameters: of two such types it is not known whether they differ.
    pub(super) const UNKNOWN: Unseen = Unseen(u32::MAX);

    /// Those of a pointer to a type with these, which is itself qualified or not.
    pub(super) fn beneath(self, is_qualified: bool) -> Unseen {
        self.with(Unseen(u32::from(is_qualified)), 1)
    }

    /// These, and `others` at the place `index`.
    pub(super) fn with(self, others: Unseen, index: usize) -> Unseen {
        match (self, others) {
            (Unseen::UNKNOWN, _) | (_, Unseen::UNKNOWN) => Unseen::UNKNOWN,
            (Unseen::NONE, Unseen::NONE) => Unseen::NONE,
            (Unseen(these), Unseen(others)) => {
                let mixed = these.rotate_left(5) ^ others ^ (index as u32).wrapping_mul(0x9e37_79b1);
                // Neither of the two above.
                Unseen(mixed.wrapping_mul(0x85eb_ca6b) >> 1 | 1)
            }
        }
    }

    pub(super) fn may_be(self, other: Unseen) -> bool {
        self == other || self == Unseen::UNKNOWN || other == Unseen::UNKNOWN
    }
}
