//! Writing memory.

use std::{ffi::c_void, marker::PhantomData, ops::Deref, ptr::NonNull};

use springboard::{CType, Value};
use springboard_ir::{DataModel, Type};

use super::{
    error::MemoryError,
    number::{ByteOrder, Form},
    text::{TextError, nul},
    view::{Member, View},
};

/// A typed look at memory that somebody else owns, for reading and writing. As with [`View`], no reference into the
/// memory is ever made.
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
        // SAFETY: the slice is borrowed for `'m`, by this view alone.
        unsafe { ViewMut::over(bytes.as_mut_ptr(), bytes.len(), Form::of(ty, model)) }
    }

    /// As [`View::at`].
    ///
    /// # Errors
    /// As [`View::at`].
    ///
    /// # Safety
    /// As [`View::at`]; and the bytes must be writable, and nobody else may read them while they are written.
    pub unsafe fn at(
        address: NonNull<c_void>,
        ty: &Type,
        model: &DataModel,
    ) -> Result<ViewMut<'m>, MemoryError> {
        // SAFETY: the caller keeps what `View::at` asks for, and says that the bytes may be written.
        Ok(ViewMut { view: unsafe { View::at(address, ty, model) }?, memory: PhantomData })
    }

    /// # Safety
    /// `bytes` bytes are initialised, and can be read and written at `start` for `'m`.
    pub(super) unsafe fn over(start: *mut u8, bytes: usize, form: Form) -> Result<ViewMut<'m>, MemoryError> {
        // SAFETY: the caller says that as many bytes are initialised and readable for `'m`.
        Ok(ViewMut { view: unsafe { View::over(start, bytes, form) }?, memory: PhantomData })
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
        self.set_member(self.view.whole()?, value)
    }

    /// Writes a member, in the machine's order of bytes.
    ///
    /// # Errors
    /// As [`View::get_member`].
    #[inline]
    pub fn set_member<T: CType>(&mut self, member: Member<T>, value: T) -> Result<(), MemoryError> {
        let to = self.view.place(member)?;
        // SAFETY: `place` found the bytes within those that the view may write.
        unsafe { to.write_unaligned(value) };
        Ok(())
    }

    /// Writes a value, whatever the type: bytes, padding included, where it is not a number, `_Bool` or pointer.
    ///
    /// # Errors
    /// A value of another kind or size, or out of range.
    pub fn write(&mut self, value: &Value) -> Result<(), MemoryError> {
        let mut bytes = self.view.to_bytes();
        self.view.form.write(&mut bytes, value)?;
        self.put(0, &bytes)
    }

    /// Writes a text and a NUL into an array of characters. What comes after the NUL is left alone.
    ///
    /// # Errors
    /// Another type; a text with a NUL in it, or too long for the array.
    pub fn write_text(&mut self, text: &str) -> Result<(), MemoryError> {
        let room = self.view.characters()?;
        if let Some(at) = nul(text.as_bytes()) {
            return Err(TextError::Nul { at }.into());
        }
        if text.len() >= room {
            return Err(TextError::TooLong { bytes: text.len(), room }.into());
        }
        self.put(0, text.as_bytes())?;
        self.put(text.len(), &[0])
    }

    /// The address of its first byte.
    pub fn address_mut(&mut self) -> *mut c_void {
        self.view.start.cast()
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) -> Result<(), MemoryError> {
        let to = self.view.within(offset, bytes.len())?;
        // SAFETY: `within` found as many bytes within those that the view may write. A reference to them would break
        // what whoever made the view says: so `bytes` are others.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }
}
