//! Which ranges of the file for code are taken.

use std::ops::Range;

/// Which ranges of a file are taken.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    end: u64,
    /// Before the end; disjoint, apart, in order.
    free: Vec<Range<u64>>,
}

impl Ranges {
    /// Takes `bytes`. Returns where they start.
    pub(super) fn take(&mut self, bytes: u64) -> u64 {
        let free = self.free.iter().position(|free| free.end - free.start >= bytes);
        let Some(index) = free else {
            let start = self.end;
            self.end += bytes;
            return start;
        };
        let start = self.free[index].start;
        self.free[index].start += bytes;
        if self.free[index].is_empty() {
            self.free.remove(index);
        }
        start
    }

    /// Lets a range be taken again.
    pub(super) fn give(&mut self, range: Range<u64>) {
        let index = self.free.partition_point(|free| free.start < range.start);
        self.free.insert(index, range);
        for left in [index, index.wrapping_sub(1)] {
            let Some([a, b]) = self.free.get_mut(left..).and_then(|rest| rest.get_mut(..2)) else { continue };
            if a.end == b.start {
                a.end = b.end;
                self.free.remove(left + 1);
            }
        }
    }
}
