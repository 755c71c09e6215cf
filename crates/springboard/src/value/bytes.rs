//! The bytes of a value: within it where they are few.

use std::{fmt, ops::Deref};

/// Bytes of a value. Up to [`Bytes::INLINE`] of them lie in the value itself, so that they take no allocation.
#[derive(Clone)]
pub struct Bytes(Kept);

#[derive(Clone)]
enum Kept {
    Inline { length: u8, bytes: [u8; Bytes::INLINE] },
    Allocated(Box<[u8]>),
}

impl Bytes {
    /// The most bytes that take no allocation.
    pub const INLINE: usize = 64;

    /// The first `length` of these bytes.
    pub(crate) fn inline(bytes: [u8; Bytes::INLINE], length: u8) -> Bytes {
        debug_assert!(usize::from(length) <= Bytes::INLINE);
        Bytes(Kept::Inline { length, bytes })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Inline { length, bytes } => &bytes[..usize::from(*length)],
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
    fn from(given: &[u8]) -> Bytes {
        let mut bytes = [0; Bytes::INLINE];
        match bytes.get_mut(..given.len()) {
            Some(inline) => {
                inline.copy_from_slice(given);
                Bytes::inline(bytes, given.len() as u8)
            }
            None => Bytes(Kept::Allocated(given.into())),
        }
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
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
