//! The bytes of a value: within it where they are few.

use std::{
    fmt,
    mem::{self, MaybeUninit},
    ops::Deref,
    ptr::{self, NonNull},
    slice,
};

use springboard_ir::Layout;

/// Bytes of a value. Up to [`Bytes::INLINE`] of them lie in the value itself, so that they take no allocation.
// The length alone says where they are: who has compared it with the size of a type need not ask, which is most of what reading a
// structure costs. It comes first, so that the words lie within a value as they do here: moved together with padding before
// them they would be moved unaligned, for which a CPU waits if they have just been written.
#[repr(C)]
pub struct Bytes {
    length: usize,
    kept: Kept,
}

union Kept {
    /// Up to [`Bytes::INLINE`] bytes: the first of these words, and initialised.
    words: Words,
    /// More: a `Box<[u8]>` of that length.
    allocated: NonNull<u8>,
}

// SAFETY: what is allocated is this value's own.
unsafe impl Send for Bytes {}
// SAFETY: a shared one is only read.
unsafe impl Sync for Bytes {}

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
        Bytes { length: length.into(), kept: Kept { words } }
    }
}

impl Drop for Bytes {
    #[inline]
    fn drop(&mut self) {
        /// # Safety
        /// The bytes are allocated, and not used again.
        #[cold]
        #[inline(never)]
        unsafe fn free(bytes: &mut Bytes) {
            // SAFETY: more bytes than lie within are a box of that length, which is dropped once.
            unsafe {
                let start = bytes.kept.allocated.as_ptr();
                drop(Box::from_raw(ptr::slice_from_raw_parts_mut(start, bytes.length)));
            }
        }
        if self.length > Bytes::INLINE {
            // SAFETY: they are allocated, and this is their end.
            unsafe { free(self) }
        }
    }
}

impl Clone for Bytes {
    #[inline]
    fn clone(&self) -> Bytes {
        (**self).into()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the length says which it is; so many bytes of either are initialised.
        unsafe {
            let start = match self.length {
                0..=Bytes::INLINE => self.kept.words.as_ptr().cast(),
                _ => self.kept.allocated.as_ptr().cast_const(),
            };
            slice::from_raw_parts(start, self.length)
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
            return Bytes::from(Box::from(given));
        }
        let mut words: Words = [MaybeUninit::uninit(); Bytes::WORDS];
        // SAFETY: there is room for as many bytes as are given, apart from them.
        unsafe { words.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(given.as_ptr(), given.len()) };
        Bytes { length: given.len(), kept: Kept { words } }
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
        if bytes.len() <= Bytes::INLINE { bytes[..].into() } else { bytes.into_boxed_slice().into() }
    }
}

impl From<Box<[u8]>> for Bytes {
    fn from(bytes: Box<[u8]>) -> Bytes {
        let length = bytes.len();
        if length <= Bytes::INLINE {
            return bytes[..].into();
        }
        let allocated = NonNull::from(Box::leak(bytes)).cast();
        Bytes { length, kept: Kept { allocated } }
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Vec<u8> {
        if bytes.len() <= Bytes::INLINE {
            return bytes.to_vec();
        }
        let bytes = mem::ManuallyDrop::new(bytes);
        // SAFETY: more bytes than lie within are a box of that length, which is taken out once.
        let taken = unsafe {
            let start = bytes.kept.allocated.as_ptr();
            Box::from_raw(ptr::slice_from_raw_parts_mut(start, bytes.length))
        };
        taken.into_vec()
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
