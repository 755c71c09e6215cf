//! Aggregates that C's layout rules do not give: packed ones, unions, whatever a program writes into an `ffi_type`.
//!
//! What libffi makes of them is its own, and said by its code alone (`classify_argument` in src/x86/ffi64.c): it takes
//! the members as they follow each other, each at the next multiple of its own alignment, whatever size and alignment
//! the whole has; members after the size count for nothing. This finds what is passed in the same registers.

use crate::{
    aggregate::aligned,
    types::{Type, code},
};

/// What lies in eight bytes of an aggregate, or in those that are left at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// Nothing that counts.
    Empty,
    Integers,
    /// Floating-point numbers alone.
    Floats,
}

impl Word {
    /// Integers beside floating-point numbers are passed as integers.
    fn and(self, other: Word) -> Word {
        match (self, other) {
            (Word::Empty, one) | (one, Word::Empty) => one,
            (Word::Floats, Word::Floats) => Word::Floats,
            _ => Word::Integers,
        }
    }
}

/// The words of an aggregate of at most 16 bytes. `None` where they cannot be told: what is in there is libffi's.
///
/// # Safety
/// The type is readable with all that it refers to, and laid out.
pub(crate) unsafe fn words(ty: &Type) -> Option<[Word; 2]> {
    // SAFETY: the caller of `words` vouches that the type is readable and laid out, which is what `of` asks.
    let words = unsafe { of(ty, 0, 0) }?;
    let bytes = [ty.size.min(8), ty.size.saturating_sub(8)];
    let whole = |(word, bytes)| match word {
        Word::Empty => bytes == 0,
        Word::Integers => true,
        // Other numbers of bytes are read by libffi as if there were eight.
        Word::Floats => matches!(bytes, 4 | 8),
    };
    let passed = words.into_iter().zip(bytes).all(whole);
    passed.then_some(words)
}

/// Aggregates within each other beyond which a type is left to libffi.
const MAX_DEPTH: u32 = 16;

/// The words that a type takes `at` bytes after the beginning of the first.
///
/// # Safety
/// As [`words`].
unsafe fn of(ty: &Type, at: usize, depth: u32) -> Option<[Word; 2]> {
    let end = at.checked_add(ty.size).filter(|end| *end <= 16 && depth <= MAX_DEPTH)?;
    let both = |word| if end > 8 { [word; 2] } else { [word, Word::Empty] };
    match ty.code {
        code::UINT8..=code::SINT64 | code::POINTER => Some(both(Word::Integers)),
        // One word, even where it reaches into the next.
        code::FLOAT | code::DOUBLE => Some([Word::Floats, Word::Empty]),
        code::COMPLEX => {
            // SAFETY: a complex type has its part as the first of its elements.
            let part = unsafe { ty.elements.as_ref()?.as_ref()? };
            match part.code {
                code::FLOAT | code::DOUBLE => Some(both(Word::Floats)),
                code::UINT8..=code::SINT64 => Some(both(Word::Integers)),
                _ => None,
            }
        }
        code::STRUCT if !ty.elements.is_null() => {
            let mut words = [Word::Empty; 2];
            let mut offset = at;
            let mut element = ty.elements;
            // SAFETY: elements end with a null pointer.
            while let Some(member) = unsafe { (*element).as_ref() } {
                offset = aligned(offset, member.alignment);
                // SAFETY: a member is among what the caller vouches to be readable and laid out.
                let its = unsafe { of(member, offset % 8, depth + 1) }?;
                for (word, into) in its.into_iter().zip(offset / 8..end.div_ceil(8)) {
                    words[into] = words[into].and(word);
                }
                offset = offset.checked_add(member.size)?;
                // SAFETY: the null pointer was not reached.
                element = unsafe { element.add(1) };
            }
            Some(words)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::{
        Word::{self, Empty, Floats, Integers},
        *,
    };

    fn scalar(code: u16, size: usize) -> Type {
        Type { size, alignment: size as u16, code, elements: ptr::null_mut() }
    }

    /// The words of an aggregate of that size and alignment with these members.
    fn words_of(size: usize, alignment: u16, members: &mut [Type]) -> Option<[Word; 2]> {
        let mut elements: Vec<*mut Type> = members.iter_mut().map(ptr::from_mut).collect();
        elements.push(ptr::null_mut());
        let ty = Type { size, alignment, code: code::STRUCT, elements: elements.as_mut_ptr() };
        // SAFETY: all of it is here.
        unsafe { words(&ty) }
    }

    #[test]
    fn members_lie_at_their_own_alignment_whatever_the_size_says() {
        let byte = || scalar(code::UINT8, 1);
        let int = || scalar(code::SINT32, 4);
        let long = || scalar(code::SINT64, 8);
        let float = || scalar(code::FLOAT, 4);
        let double = || scalar(code::DOUBLE, 8);
        // Packed: the integer reaches beyond the five bytes, and is an integer there.
        assert_eq!(words_of(5, 1, &mut [byte(), int()]), Some([Integers, Empty]));
        assert_eq!(words_of(9, 1, &mut [double(), byte()]), Some([Floats, Integers]));
        assert_eq!(words_of(8, 4, &mut [float(), float()]), Some([Floats, Empty]));
        // A number of one byte in a vector register.
        assert_eq!(words_of(9, 1, &mut [byte(), double()]), None);
        // Unions: the second member's offset is past the first, and what lies past the size counts for nothing.
        assert_eq!(words_of(8, 8, &mut [double(), long()]), Some([Floats, Empty]));
        assert_eq!(words_of(8, 8, &mut [long(), double()]), Some([Integers, Empty]));
        assert_eq!(words_of(4, 4, &mut [float(), int()]), Some([Integers, Empty]));
        assert_eq!(words_of(16, 8, &mut [double(), float(), byte()]), Some([Floats, Integers]));
        // A word of padding.
        assert_eq!(words_of(16, 16, &mut [double()]), None);
        assert_eq!(words_of(16, 16, &mut [scalar(code::LONG_DOUBLE, 16)]), None);
    }
}
