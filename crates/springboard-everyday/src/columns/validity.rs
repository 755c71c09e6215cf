//! Validity bits.

use springboard::Word;

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

    /// Whether the row is called.
    pub(super) fn is_valid(&self, row: usize) -> bool {
        let bit = self.first + row;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }

    /// The words by which a stub knows them.
    pub(super) fn frame(&self) -> [u64; 2] {
        [self.bytes.as_ptr().into_slot(), self.first as u64]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_has_any_bit() {
        let bytes = [0b1000_0110, 0b0101_1101, 0b1111_0000];
        for first in 0..=24 {
            let validity = Validity::from_bit(&bytes, first);
            assert_eq!(validity.rows(), 24 - first);
            for row in 0..24 - first {
                let bit = first + row;
                assert_eq!(
                    validity.is_valid(row),
                    bytes[bit / 8] & 1 << (bit % 8) != 0,
                    "row {row} from {first}"
                );
            }
        }
        assert_eq!(Validity::from_bit(&bytes, 25).rows(), 0);
    }
}
