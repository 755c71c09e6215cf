//! Writing to memory.

use std::{any::type_name, ffi::c_void, marker::PhantomData, mem::size_of, ops::Deref, ptr::NonNull, slice};

use springboard::{CType, Value};
use springboard_ir::{DataModel, Type};

use super::{
    error::MemoryError,
    number::{into_bit_field, to_bytes},
    text::{TextError, terminated},
    view::{ByteOrder, Member, View},
};

/// A typed look at memory that somebody else owns, for reading and writing.
#[derive(Debug)]
pub struct ViewMut<'m> {
    view: View<'m>,
    memory: PhantomData<&'m mut [u8]>,
}

impl<'m> Deref for ViewMut<'m> {
    type Target = View<'m>;

    fn deref(&self) -> &View<'m> {
        &self.view
    }
}

impl<'m> ViewMut<'m> {
    /// As [`View::new`].
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn new(bytes: &'m mut [u8], ty: &Type, model: &DataModel) -> Result<ViewMut<'m>, MemoryError> {
        // SAFETY: the bytes are borrowed for as long as the view lives, by nobody else.
        unsafe { ViewMut::over(bytes.as_mut_ptr(), bytes.len(), ty, model) }
    }

    /// As [`View::at`].
    ///
    /// # Errors
    /// As [`View::at`].
    ///
    /// # Safety
    /// As [`View::at`], for writing as well.
    pub unsafe fn at(
        address: NonNull<c_void>,
        ty: &Type,
        model: &DataModel,
    ) -> Result<ViewMut<'m>, MemoryError> {
        // SAFETY: the caller's promise.
        Ok(ViewMut { view: unsafe { View::at(address, ty, model) }?, memory: PhantomData })
    }

    /// # Safety
    /// `bytes` bytes can be read and written at `start` for `'m`.
    pub(super) unsafe fn over(
        start: *mut u8,
        bytes: usize,
        ty: &Type,
        model: &DataModel,
    ) -> Result<ViewMut<'m>, MemoryError> {
        // SAFETY: the caller's promise.
        Ok(ViewMut { view: unsafe { View::over(start, bytes, ty, model) }?, memory: PhantomData })
    }

    /// The same memory, with its numbers in this order of bytes.
    #[must_use]
    pub fn with_order(self, order: ByteOrder) -> ViewMut<'m> {
        ViewMut { view: self.view.with_order(order), memory: PhantomData }
    }

    /// As [`View::part`].
    ///
    /// # Errors
    /// As [`View::part`].
    pub fn part_mut(&mut self, path: &str) -> Result<ViewMut<'_>, MemoryError> {
        Ok(ViewMut { view: self.view.part(path)?, memory: PhantomData })
    }

    /// As [`View::element`].
    ///
    /// # Errors
    /// As [`View::element`].
    pub fn element_mut(&mut self, index: usize) -> Result<ViewMut<'_>, MemoryError> {
        Ok(ViewMut { view: self.view.element(index)?, memory: PhantomData })
    }

    /// Writes a scalar that `T` stands for.
    ///
    /// # Errors
    /// As [`View::get`].
    pub fn set<T: CType>(&mut self, value: T) -> Result<(), MemoryError> {
        let View { ty, model, bits, order, .. } = &self.view;
        if let Some(bits) = *bits {
            return Err(MemoryError::BitField { bits });
        }
        if ty.scalar(model) != Some(T::SCALAR) || *order != ByteOrder::NATIVE {
            return Err(MemoryError::Mismatch { c: ty.clone(), rust: type_name::<T>() });
        }
        self.set_member(Member { offset: 0, value: PhantomData }, value)
    }

    /// Writes a member that was found before, in the machine's order of bytes.
    ///
    /// # Errors
    /// As [`View::get_member`].
    #[inline]
    pub fn set_member<T: CType>(&mut self, member: Member<T>, value: T) -> Result<(), MemoryError> {
        let (offset, size) = (member.offset, size_of::<T>());
        if offset.checked_add(size).is_none_or(|end| end > self.view.bytes) {
            return Err(MemoryError::OutOfBounds { offset, size, bytes: self.view.bytes });
        }
        // SAFETY: the bytes lie within those that the view may write.
        unsafe { self.view.start.wrapping_add(offset).cast::<T>().write_unaligned(value) };
        Ok(())
    }

    /// Writes a value, whatever the type.
    ///
    /// # Errors
    /// A value of another kind or size, or out of range.
    pub fn write(&mut self, value: &Value) -> Result<(), MemoryError> {
        let View { ty, model, order, bits, skipped, .. } = &self.view;
        let bytes = match *bits {
            None => to_bytes(value, ty, model, *order)?,
            Some(bits) => {
                let mut bytes = self.view.to_bytes();
                into_bit_field(&mut bytes, (*skipped, bits), value, ty, model, *order)?;
                bytes
            }
        };
        self.put(&bytes);
        Ok(())
    }

    /// Writes a text and a NUL into an array of characters. What is behind is left alone.
    ///
    /// # Errors
    /// Another type; a text with a NUL in it, or too long for the array.
    pub fn write_text(&mut self, text: &str) -> Result<(), MemoryError> {
        let room = match &self.view.ty {
            Type::Array(array) if array.element.layout(&self.view.model).is_ok_and(|own| own.size == 1) => {
                array.length as usize
            }
            ty => return Err(MemoryError::NoText { ty: ty.clone() }),
        };
        if let Some(at) = terminated(text.as_bytes()) {
            return Err(TextError::Nul { at }.into());
        }
        if text.len() >= room {
            return Err(TextError::TooLong { bytes: text.len(), room }.into());
        }
        self.put(text.as_bytes());
        // SAFETY: the text is shorter than the array, which lies within the bytes that the view may write.
        unsafe { self.view.start.add(text.len()).write(0) };
        Ok(())
    }

    /// Where it lies.
    pub fn address_mut(&mut self) -> *mut c_void {
        self.view.start.cast()
    }

    /// All of its bytes, as a Rust slice. Nobody else may write them meanwhile.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the view has its bytes for itself, and they are initialised: it was made of a slice, of a `Memory`,
        // or by somebody who said so.
        unsafe { slice::from_raw_parts_mut(self.view.start, self.view.bytes) }
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.view.bytes, "it was found to fit");
        // SAFETY: as many bytes lie within those that the view may write; they are not in what is copied, which the
        // host owns.
        unsafe { self.view.start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }
}
