//! Sizes of slots: a stub takes the smallest that holds it.

/// Size of a block, in bytes. All slots of a block have one size.
pub(crate) const BLOCK: usize = 4096;

/// What CPUs fetch at a time, in bytes.
pub(crate) const CACHE_LINE: usize = 64;

/// The sizes, in bytes: those up to a cache line divide one, and the larger are multiples of one, so that a stub
/// touches as few as it can. Larger code has a segment of its own.
const SIZES: [usize; 13] = [32, 64, 128, 192, 256, 320, 384, 512, 640, 768, 1024, 1344, 2048];

/// A size of slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Class(u8);

impl Class {
    /// How many there are.
    pub(crate) const COUNT: usize = SIZES.len();

    /// The smallest whose slots hold `bytes`. `None` for code that is too large.
    pub(crate) fn of(bytes: usize) -> Option<Class> {
        SIZES.iter().position(|&size| bytes <= size).map(|index| Class(index as u8))
    }

    /// From 0 to [`Class::COUNT`].
    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    /// Size of a slot, in bytes.
    pub(crate) fn size(self) -> usize {
        SIZES[self.index()]
    }

    /// Alignment of a slot, in bytes.
    pub(crate) fn align(self) -> usize {
        self.size().min(CACHE_LINE)
    }

    /// Slots of a block, as bits.
    pub(crate) fn all_slots(self) -> u128 {
        u128::MAX >> (128 - BLOCK / self.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_hold_what_is_put_in_them_and_start_aligned() {
        for bytes in 1..=2048 {
            let class = Class::of(bytes).expect("there is a class for all code up to half a block");
            assert!(class.size() >= bytes && class.size().is_multiple_of(class.align()));
            assert!(class.align() >= 32);
            assert!(class.size() - bytes < 64.max(bytes * 3 / 5), "{bytes} bytes in {}", class.size());
            let slots = class.all_slots().count_ones() as usize;
            assert!(slots * class.size() <= BLOCK && (slots + 1) * class.size() > BLOCK);
        }
        assert_eq!(Class::of(2049), None);
    }
}
