//! Validity bits.

/// Runs of rows that are not skipped, as first row and the row behind the last.
pub(super) struct Runs<'a> {
    validity: Option<&'a [u8]>,
    rows: usize,
    at: usize,
}

impl<'a> Runs<'a> {
    /// The runs of so many rows; all of them where there are no bits.
    pub(super) fn of(validity: Option<&'a [u8]>, rows: usize) -> Runs<'a> {
        Runs { validity, rows, at: 0 }
    }

    /// The first row from `at` on whose bit is `wanted`, or the number of rows. Whole bytes at a time.
    fn next_bit(&self, wanted: bool) -> usize {
        let Some(bytes) = self.validity else { return if wanted { self.at } else { self.rows } };
        let mut at = self.at;
        while at < self.rows {
            let byte = bytes[at / 8];
            let sought = if wanted { byte } else { !byte } >> (at % 8);
            if sought != 0 {
                return (at + sought.trailing_zeros() as usize).min(self.rows);
            }
            at = (at / 8 + 1) * 8;
        }
        self.rows
    }
}

impl Iterator for Runs<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        self.at = self.next_bit(true);
        let start = self.at;
        if start >= self.rows {
            return None;
        }
        self.at = self.next_bit(false);
        Some((start, self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_of_the_bits() {
        let runs = |validity: Option<&[u8]>, rows| Runs::of(validity, rows).collect::<Vec<_>>();
        assert_eq!(runs(None, 0), []);
        assert_eq!(runs(None, 5), [(0, 5)]);
        assert_eq!(runs(Some(&[0xff, 0xff]), 13), [(0, 13)]);
        assert_eq!(runs(Some(&[0, 0]), 16), []);
        assert_eq!(runs(Some(&[0b1000_0110, 0b0000_0001]), 9), [(1, 3), (7, 9)]);
        assert_eq!(runs(Some(&[0b0101_0101]), 8), [(0, 1), (2, 3), (4, 5), (6, 7)]);
        assert_eq!(runs(Some(&[0xf0, 0x0f]), 6), [(4, 6)]);
    }
}
