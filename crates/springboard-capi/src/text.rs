//! Texts, on their way in and out.

use std::{
    ffi::{CStr, c_char},
    fmt::Display,
    marker::PhantomData,
    mem::MaybeUninit,
    ptr,
};

use crate::{
    boundary::{Failure, Out, null},
    constants::*,
};

/// A text that C passes: null, or the address of bytes that end with a zero byte. Only C makes values of this type.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(*const c_char, PhantomData<&'a c_char>);

impl<'a> Text<'a> {
    /// A text of a structure that C passes.
    ///
    /// # Safety
    /// It is null, or ends with a zero byte and lives as long as `'a`.
    pub(crate) unsafe fn of(text: *const c_char) -> Text<'a> {
        Text(text, PhantomData)
    }

    /// The bytes. `None` where it is null.
    pub(crate) fn bytes(self) -> Option<&'a CStr> {
        // SAFETY: C passed the value, and the type's documentation asks C for a string that lives as long as the call.
        (!self.0.is_null()).then(|| unsafe { CStr::from_ptr(self.0) })
    }

    /// The text, which must be there and be UTF-8.
    pub(crate) fn get(self, name: &str) -> Result<&'a str, Failure> {
        let bytes = self.bytes().ok_or_else(|| null(name))?;
        bytes.to_str().map_err(|error| {
            Failure::new(SB_ERROR_ENCODING, format_args!("parameter {name} is not UTF-8: {error}"))
        })
    }
}

/// Where C wants a text: so many bytes, or none if it only asks for the length.
pub(crate) struct Buffer<'a> {
    pub(crate) start: *mut c_char,
    pub(crate) size: usize,
    pub(crate) length: Out<'a, usize>,
}

impl Buffer<'_> {
    /// Writes as much of `text` as there is room for, and a zero byte; and tells the length of all of it.
    pub(crate) fn write(self, text: impl Display) -> Result<(), Failure> {
        let Buffer { start, size, length } = self;
        let text = text.to_string().replace('\0', "\u{fffd}");
        length.map(|length| length.write(text.len()));
        if size == 0 {
            return Ok(());
        }
        if start.is_null() {
            return Err(null("buffer"));
        }
        // No half characters.
        let end = (0..=text.len().min(size - 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        // SAFETY: C passes a buffer of `size` bytes, and `end` is less than that.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr().cast(), start, end);
            *start.add(end) = 0;
        }
        Ok(())
    }
}

/// A structure whose first member is its own size in bytes, so that it may grow: C says how much of it it knows.
///
/// # Safety
/// The type is `repr(C)`, and its first member is its size as a `usize`. The others are plain: any that C may write, and
/// zero, is one of Rust's values.
pub(crate) unsafe trait Growing: Copy {}

/// Writes the part of `value` that C knows.
///
/// # Safety
/// `to` is null, or the address of a structure that begins with its size, and is that long.
pub(crate) unsafe fn write_sized<T: Growing>(
    to: *mut MaybeUninit<T>,
    value: T,
    name: &str,
) -> Result<(), Failure> {
    if to.is_null() {
        return Err(null(name));
    }
    // SAFETY: `to` is not null, so the caller says that it begins with its size.
    let rest = unsafe { known::<T>(to.cast(), name) }? - size_of::<usize>();
    // SAFETY: C's structure and `value` have as many bytes after their first member.
    unsafe {
        let from = (&raw const value).cast::<u8>().add(size_of::<usize>());
        ptr::copy_nonoverlapping(from, to.cast::<u8>().add(size_of::<usize>()), rest);
    }
    Ok(())
}

/// Reads the part of a structure that C knows; the rest is zero.
///
/// # Safety
/// `from` is null, or the address of a structure that begins with its size, and is that long.
pub(crate) unsafe fn read_sized<T: Growing>(from: *const T, name: &str) -> Result<T, Failure> {
    if from.is_null() {
        return Err(null(name));
    }
    // SAFETY: it is not null, so the caller says that the structure begins with its size.
    let known = unsafe { known::<T>(from.cast(), name) }?;
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: C's structure and `value` have as many bytes, and a `Growing` is whatever C writes into it, or zero.
    unsafe {
        ptr::copy_nonoverlapping(from.cast::<u8>(), value.as_mut_ptr().cast(), known);
        Ok(value.assume_init())
    }
}

/// How many bytes of a `T` C knows: at least those of its size.
///
/// # Safety
/// A size is at the address.
unsafe fn known<T: Growing>(size: *const usize, name: &str) -> Result<usize, Failure> {
    // SAFETY: the caller says that a size is there.
    match unsafe { size.read() } {
        size if size < size_of::<usize>() => Err(Failure::new(
            SB_ERROR_ARGUMENT,
            format_args!("the size in {name} is {size}, and must be sizeof the structure"),
        )),
        size => Ok(size.min(size_of::<T>())),
    }
}
