//! Reading memory.

use std::{
    any::type_name,
    ffi::c_void,
    fmt,
    marker::PhantomData,
    mem::size_of,
    ptr::{self, NonNull},
};

use springboard::{CType, Value};
use springboard_ir::{DataModel, Integer, Scalar, Type};

use super::{
    error::MemoryError,
    number::{ByteOrder, Form},
    text::{TextError, nul, utf8},
};

/// A typed look at memory that somebody else owns, for reading. It copies what it reads and never makes a reference into
/// the memory, so native code may change the memory between two reads.
#[derive(Clone)]
pub struct View<'m> {
    pub(super) start: *mut u8,
    /// How many bytes may be read: at least as many as the form has.
    pub(super) bytes: usize,
    pub(super) form: Form,
    pub(super) memory: PhantomData<&'m [u8]>,
}

/// An offset at which a Rust type stands for a part of a C type: found once, used with every view of that type.
pub struct Member<T> {
    offset: usize,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Member<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Member<T> {}

impl<T: CType> Member<T> {
    /// The part of `ty` that `path` names, as [`Type::part`] reads it.
    ///
    /// # Errors
    /// A path that leads nowhere, or to something that `T` does not stand for.
    pub fn of(ty: &Type, path: &str, model: &DataModel) -> Result<Member<T>, MemoryError> {
        let (offset, form) = Form::of(ty, model).part(path)?;
        form.check::<T>()?;
        Ok(Member { offset, value: PhantomData })
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
    /// A type without a layout, or larger than `bytes`.
    pub fn new(bytes: &'m [u8], ty: &Type, model: &DataModel) -> Result<View<'m>, MemoryError> {
        // SAFETY: the slice is borrowed for `'m`, and a `View` only reads.
        unsafe { View::over(bytes.as_ptr().cast_mut(), bytes.len(), Form::of(ty, model)) }
    }

    /// Looks at an object of type `ty` at `address`, which needs no alignment.
    ///
    /// # Errors
    /// A type without a layout.
    ///
    /// # Safety
    /// For as long as the view is used, the object's bytes must be readable at `address` and initialised, padding
    /// included, and nobody may write them while they are read. (To Rust, memory that native code allocated and wrote is
    /// initialised throughout.)
    pub unsafe fn at(
        address: NonNull<c_void>,
        ty: &Type,
        model: &DataModel,
    ) -> Result<View<'m>, MemoryError> {
        let form = Form::of(ty, model);
        let size = form.size()?;
        // SAFETY: the caller says that an object of the type, which has `size` bytes, is at the address.
        unsafe { View::over(address.as_ptr().cast(), size, form) }
    }

    /// # Safety
    /// `bytes` bytes are initialised and readable at `start` for `'m`.
    pub(super) unsafe fn over(start: *mut u8, bytes: usize, form: Form) -> Result<View<'m>, MemoryError> {
        let size = form.size()?;
        if size > bytes {
            return Err(MemoryError::TooSmall { bytes, ty: form.ty, size: size as u64 });
        }
        Ok(View { start, bytes, form, memory: PhantomData })
    }

    /// The same memory, with its numbers in this order of bytes.
    #[must_use]
    pub fn with_order(mut self, order: ByteOrder) -> View<'m> {
        self.form.order = order;
        self
    }

    /// The type of the object.
    pub fn ty(&self) -> &Type {
        &self.form.ty
    }

    /// How many bytes can be read from its address on.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there are none, as for an empty structure.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The address of its first byte.
    pub fn address(&self) -> *const c_void {
        self.start.cast()
    }

    /// A part, by its path: `"corners[2].x"`, as [`Type::part`] reads it.
    ///
    /// # Errors
    /// A path that leads nowhere.
    pub fn part(&self, path: &str) -> Result<View<'m>, MemoryError> {
        let (offset, form) = self.form.part(path)?;
        let bytes = form.size()?;
        Ok(View { start: self.within(offset, bytes)?, bytes, form, memory: PhantomData })
    }

    /// The object that comes `index` objects after this one, where an array is looked at as its first element.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`].
    pub fn element(&self, index: usize) -> Result<View<'m>, MemoryError> {
        let size = self.form.size()?;
        let offset = index.saturating_mul(size);
        Ok(View { start: self.within(offset, size)?, bytes: self.bytes - offset, ..self.clone() })
    }

    /// Where `size` bytes at `offset` are.
    #[inline]
    pub(super) fn within(&self, offset: usize, size: usize) -> Result<*mut u8, MemoryError> {
        match offset.checked_add(size) {
            Some(end) if end <= self.bytes => Ok(self.start.wrapping_add(offset)),
            _ => Err(MemoryError::OutOfBounds { offset, size, bytes: self.bytes }),
        }
    }

    /// The whole object as a member.
    pub(super) fn whole<T: CType>(&self) -> Result<Member<T>, MemoryError> {
        self.form.check::<T>()?;
        Ok(Member { offset: 0, value: PhantomData })
    }

    /// The value of a scalar that `T` stands for.
    ///
    /// # Errors
    /// [`MemoryError::Mismatch`], also where the bytes are not in the machine's order: [`View::read`] reads those.
    pub fn get<T: CType>(&self) -> Result<T, MemoryError> {
        self.get_member(self.whole()?)
    }

    /// The value of a member, in the machine's order of bytes.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], where the member is that of a larger type.
    #[inline]
    pub fn get_member<T: CType>(&self, member: Member<T>) -> Result<T, MemoryError> {
        let from = self.place(member)?;
        // `bool` is the one type for which not every byte is a value.
        if const { matches!(T::SCALAR, Scalar::Bool) } {
            // SAFETY: the byte is one of those that the view may read.
            let byte = u8::from(unsafe { from.cast::<u8>().read() } != 0);
            // SAFETY: `T` is `bool`, whose size is one byte, and the byte is 0 or 1.
            return Ok(unsafe { ptr::read((&raw const byte).cast()) });
        }
        // SAFETY: `place` found the bytes within those that the view may read; any bytes are a number or a pointer.
        Ok(unsafe { from.read_unaligned() })
    }

    /// Where a member is, unaligned.
    #[inline]
    pub(super) fn place<T: CType>(&self, member: Member<T>) -> Result<*mut T, MemoryError> {
        self.within(member.offset, size_of::<T>()).map(<*mut u8>::cast)
    }

    /// The value, whatever the type: bytes, padding included, where it is not a number, `_Bool` or pointer.
    pub fn read(&self) -> Value {
        self.form.read(&self.to_bytes())
    }

    /// A copy of the bytes of the object itself: for a bit-field, of those that it touches.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.form.size().unwrap_or(0);
        let mut bytes = Vec::<u8>::with_capacity(size);
        // SAFETY: whoever made the view found that its memory has as many bytes, initialised and readable; the vector
        // has room for them, and as many are initialised then.
        unsafe {
            bytes.as_mut_ptr().copy_from_nonoverlapping(self.start, size);
            bytes.set_len(size);
        }
        bytes
    }

    /// The text in an array of characters, up to the first NUL.
    ///
    /// # Errors
    /// Another type; no NUL within the array; bytes that are not UTF-8.
    pub fn text(&self) -> Result<String, MemoryError> {
        let limit = self.characters()?;
        let mut bytes = self.to_bytes();
        bytes.truncate(nul(&bytes).ok_or(TextError::Unterminated { limit })?);
        Ok(utf8(bytes)?)
    }

    /// The length of an array of characters.
    pub(super) fn characters(&self) -> Result<usize, MemoryError> {
        match &self.form.ty {
            Type::Array(array) => match array.element {
                Type::Int(Integer::Char | Integer::SChar | Integer::UChar) => Ok(array.length as usize),
                _ => Err(MemoryError::NoText { ty: self.form.ty.clone() }),
            },
            ty => Err(MemoryError::NoText { ty: ty.clone() }),
        }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("address", &self.start)
            .field("bytes", &self.bytes)
            .field("ty", &self.form.ty.to_string())
            .finish_non_exhaustive()
    }
}
