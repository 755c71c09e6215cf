//! Native functions for V8.

use std::{
    ffi::{c_char, c_int, c_void},
    ptr::{self, NonNull},
};

use springboard_js::v8::{BindError, Function, Library, Settings};

use super::{
    description::{V8Description, tell},
    settings::{V8Settings, chosen},
    value::{V8Value, all, failed, returned},
};
use crate::{
    array::{Array, Room, bind_all},
    boundary::{Failure, Out, OutHandle, enter, give, give_or, null},
    constants::*,
    handle::{self, V8FunctionHandle, V8LibraryHandle},
    structure::{Given, Told},
    text::{Buffer, Text},
};

/// Binds a function for V8.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_function_bind(
    library: *const V8LibraryHandle,
    declaration: Text<'_>,
    settings: Given<'_, V8Settings<'_>>,
    function: OutHandle<'_, V8FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let library = handle::get::<_, Library>(library)?;
        Ok(library.function(declaration.get("declaration")?, &chosen(settings)?)?)
    })
}

/// Binds the function at an address for V8.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_function_bind_address(
    library: *const V8LibraryHandle,
    address: *mut c_void,
    declaration: Text<'_>,
    settings: Given<'_, V8Settings<'_>>,
    function: OutHandle<'_, V8FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let library = handle::get::<_, Library>(library)?;
        let address = NonNull::new(address).ok_or_else(|| null("address"))?;
        Ok(library.function_at(address, declaration.get("declaration")?, &chosen(settings)?)?)
    })
}

/// Binds many functions for V8 at once.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_function_bind_all(
    library: *const V8LibraryHandle,
    declarations: Array<'_, Text<'_>>,
    settings: Array<'_, Given<'_, V8Settings<'_>>>,
    count: usize,
    functions: Room<'_, *mut V8FunctionHandle>,
    failed: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let bind = |texts: Vec<&str>| {
            let library = handle::get::<_, Library>(library)?;
            let chosen = match settings.is_null() {
                true => vec![Settings::default(); count],
                false => {
                    let settings = settings.get(count, "settings")?.iter();
                    settings.map(|settings| chosen(*settings)).collect::<Result<_, _>>()?
                }
            };
            let bound = library.functions(texts.into_iter().zip(&chosen)).into_iter();
            Ok(bound.map(|bound| handle::open(bound?)).collect())
        };
        bind_all(declarations, count, functions, failed, bind)
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
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_function_description(
    function: *const V8FunctionHandle,
    description: Told<'_, V8Description>,
    kinds: Room<'_, u8>,
    room: usize,
) -> c_int {
    enter(|| {
        let function = handle::get::<_, Function>(function)?;
        tell(function.description(), description, kinds, room)
    })
}

/// Calls with any values.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_function_call(
    function: *const V8FunctionHandle,
    arguments: Array<'_, V8Value>,
    count: usize,
    result: Out<'_, V8Value>,
    thrown: Out<'_, c_int>,
) -> c_int {
    give(result, "result", || {
        let function = handle::get::<_, Function>(function)?;
        // SAFETY: the header asks C for texts that are there for the time of the call.
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
