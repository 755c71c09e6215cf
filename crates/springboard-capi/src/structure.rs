//! Structures that may grow, on their way in and out. The first member of each is its size, by which C says how much of it
//! it knows.

use std::{marker::PhantomData, mem::MaybeUninit, ptr};

use crate::{
    boundary::{Failure, null},
    constants::*,
};

/// A structure that may grow.
///
/// # Safety
/// The type is `repr(C)`, and its first member is its size as a `usize`. The others are plain: any that C may write, and
/// zero, is one of Rust's values.
pub unsafe trait Growing: Copy {}

/// A structure that C passes: null, or the address of one that begins with its size, and is that long. Only C makes values
/// of this type.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Given<'a, T>(*const T, PhantomData<&'a T>);

impl<T: Growing> Given<'_, T> {
    /// The part that C knows; the rest is zero. `None` where it is null.
    pub(crate) fn get(self, name: &str) -> Result<Option<T>, Failure> {
        if self.0.is_null() {
            return Ok(None);
        }
        let mut value = MaybeUninit::<T>::zeroed();
        // SAFETY: C passed the address, which is not null, and the type's documentation asks C for a structure of the size
        // that it begins with; `value` has as many bytes, and a `Growing` is whatever C writes into it, or zero.
        unsafe {
            let known = known::<T>(self.0.cast::<usize>().read(), name)?;
            ptr::copy_nonoverlapping(self.0.cast::<u8>(), value.as_mut_ptr().cast(), known);
            Ok(Some(value.assume_init()))
        }
    }

    /// The same of one that must be there.
    pub(crate) fn read(self, name: &str) -> Result<T, Failure> {
        self.get(name)?.ok_or_else(|| null(name))
    }
}

/// Where C wants a structure: null, or the address of memory that begins with its size, and is that long. Only C makes
/// values of this type.
#[repr(transparent)]
#[derive(Debug)]
pub struct Told<'a, T>(*mut T, PhantomData<&'a mut T>);

impl<T: Growing> Told<'_, T> {
    /// Writes the part of `value` that C knows, after the size.
    pub(crate) fn write(self, value: T, name: &str) -> Result<(), Failure> {
        if self.0.is_null() {
            return Err(null(name));
        }
        const SIZE: usize = size_of::<usize>();
        // SAFETY: C passed the address, which is not null, and the type's documentation asks C for memory of the size that it
        // begins with; `value` has as many bytes.
        unsafe {
            let known = known::<T>(self.0.cast::<usize>().read(), name)?;
            let from = (&raw const value).cast::<u8>().add(SIZE);
            ptr::copy_nonoverlapping(from, self.0.cast::<u8>().add(SIZE), known - SIZE);
        }
        Ok(())
    }
}

/// How many bytes of a `T` C knows: at least those of its size.
fn known<T>(size: usize, name: &str) -> Result<usize, Failure> {
    if size < size_of::<usize>() {
        let message = format_args!("the size in {name} is {size}, and must be sizeof the structure");
        return Err(Failure::new(SB_ERROR_ARGUMENT, message));
    }
    Ok(size.min(size_of::<T>()))
}
