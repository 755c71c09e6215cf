//! Errors: the code and message of the last failure, per thread.

use std::{
    cell::RefCell,
    ffi::{c_char, c_int},
    ptr,
};

use springboard::{
    BindError, CallbackError,
    callback::CreateError,
    function::PointerError,
    ir::ParseError,
    library::{LibraryError, SymbolError},
};

use crate::{
    boundary::{Failure, LAST, Last, Out, Place},
    constants::*,
};

/// The code of the thread's last failure.
#[unsafe(no_mangle)]
pub extern "C" fn sb_error_code() -> c_int {
    LAST.try_with(|last| last.borrow().code).unwrap_or(SB_OK as c_int)
}

/// The sentence of the thread's last failure.
#[unsafe(no_mangle)]
pub extern "C" fn sb_error_message() -> *const c_char {
    LAST.try_with(|last| last.borrow().message.as_ptr()).unwrap_or(c"".as_ptr())
}

/// The property `code` of what JavaScript is to throw, by the thread's last failure.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_thrown_code() -> *const c_char {
    let code = |last: &RefCell<Last>| last.borrow().thrown.as_ref().map(|code| code.as_ptr());
    LAST.try_with(code).ok().flatten().unwrap_or(ptr::null())
}

/// The place in a C text of the thread's last failure.
#[unsafe(no_mangle)]
pub extern "C" fn sb_error_place(
    offset: Out<'_, usize>,
    line: Out<'_, usize>,
    column: Out<'_, usize>,
) -> c_int {
    let place = LAST.try_with(|last| last.borrow().place).ok().flatten();
    let Place { offset: o, line: l, column: c } = place.unwrap_or_default();
    for (to, value) in [(offset, o), (line, l), (column, c)] {
        to.map(|to| to.write(value));
    }
    c_int::from(place.is_some())
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Failure {
        let ParseError { position, line, column, .. } = error;
        Failure {
            place: Some(Place { offset: position, line, column }),
            ..Failure::new(SB_ERROR_PARSE, error)
        }
    }
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Failure {
        Failure::new(SB_ERROR_LOAD, error)
    }
}

impl From<SymbolError> for Failure {
    fn from(error: SymbolError) -> Failure {
        Failure::new(SB_ERROR_SYMBOL, error)
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Failure {
        let code = match error {
            BindError::Prototype(error) => return error.into(),
            BindError::Unnamed => SB_ERROR_ARGUMENT,
            BindError::Symbol(_) => SB_ERROR_SYMBOL,
            BindError::Layout { .. } => SB_ERROR_LAYOUT,
            _ => SB_ERROR_NO_PATH,
        };
        Failure::new(code, error)
    }
}

impl From<PointerError> for Failure {
    fn from(error: PointerError) -> Failure {
        Failure::new(SB_ERROR_NO_POINTER, error)
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Failure {
        let code = match error {
            CreateError::Bind(error) => return error.into(),
            CreateError::NotOwner => SB_ERROR_THREAD,
            CreateError::Memory(_) | CreateError::Closures => SB_ERROR_MEMORY,
            _ => SB_ERROR_ARGUMENT,
        };
        Failure::new(code, error)
    }
}

impl From<CallbackError> for Failure {
    fn from(error: CallbackError) -> Failure {
        Failure::new(SB_ERROR_CALLBACK, error)
    }
}
