//! Native functions for V8.

use std::{
    ffi::{c_char, c_int, c_void},
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use springboard_js::v8::{BindError, Function, Library, Settings};

use super::{
    description::{V8Description, tell},
    settings::{V8Settings, chosen},
    value::{V8Value, all, failed, returned},
};
use crate::{
    array::bind_all,
    boundary::{Failure, Out, OutHandle, enter, give, give_or, null},
    constants::*,
    handle::{self, V8FunctionHandle, V8LibraryHandle},
    text::{Buffer, Text},
};

/// Binds a function for V8.
///
/// # Safety
/// `settings` is null or begins with its size, and has as many buffers as it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_function_bind(
    library: *const V8LibraryHandle,
    declaration: Text<'_>,
    settings: *const V8Settings,
    function: OutHandle<'_, V8FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let library = handle::get::<_, Library>(library)?;
        // SAFETY: the caller says that the settings are null, or begin with their size and have as many buffers as they say.
        let chosen = unsafe { chosen(settings) }?;
        Ok(library.function(declaration.get("declaration")?, &chosen)?)
    })
}

/// Binds the function at an address for V8.
///
/// # Safety
/// `settings` is null or begins with its size, and has as many buffers as it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_function_bind_address(
    library: *const V8LibraryHandle,
    address: *mut c_void,
    declaration: Text<'_>,
    settings: *const V8Settings,
    function: OutHandle<'_, V8FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let library = handle::get::<_, Library>(library)?;
        let address = NonNull::new(address).ok_or_else(|| null("address"))?;
        // SAFETY: the caller says that the settings are null, or begin with their size and have as many buffers as they say.
        let chosen = unsafe { chosen(settings) }?;
        let bound = library.function_at(address, declaration.get("declaration")?, &chosen)?;
        Ok(bound)
    })
}

/// Binds many functions for V8 at once.
///
/// # Safety
/// The arrays are null or have `count` elements; settings are null or begin with their size, and have as many buffers as
/// they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_function_bind_all(
    library: *const V8LibraryHandle,
    declarations: *const Text<'_>,
    settings: *const *const V8Settings,
    count: usize,
    functions: *mut *mut V8FunctionHandle,
    failed: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let bind = |texts: Vec<&str>| {
            let library = handle::get::<_, Library>(library)?;
            let each = |index| {
                if settings.is_null() {
                    return Ok(Settings::default());
                }
                // SAFETY: the array is not null; the caller says that it has `count` elements, and what each points to.
                unsafe { chosen(*settings.add(index)) }
            };
            let chosen = (0..count).map(each).collect::<Result<Vec<_>, _>>()?;
            let bound = library.functions(texts.into_iter().zip(&chosen)).into_iter();
            Ok(bound.map(|bound| handle::open(bound?)).collect())
        };
        // SAFETY: the caller says that the arrays are null or have `count` elements.
        unsafe { bind_all(declarations, count, functions, failed, bind) }
    })
}

/// The code that V8 may call, or why there is none.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_function_fast(
    function: *const V8FunctionHandle,
    code: Out<'_, *mut c_void>,
    buffer: *mut c_char,
    size: usize,
    length: Out<'_, usize>,
) -> c_int {
    give_or(code, "code", ptr::null_mut(), || {
        let function = handle::get::<_, Function>(function)?;
        let buffer = Buffer { start: buffer, size, length };
        match function.fast() {
            Ok(fast) => buffer.write("").map(|()| fast.address().as_ptr()),
            Err(reason) => buffer.write(reason).map(|()| ptr::null_mut()),
        }
    })
}

/// What V8 is told about the code.
///
/// # Safety
/// `description` is null or begins with its size; `kinds` has `room` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_function_description(
    function: *const V8FunctionHandle,
    description: *mut MaybeUninit<V8Description>,
    kinds: *mut u8,
    room: usize,
) -> c_int {
    enter(|| {
        let function = handle::get::<_, Function>(function)?;
        // SAFETY: the caller says that it is null or begins with its size, and that there is room for as many kinds.
        unsafe { tell(function.description(), description, kinds, room) }
    })
}

/// Calls with any values.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_function_call(
    function: *const V8FunctionHandle,
    arguments: *const V8Value,
    count: usize,
    result: Out<'_, V8Value>,
    thrown: Out<'_, c_int>,
) -> c_int {
    give(result, "result", || {
        let function = handle::get::<_, Function>(function)?;
        // SAFETY: the caller says that the array has as many elements, and that texts are there for the time of the call.
        let arguments = unsafe { all(arguments, count) }?;
        // SAFETY: the header asks C for arguments that the native function is sound to call with.
        let value = unsafe { function.call_slow(&arguments) }.map_err(|error| failed(error, thrown))?;
        Ok(returned(&value))
    })
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Failure {
        let code = match error {
            BindError::Bind(error) => return error.into(),
            _ => SB_ERROR_ARGUMENT,
        };
        Failure::new(code, error)
    }
}
