//! Looking at memory.

use std::{
    any::type_name,
    ffi::c_void,
    fmt,
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use springboard::{CType, Value};
use springboard_ir::{DataModel, Integer, Part, Type};

use super::{
    error::MemoryError,
    number::{from_bit_field, from_bytes},
    text::{TextError, terminated, utf8},
};

/// The order of the bytes of a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ByteOrder {
    /// The least significant byte first.
    Little,
    /// The most significant byte first, as in network protocols.
    Big,
}

impl ByteOrder {
    /// The machine's own.
    pub const NATIVE: ByteOrder =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };
}

/// A typed look at memory that somebody else owns, for reading. Copies what it reads: no reference into the memory is
/// ever made, so that C may change it between two reads.
#[derive(Clone)]
pub struct View<'m> {
    pub(super) start: *mut u8,
    /// How many bytes may be looked at: at least as many as the type has.
    pub(super) bytes: usize,
    /// Bits before the first, for a bit-field.
    pub(super) skipped: u32,
    /// The width of a bit-field.
    pub(super) bits: Option<u8>,
    pub(super) ty: Type,
    pub(super) model: DataModel,
    pub(super) order: ByteOrder,
    pub(super) memory: PhantomData<&'m [u8]>,
}

/// A part of a type that a Rust type stands for, found once: an offset. Good for every view of that type.
pub struct Member<T> {
    pub(super) offset: usize,
    pub(super) value: PhantomData<fn() -> T>,
}

impl<T> Clone for Member<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Member<T> {}

impl<T: CType> Member<T> {
    /// The part of `ty` that `path` names, as [`Type::part`] has it.
    ///
    /// # Errors
    /// A path that leads nowhere, or to something that `T` does not stand for.
    pub fn of(ty: &Type, path: &str, model: &DataModel) -> Result<Member<T>, MemoryError> {
        let part = ty.part(path, model)?;
        if let Some(bits) = part.bits {
            return Err(MemoryError::BitField { bits });
        }
        if part.ty.scalar(model) != Some(T::SCALAR) {
            return Err(MemoryError::Mismatch { c: part.ty, rust: type_name::<T>() });
        }
        Ok(Member { offset: (part.bit_offset / 8) as usize, value: PhantomData })
    }
}

impl<T> fmt::Debug for Member<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("offset", &self.offset).field("rust", &type_name::<T>()).finish()
    }
}

impl<'m> View<'m> {
    /// Looks at `bytes` as an object of type `ty`, or as the first of several.
    ///
    /// # Errors
    /// A type without a layout, or with more bytes than there are.
    pub fn new(bytes: &'m [u8], ty: &Type, model: &DataModel) -> Result<View<'m>, MemoryError> {
        // SAFETY: the bytes are borrowed for as long as the view lives, and only read through it.
        unsafe { View::over(bytes.as_ptr().cast_mut(), bytes.len(), ty, model) }
    }

    /// Looks at an object of type `ty` at `address`.
    ///
    /// # Errors
    /// A type without a layout.
    ///
    /// # Safety
    /// As many bytes as the type has must be readable at `address` for as long as the view is used, and nobody may
    /// write them while they are read. They need no alignment.
    pub unsafe fn at(
        address: NonNull<c_void>,
        ty: &Type,
        model: &DataModel,
    ) -> Result<View<'m>, MemoryError> {
        let size = size_of(ty, model)? as usize;
        // SAFETY: the caller's promise.
        unsafe { View::over(address.as_ptr().cast(), size, ty, model) }
    }

    /// # Safety
    /// `bytes` bytes are readable at `start` for `'m`.
    pub(super) unsafe fn over(
        start: *mut u8,
        bytes: usize,
        ty: &Type,
        model: &DataModel,
    ) -> Result<View<'m>, MemoryError> {
        let size = size_of(ty, model)?;
        if size > bytes as u64 {
            return Err(MemoryError::TooSmall { bytes, ty: ty.clone(), size });
        }
        let (ty, model, order) = (ty.clone(), *model, ByteOrder::NATIVE);
        Ok(View { start, bytes, skipped: 0, bits: None, ty, model, order, memory: PhantomData })
    }

    /// The same memory, with its numbers in this order of bytes.
    #[must_use]
    pub fn with_order(self, order: ByteOrder) -> View<'m> {
        View { order, ..self }
    }

    /// The type of what is looked at.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// How many bytes can be looked at from here on.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there are none: of an empty structure.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Where it lies.
    pub fn address(&self) -> *const c_void {
        self.start.cast()
    }

    /// A part, by its path: `"corners[2].x"`, as [`Type::part`] reads it.
    ///
    /// # Errors
    /// A path that leads nowhere.
    pub fn part(&self, path: &str) -> Result<View<'m>, MemoryError> {
        let Part { ty, bit_offset, bits } = self.ty.part(path, &self.model)?;
        let (offset, skipped) = match bits {
            None => (bit_offset / 8, 0),
            Some(_) => (bit_offset / 8, (bit_offset % 8) as u32),
        };
        let size = match bits {
            None => size_of(&ty, &self.model)?,
            Some(bits) => u64::from((skipped + u32::from(bits)).div_ceil(8)),
        };
        self.narrowed(offset as usize, size as usize, View { ty, skipped, bits, ..self.clone() })
    }

    /// The object `index` objects of the view's type behind this one, where memory of an array is looked at as its
    /// first element.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`].
    pub fn element(&self, index: usize) -> Result<View<'m>, MemoryError> {
        let size = size_of(&self.ty, &self.model)? as usize;
        let offset = index.saturating_mul(size);
        let beyond = || MemoryError::OutOfBounds { offset, size, bytes: self.bytes };
        offset.checked_add(size).filter(|end| *end <= self.bytes).ok_or_else(beyond)?;
        self.narrowed(offset, self.bytes - offset, self.clone())
    }

    fn narrowed(&self, offset: usize, size: usize, view: View<'m>) -> Result<View<'m>, MemoryError> {
        if offset.checked_add(size).is_none_or(|end| end > self.bytes) {
            return Err(MemoryError::OutOfBounds { offset, size, bytes: self.bytes });
        }
        Ok(View { start: self.start.wrapping_add(offset), bytes: size, ..view })
    }

    /// The value of a scalar that `T` stands for.
    ///
    /// # Errors
    /// [`MemoryError::Mismatch`], also where the bytes are not in the machine's order; [`View::read`] reads those.
    pub fn get<T: CType>(&self) -> Result<T, MemoryError> {
        if let Some(bits) = self.bits {
            return Err(MemoryError::BitField { bits });
        }
        if self.ty.scalar(&self.model) != Some(T::SCALAR) || self.order != ByteOrder::NATIVE {
            return Err(MemoryError::Mismatch { c: self.ty.clone(), rust: type_name::<T>() });
        }
        self.get_member(Member { offset: 0, value: PhantomData })
    }

    /// The value of a member that was found before, in the machine's order of bytes.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], where the member is of another type than the view.
    #[inline]
    pub fn get_member<T: CType>(&self, member: Member<T>) -> Result<T, MemoryError> {
        let (offset, size) = (member.offset, std::mem::size_of::<T>());
        if offset.checked_add(size).is_none_or(|end| end > self.bytes) {
            return Err(MemoryError::OutOfBounds { offset, size, bytes: self.bytes });
        }
        let from = self.start.wrapping_add(offset);
        // A `bool` is the one type that not any byte is good for.
        if const { matches!(T::SCALAR, springboard_ir::Scalar::Bool) } {
            // SAFETY: the byte lies within the bytes that the view may look at.
            let byte = u8::from(unsafe { from.read() } != 0);
            // SAFETY: `T` is `bool`, whose size is one, and the byte is 0 or 1.
            return Ok(unsafe { ptr::read((&raw const byte).cast()) });
        }
        // SAFETY: the bytes lie within those that the view may look at, and any are good for a number or pointer.
        Ok(unsafe { from.cast::<T>().read_unaligned() })
    }

    /// The value, whatever the type: numbers and pointers as such, all else as bytes.
    pub fn read(&self) -> Value {
        let bytes = self.to_bytes();
        match self.bits {
            Some(bits) => from_bit_field(&bytes, (self.skipped, bits), &self.ty, &self.model, self.order),
            None => from_bytes(&bytes, &self.ty, &self.model, self.order),
        }
    }

    /// The bytes of the object itself.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = match self.bits {
            Some(_) => self.bytes,
            None => size_of(&self.ty, &self.model).map_or(0, |size| size as usize),
        };
        self.copy(size)
    }

    /// The first `size` bytes; there are as many.
    pub(super) fn copy(&self, size: usize) -> Vec<u8> {
        debug_assert!(size <= self.bytes);
        let mut bytes = Vec::<MaybeUninit<u8>>::with_capacity(size);
        // SAFETY: `size` bytes are within those that the view may look at, and there is room for them; they are
        // initialised then.
        unsafe {
            bytes.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(self.start, size);
            bytes.set_len(size);
            std::mem::transmute::<Vec<MaybeUninit<u8>>, Vec<u8>>(bytes)
        }
    }

    /// The text in an array of characters, up to the first NUL.
    ///
    /// # Errors
    /// Another type; no NUL within the array; bytes that are no UTF-8.
    pub fn text(&self) -> Result<String, MemoryError> {
        let Type::Array(array) = &self.ty else { return Err(self.no_text()) };
        if !matches!(array.element, Type::Int(Integer::Char | Integer::SChar | Integer::UChar)) {
            return Err(self.no_text());
        }
        let bytes = self.to_bytes();
        let end = terminated(&bytes).ok_or(TextError::Unterminated { limit: bytes.len() })?;
        Ok(utf8(bytes[..end].to_vec())?)
    }

    fn no_text(&self) -> MemoryError {
        MemoryError::NoText { ty: self.ty.clone() }
    }
}

/// Size of a type in bytes.
pub(super) fn size_of(ty: &Type, model: &DataModel) -> Result<u64, MemoryError> {
    let layout = ty.layout(model);
    Ok(layout.map_err(|error| MemoryError::Layout { ty: ty.clone(), error })?.size)
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("address", &self.start)
            .field("bytes", &self.bytes)
            .field("ty", &self.ty.to_string())
            .finish_non_exhaustive()
    }
}
