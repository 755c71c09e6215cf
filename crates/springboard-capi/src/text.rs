//! Texts, on their way in and out.

use std::{
    ffi::{CStr, c_char},
    fmt::Display,
    marker::PhantomData,
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
