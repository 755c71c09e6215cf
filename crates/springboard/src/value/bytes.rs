//! The bytes of a value: within it where they are few.

use std::{fmt, ops::Deref};

use springboard_ir::Layout;

/// Bytes of a value. Up to [`Bytes::INLINE`] of them lie in the value itself, so that they take no allocation.
#[derive(Clone)]
pub struct Bytes(Kept);

#[derive(Clone)]
enum Kept {
    Inline { length: usize, words: Words },
    Allocated(Box<[u8]>),
}

/// Bytes that are copied as the whole words that they are in memory.
#[derive(Clone)]
#[repr(align(8))]
struct Words([[u8; 8]; Bytes::WORDS]);

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
    pub(crate) fn from_words(words: [u64; Bytes::WORDS], length: usize) -> Bytes {
        debug_assert!(length <= Bytes::INLINE);
        Bytes(Kept::Inline { length, words: Words(words.map(u64::to_ne_bytes)) })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Inline { length, words } => &words.0.as_flattened()[..*length],
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
        let mut words = Words([[0; 8]; Bytes::WORDS]);
        match words.0.as_flattened_mut().get_mut(..given.len()) {
            Some(inline) => {
                inline.copy_from_slice(given);
                Bytes(Kept::Inline { length: given.len(), words })
            }
            None => Bytes(Kept::Allocated(given.into())),
        }
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
