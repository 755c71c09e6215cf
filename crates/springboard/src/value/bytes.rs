//! The bytes of a value: within it where they are few.

use std::{fmt, mem::MaybeUninit, ops::Deref, slice};

use springboard_ir::Layout;

/// Bytes of a value. Up to [`Bytes::INLINE`] of them lie in the value itself, so that they take no allocation.
#[derive(Clone)]
pub struct Bytes(Kept);

#[derive(Clone)]
enum Kept {
    /// The first `length` bytes of these words, which are initialised.
    Inline {
        length: u8,
        words: Words,
    },
    Allocated(Box<[u8]>),
}

/// Bytes that are copied as the whole words that they are in memory.
type Words = [MaybeUninit<u64>; Bytes::WORDS];

impl Bytes {
    /// The most bytes that take no allocation.
    pub const INLINE: usize = 64;

    /// The same in words of 8 bytes.
    pub(crate) const WORDS: usize = Bytes::INLINE / 8;

    /// The alignment of memory in which a call takes results that become bytes in a value.
    pub(crate) const RESULT_ALIGN: u32 = 16;

    /// Whether a result of this layout becomes bytes in a value.
    pub(crate) fn holds(layout: Layout) -> bool {
        layout.size as usize <= Bytes::INLINE && layout.align <= Bytes::RESULT_ALIGN
    }

    /// The first `length` bytes of these words, as they lie in memory.
    #[inline(always)]
    pub(crate) fn from_words<const N: usize>(given: [u64; N], length: u8) -> Bytes {
        assert!(usize::from(length) <= N * 8);
        let mut words = [MaybeUninit::uninit(); Bytes::WORDS];
        words[..N].write_copy_of_slice(&given);
        Bytes(Kept::Inline { length, words })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            // SAFETY: so many bytes of the words are initialised.
            Kept::Inline { length, words } => unsafe {
                slice::from_raw_parts(words.as_ptr().cast(), usize::from(*length))
            },
            Kept::Allocated(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<&[u8]> for Bytes {
    #[inline]
    fn from(given: &[u8]) -> Bytes {
        if given.len() > Bytes::INLINE {
            return Bytes(Kept::Allocated(given.into()));
        }
        let mut words: Words = [MaybeUninit::uninit(); Bytes::WORDS];
        // SAFETY: there is room for as many bytes as are given, apart from them.
        unsafe { words.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(given.as_ptr(), given.len()) };
        Bytes(Kept::Inline { length: given.len() as u8, words })
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    #[inline]
    fn from(bytes: [u8; N]) -> Bytes {
        bytes[..].into()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        if bytes.len() <= Bytes::INLINE { bytes[..].into() } else { Bytes(Kept::Allocated(bytes.into())) }
    }
}

impl From<Box<[u8]>> for Bytes {
    fn from(bytes: Box<[u8]>) -> Bytes {
        bytes.into_vec().into()
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Vec<u8> {
        match bytes.0 {
            Kept::Inline { .. } => bytes.to_vec(),
            Kept::Allocated(bytes) => bytes.into_vec(),
        }
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Bytes {
        bytes.into_iter().collect::<Vec<_>>().into()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_bytes_are_what_was_given() {
        for length in [0, 1, Bytes::INLINE - 1, Bytes::INLINE, Bytes::INLINE + 1, 1000] {
            let given: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let bytes = Bytes::from(&*given);
            assert_eq!(*bytes, *given);
            assert_eq!(bytes, Bytes::from(given.clone()));
            assert_eq!(Vec::from(bytes), given);
        }
        assert_ne!(Bytes::from([1, 2]), Bytes::from([1, 3]));
        assert_ne!(Bytes::from([1, 0]), Bytes::from([1]));
    }
}
