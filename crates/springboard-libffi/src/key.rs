//! Keys: the shape of a cif's types in a few bytes, written down by one walk over the types.
//!
//! A key holds the result's type and then each argument's, so that two cifs with the same key need the same plan. It
//! refers to nothing: types may be freed, changed and made anew at the same address.
//!
//! ```text
//! scalar, void            its code
//! small aggregate         SMALL size alignment member… END
//! unlike any of C's       WORDS size alignment word word  (see `unusual`)
//! larger aggregate        LARGE size:u32 alignment:u16     (passed in memory, whatever is in it)
//! complex                 COMPLEX code-of-part
//! vector                  VECTOR code-of-lane size
//! ```
//!
//! A key of Windows' convention begins with WINDOWS; its aggregates are LARGE, because their size alone decides. Arguments
//! after the dots of a variadic function follow DOTS where they are passed otherwise than declared ones.
//!
//! An alignment that changes nothing, because each argument has that of a word, is written as 0 in WORDS and LARGE.

mod signature;

use std::mem::MaybeUninit;

pub(crate) use self::signature::{signature, target};
use crate::{
    machine::MACHINE,
    types::{Type, code},
    unusual,
};

/// Words of the largest key. Cifs with a larger one are libffi's.
const MAX_WORDS: usize = 128;

/// Aggregates within each other beyond which a type is left to libffi.
const MAX_DEPTH: u32 = 16;

const SMALL: u8 = 0x40;
const LARGE: u8 = 0x41;
const COMPLEX: u8 = 0x42;
const VECTOR: u8 = 0x43;
const END: u8 = 0x44;
const WORDS: u8 = 0x45;
const WINDOWS: u8 = 0x46;
const DOTS: u8 = 0x47;

/// Why types have no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoKey {
    /// libffi knows what to do with them, and springboard does not: an aggregate that has neither the members of a C
    /// structure nor words of which one can tell what is in them, a complex integer, `void`, very many arguments.
    Unusual,
    /// Nobody does.
    Unknown,
}

/// Room for a key. Apart from it, because a value with something to initialise in it is initialised as a whole.
pub(crate) type Words = [MaybeUninit<u64>; MAX_WORDS + 2];

/// Room for a key, not initialised.
#[inline(always)]
pub(crate) fn room() -> Words {
    [MaybeUninit::uninit(); MAX_WORDS + 2]
}

/// A key while it is written, and when it is looked up: whole words, the rest of the last one zero.
pub(crate) struct Key<'a> {
    /// Whole words.
    words: &'a mut Words,
    length: usize,
    /// The word that is being filled, from its low end. In a register and not in memory: a word that is read right
    /// after its bytes were stored one by one waits for the store buffer.
    last: u64,
    /// Bits of it in use.
    bits: u32,
    /// Whether libffi itself, as it is linked in, lacks one of the types.
    pub(crate) modern: bool,
    /// `ffi_abi`.
    abi: u32,
}

/// Size, alignment and code of each scalar as its `ffi_type` has them, by code; zero where the code is not a scalar's.
const SCALARS: [(usize, u16); 16] = {
    let mut scalars = [(0, 0); 16];
    let table = [
        (code::INT, 4),
        (code::FLOAT, 4),
        (code::DOUBLE, 8),
        (code::UINT8, 1),
        (code::SINT8, 1),
        (code::UINT16, 2),
        (code::SINT16, 2),
        (code::UINT32, 4),
        (code::SINT32, 4),
        (code::UINT64, 8),
        (code::SINT64, 8),
        (code::POINTER, 8),
    ];
    scalars[code::LONG_DOUBLE as usize] = (16, MACHINE.wide_align);
    let mut index = 0;
    while index < table.len() {
        let (code, size) = table[index];
        scalars[code as usize] = (size, size as u16);
        index += 1;
    }
    scalars
};

impl<'a> Key<'a> {
    #[inline(always)]
    pub(crate) fn new(words: &'a mut Words, abi: u32) -> Key<'a> {
        let mut key = Key { words, length: 0, last: 0, bits: 0, modern: false, abi };
        if key.is_windows() {
            key.push(WINDOWS);
        }
        key
    }

    #[inline(always)]
    fn is_windows(&self) -> bool {
        MACHINE.is_windows(self.abi)
    }

    /// Says that the arguments that follow are not declared.
    pub(crate) fn dots(&mut self) -> Result<(), NoKey> {
        if MACHINE.dots_matter || self.is_windows() {
            self.fits()?;
            self.push(DOTS);
        }
        Ok(())
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.last |= u64::from(byte) << self.bits;
        self.bits += 8;
        if self.bits == 64 {
            self.end_word();
        }
    }

    #[inline(always)]
    fn end_word(&mut self) {
        // `fits` left room for all that one step pushes.
        self.words[self.length].write(self.last);
        (self.length, self.last, self.bits) = (self.length + 1, 0, 0);
    }

    /// Room for one step, of at most 8 bytes.
    #[inline(always)]
    fn fits(&self) -> Result<(), NoKey> {
        if self.length <= MAX_WORDS { Ok(()) } else { Err(NoKey::Unusual) }
    }

    /// Writes down the type of the result.
    ///
    /// # Safety
    /// The type is readable with all that it refers to, and laid out.
    #[inline(always)]
    pub(crate) unsafe fn result(&mut self, ty: &Type) -> Result<(), NoKey> {
        if ty.code == code::VOID {
            self.push(code::VOID as u8);
            return Ok(());
        }
        // SAFETY: the caller of `result` vouches that the type is readable and laid out, which is what `value` asks.
        unsafe { self.value(ty) }
    }

    /// Writes down the type of an argument.
    ///
    /// # Safety
    /// As [`Key::result`].
    #[inline(always)]
    pub(crate) unsafe fn value(&mut self, ty: &Type) -> Result<(), NoKey> {
        self.fits()?;
        // What libffi passes as a scalar is one by its code, size and alignment together.
        if let Some(byte) = scalar_byte(ty)
            && (ty.code != code::LONG_DOUBLE || !self.is_windows())
        {
            self.push(byte);
            return Ok(());
        }
        // SAFETY: the caller of `value` vouches that the type is readable and laid out, which is what `other` asks.
        unsafe { self.other(ty, 0) }
    }

    /// # Safety
    /// As [`Key::result`].
    #[inline(never)]
    unsafe fn other(&mut self, ty: &Type, depth: u32) -> Result<(), NoKey> {
        self.fits()?;
        match ty.code {
            code::LONG_DOUBLE if !MACHINE.is_gnu_windows(self.abi) => Err(NoKey::Unusual),
            code::VECTOR if self.is_windows() => Err(NoKey::Unknown),
            _ if ty.code == code::STRUCT && ty.size > MACHINE.small_bytes
                || self.is_windows()
                    && matches!(ty.code, code::STRUCT | code::COMPLEX | code::LONG_DOUBLE) =>
            {
                let alignment = beyond_a_word(ty).ok_or(NoKey::Unusual)?;
                let size = u32::try_from(ty.size).map_err(|_| NoKey::Unusual)?;
                self.push(LARGE);
                size.to_le_bytes().into_iter().for_each(|byte| self.push(byte));
                alignment.to_le_bytes().into_iter().for_each(|byte| self.push(byte));
                Ok(())
            }
            code::STRUCT => {
                let before = (self.length, self.last, self.bits);
                // SAFETY: the caller vouches that the structure and its elements are readable and laid out.
                let written = unsafe { self.aggregate(ty, depth) };
                if depth != 0 || written != Err(NoKey::Unusual) || !MACHINE.by_eightbytes {
                    return written;
                }
                (self.length, self.last, self.bits) = before;
                // SAFETY: the caller vouches that the structure and its members are readable and laid out.
                let words = unsafe { unusual::words(ty) }.ok_or(NoKey::Unusual)?;
                let alignment =
                    beyond_a_word(ty).and_then(|it| u8::try_from(it).ok()).ok_or(NoKey::Unusual)?;
                self.push(WORDS);
                self.push(ty.size as u8);
                self.push(alignment);
                words.into_iter().for_each(|word| self.push(word as u8));
                Ok(())
            }
            code::COMPLEX => {
                self.modern |= !MACHINE.bundled_complex;
                // SAFETY: a complex type has its part as the first of its elements.
                let part = unsafe { ty.elements.as_ref() }.ok_or(NoKey::Unknown)?;
                // SAFETY: the element is a type's address or null; the caller vouches that such types are readable.
                let part = unsafe { part.as_ref() }.ok_or(NoKey::Unknown)?;
                let size = match part.code {
                    code::FLOAT => 4,
                    code::DOUBLE => 8,
                    code::LONG_DOUBLE => 16,
                    _ => return Err(NoKey::Unusual),
                };
                if ty.size != 2 * size || ty.alignment != MACHINE.wide_align.min(size as u16) {
                    return Err(NoKey::Unusual);
                }
                self.push(COMPLEX);
                self.push(part.code as u8);
                Ok(())
            }
            code::UINT128 | code::SINT128 => {
                self.modern = true;
                if ty.size != 16 || ty.alignment != MACHINE.wide_align {
                    return Err(NoKey::Unknown);
                }
                self.push(ty.code as u8);
                Ok(())
            }
            code::VECTOR => {
                self.modern = true;
                // SAFETY: `elements` is null or the address of a list that ends with null: the caller vouches for all that the type refers to.
                let lane = unsafe { ty.elements.as_ref() }.ok_or(NoKey::Unknown)?;
                // SAFETY: the element is a type's address or null; the caller vouches that such types are readable.
                let lane = unsafe { lane.as_ref() }.ok_or(NoKey::Unknown)?;
                if !matches!(ty.size, 8 | 16) || usize::from(ty.alignment) != ty.size {
                    return Err(NoKey::Unknown);
                }
                if !matches!(lane.code, code::FLOAT | code::DOUBLE | code::UINT8..=code::SINT64) {
                    return Err(NoKey::Unknown);
                }
                self.push(VECTOR);
                self.push(lane.code as u8);
                self.push(ty.size as u8);
                Ok(())
            }
            // An argument that is `void` among them: to libffi it is one without bytes.
            known if known < code::VECTOR => Err(NoKey::Unusual),
            _ => Err(NoKey::Unknown),
        }
    }

    /// # Safety
    /// As [`Key::result`].
    unsafe fn aggregate(&mut self, ty: &Type, depth: u32) -> Result<(), NoKey> {
        if depth > MAX_DEPTH || ty.elements.is_null() {
            return Err(NoKey::Unusual);
        }
        self.push(SMALL);
        self.push(ty.size as u8);
        self.push(ty.alignment as u8);
        let (mut size, mut alignment) = (0usize, 1usize);
        let mut element = ty.elements;
        // SAFETY: elements end with a null pointer.
        while let Some(member) = unsafe { (*element).as_ref() } {
            let own = usize::from(member.alignment);
            if !own.is_power_of_two() {
                return Err(NoKey::Unusual);
            }
            match member.code {
                // SAFETY: a member is among what the caller vouches to be readable and laid out.
                code::STRUCT | code::COMPLEX | code::VECTOR | code::UINT128 | code::SINT128 => unsafe {
                    self.other(member, depth + 1)?;
                },
                // SAFETY: a member is among what the caller vouches to be readable and laid out.
                code::INT..=code::POINTER => unsafe { self.value(member)? },
                _ => return Err(NoKey::Unusual),
            }
            size = size.next_multiple_of(own) + member.size;
            alignment = alignment.max(own);
            if size > MACHINE.small_bytes {
                return Err(NoKey::Unusual);
            }
            // SAFETY: the null pointer was not reached.
            element = unsafe { element.add(1) };
        }
        let aligned = usize::from(ty.alignment);
        let as_declared = aligned >= alignment && aligned.is_power_of_two();
        if size == 0 || !as_declared || size.next_multiple_of(aligned) != ty.size {
            return Err(NoKey::Unusual);
        }
        self.fits()?;
        self.push(END);
        Ok(())
    }

    /// Ends the key.
    #[inline(always)]
    pub(crate) fn end(&mut self) {
        if self.bits != 0 {
            self.end_word();
        }
    }

    /// The whole of it, once ended.
    #[inline(always)]
    pub(crate) fn words(&self) -> &[u64] {
        // SAFETY: every word up to `length` was written.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast::<u64>(), self.length) }
    }
}

/// The alignment of an aggregate among arguments, each of which has that of a word: 0 where it is none beyond that.
/// `None` where no type of C has it.
fn beyond_a_word(ty: &Type) -> Option<u16> {
    let alignment = ty.alignment;
    match alignment {
        0..=8 => Some(0),
        _ => (alignment.is_power_of_two() && ty.size.is_multiple_of(alignment.into())).then_some(alignment),
    }
}

/// What stands for a scalar in a key. `None` for a type that is not a scalar, or lacks a scalar's size and
/// alignment.
#[inline(always)]
fn scalar_byte(ty: &Type) -> Option<u8> {
    let &(size, alignment) = SCALARS.get(usize::from(ty.code))?;
    let natural = size == ty.size && alignment == ty.alignment && size != 0;
    natural.then_some(if ty.code == code::INT { code::SINT32 } else { ty.code } as u8)
}

/// The key of a function of at most seven parameters, where it and they are scalars. `None` where not.
///
/// # Safety
/// The types are readable or null.
#[inline(always)]
pub(crate) unsafe fn of_scalars(result: &Type, types: *const *mut Type, count: u32) -> Option<u64> {
    if count > 7 {
        return None;
    }
    let mut key = match result.code {
        // One of size 0 is to be laid out, which it cannot.
        code::VOID if result.size == 0 => return None,
        code::VOID => 0,
        _ => u64::from(scalar_byte(result)?),
    };
    for index in 0..count {
        // SAFETY: `index` is below `count`, and the caller vouches for that many addresses, null or types'.
        let ty = unsafe { (*types.add(index as usize)).as_ref() }?;
        key |= u64::from(scalar_byte(ty)?) << (8 * (index + 1));
    }
    Some(key)
}
