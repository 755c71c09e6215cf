//! How the host tells fast code what a value of JavaScript is.

use std::{
    ffi::{c_char, c_void},
    mem,
};

use super::any::{Any, ErrorKind};

/// Says what a value is: `fn(value, options, reading)`, with a handle of V8's, V8's options, and where the answer goes.
/// Without one the value is [`Any::Other`]. It runs no JavaScript, which could take away the memory of another buffer
/// of the same call; and before V8 12.6 it allocates nothing in V8's heap.
pub type ValueHelper =
    unsafe extern "C" fn(value: *const c_void, options: *mut c_void, reading: &mut Reading);

/// Makes the running fast call an error: `fn(context, options, kind, code, message)`. It throws an error of this class, with
/// the property `code` if that is not null; or, before V8 12.6, asks for the slow twin through the options. Both texts end
/// with a NUL, and are gone when it returns.
pub type ThrowHelper = unsafe extern "C" fn(
    context: *mut c_void,
    options: *mut c_void,
    kind: ErrorKind,
    code: *const c_char,
    message: *const c_char,
);

/// What a [`ValueHelper`] has found a value to be.
#[derive(Debug)]
pub struct Reading {
    found: Found,
}

#[derive(Debug)]
enum Found {
    Any(Any<'static>),
    /// UTF-8, with room for a NUL.
    Text(Vec<u8>),
}

impl Reading {
    pub(super) fn new() -> Reading {
        Reading { found: Found::Any(Any::Other) }
    }

    /// The value is this. The memory of buffers stays where it is until the call has returned.
    pub fn set(&mut self, value: Any<'static>) {
        self.found = Found::Any(value);
    }

    /// The value is a string of so many bytes in UTF-8, which are written to where this says: the one copy of it that the
    /// native function sees. They are zero until then.
    pub fn text(&mut self, length: usize) -> &mut [u8] {
        let mut bytes = Vec::with_capacity(length.saturating_add(1));
        bytes.resize(length, 0);
        self.found = Found::Text(bytes);
        match &mut self.found {
            Found::Text(bytes) => bytes,
            Found::Any(_) => unreachable!("it has just been made a text"),
        }
    }

    pub(super) fn take(&mut self) -> Any<'static> {
        match mem::replace(&mut self.found, Found::Any(Any::Other)) {
            Found::Any(any) => any,
            Found::Text(bytes) => Any::Text(match String::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into(),
            }),
        }
    }
}
