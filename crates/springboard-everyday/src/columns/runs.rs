//! Validity bits, and the runs of rows that they leave.

use std::ops::Range;

/// Which rows are called: one bit per row, from the least significant bit of each byte on, as in Arrow.
#[derive(Clone, Copy, Debug)]
pub struct Validity<'a> {
    bytes: &'a [u8],
    /// The bit of the first row.
    first: usize,
}

impl<'a> Validity<'a> {
    /// Bits of which number `first` is the first row's: those of an Arrow array that is a slice of another.
    pub fn from_bit(bytes: &'a [u8], first: usize) -> Validity<'a> {
        Validity { bytes, first }
    }

    /// For how many rows there are bits.
    pub fn rows(&self) -> usize {
        self.bytes.len().saturating_mul(8).saturating_sub(self.first)
    }
}

/// Bits of which the first is the first row's.
impl<'a> From<&'a [u8]> for Validity<'a> {
    fn from(bytes: &'a [u8]) -> Validity<'a> {
        Validity { bytes, first: 0 }
    }
}

/// Bits of which the first is the first row's.
impl<'a, const N: usize> From<&'a [u8; N]> for Validity<'a> {
    fn from(bytes: &'a [u8; N]) -> Validity<'a> {
        Validity { bytes, first: 0 }
    }
}

/// Runs of rows that are called.
pub(super) struct Runs<'a> {
    validity: Option<Validity<'a>>,
    rows: usize,
    at: usize,
}

impl<'a> Runs<'a> {
    /// Those of `rows` rows, each of which has a bit; all rows where there are no bits.
    pub(super) fn of(validity: Option<Validity<'a>>, rows: usize) -> Runs<'a> {
        Runs { validity, rows, at: 0 }
    }

    /// The first row from `at` on whose bit is `wanted`, or the number of rows. Reads whole bytes.
    fn next_bit(&self, wanted: bool) -> usize {
        let Some(Validity { bytes, first }) = self.validity else {
            return if wanted { self.at } else { self.rows };
        };
        let (mut bit, end) = (first + self.at, first + self.rows);
        while bit < end {
            let byte = if wanted { bytes[bit / 8] } else { !bytes[bit / 8] };
            let sought = byte >> (bit % 8);
            if sought != 0 {
                return (bit + sought.trailing_zeros() as usize).min(end) - first;
            }
            bit = (bit / 8 + 1) * 8;
        }
        self.rows
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        self.at = self.next_bit(true);
        let start = self.at;
        if start >= self.rows {
            return None;
        }
        self.at = self.next_bit(false);
        Some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_of_the_bits() {
        let runs = |validity: Option<&[u8]>, rows| {
            Runs::of(validity.map(Validity::from), rows).map(|run| (run.start, run.end)).collect::<Vec<_>>()
        };
        assert_eq!(runs(None, 0), []);
        assert_eq!(runs(None, 5), [(0, 5)]);
        assert_eq!(runs(Some(&[0xff, 0xff]), 13), [(0, 13)]);
        assert_eq!(runs(Some(&[0, 0]), 16), []);
        assert_eq!(runs(Some(&[0b1000_0110, 0b0000_0001]), 9), [(1, 3), (7, 9)]);
        assert_eq!(runs(Some(&[0b0101_0101]), 8), [(0, 1), (2, 3), (4, 5), (6, 7)]);
        assert_eq!(runs(Some(&[0xf0, 0x0f]), 6), [(4, 6)]);
    }

    #[test]
    fn runs_begin_at_the_bit_of_the_first_row() {
        let bytes = [0b1000_0110, 0b0101_1101, 0b1111_0000];
        let bit = |index: usize| bytes[index / 8] >> (index % 8) & 1 == 1;
        for first in 0..=24 {
            let validity = Validity::from_bit(&bytes, first);
            assert_eq!(validity.rows(), 24 - first);
            for rows in 0..=24 - first {
                let done: Vec<usize> = Runs::of(Some(validity), rows).flatten().collect();
                let expected: Vec<usize> = (0..rows).filter(|row| bit(first + row)).collect();
                assert_eq!(done, expected, "{rows} rows from bit {first}");
            }
        }
        assert_eq!(Validity::from_bit(&bytes, 25).rows(), 0);
    }
}
