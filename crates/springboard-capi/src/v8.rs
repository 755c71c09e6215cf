//! Functions for V8: code that it calls fast, what it is told about it, and calls with any values.

use std::{
    ffi::{c_char, c_int, c_void},
    mem::MaybeUninit,
    ptr, slice,
};

use springboard::{Engine, Library as Native};
use springboard_js::v8::{
    BindError, BufferHelper, ClosedHelper, ErrorKind, Function, Host, Int64, Kind, Library, RangeHelper,
    Settings, Thrown,
};

mod settings;
mod value;

pub use self::{settings::V8Settings, value::V8Value};
use self::{
    settings::chosen,
    value::{any, returned},
};
use crate::{
    boundary::{Failure, Out, OutHandle, enter, null, out, out_handle},
    constants::*,
    handle::{self, EngineHandle, LibraryHandle, V8FunctionHandle, V8LibraryHandle},
    many,
    text::{Buffer, Growing, Text, read_sized, write_sized},
};

/// `sb_v8_host`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Host {
    pub size: usize,
    pub closed: Option<ClosedHelper>,
    pub range: Option<RangeHelper>,
    pub buffer: Option<BufferHelper>,
}

// SAFETY: the first member is the size; a function of C's is what the header says, or null, which is `None`.
unsafe impl Growing for V8Host {}

/// `sb_v8_description`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Description {
    pub size: usize,
    pub result: c_int,
    pub options: c_int,
    pub int64: c_int,
    pub reserved: c_int,
    pub arguments: usize,
}

// SAFETY: numbers, of which the first is the size.
unsafe impl Growing for V8Description {}

/// Makes a library ready for V8.
///
/// # Safety
/// `host` is null or begins with its size, and its functions are what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_library_new(
    engine: *const EngineHandle,
    library: *const LibraryHandle,
    host: *const V8Host,
    made: OutHandle<'_, V8LibraryHandle>,
) -> c_int {
    enter(|| {
        let made = out_handle(made, "made")?;
        let engine = handle::get::<_, Engine>(engine)?;
        let library = handle::get::<_, Native>(library)?;
        if host.is_null() {
            return Err(null("host"));
        }
        // SAFETY: the caller says that it begins with its size, and that its functions are the header's.
        let V8Host { closed, range, buffer, .. } = unsafe { read_sized(host, V8Host::default(), "host") }?;
        made.write(handle::open(Library::new(
            &engine,
            &library,
            Host { closed, range, buffer, ..Host::default() },
        ))?);
        Ok(())
    })
}

/// Ends calls of a library, and unloads it.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_library_retire(library: *const V8LibraryHandle) -> c_int {
    enter(|| {
        let library = handle::get::<_, Library>(library)?;
        // SAFETY: the header asks C for what this asks for.
        unsafe { library.close() };
        Ok(())
    })
}

/// Closes the handle of a library.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_library_close(library: *const V8LibraryHandle) -> c_int {
    enter(|| handle::close(library))
}

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
    enter(|| {
        let function = out_handle(function, "function")?;
        let library = handle::get::<_, Library>(library)?;
        // SAFETY: the caller says that the settings are null, or begin with their size and have as many buffers as they say.
        let chosen = unsafe { chosen(settings) }?;
        function.write(handle::open(library.function(declaration.get("declaration")?, &chosen)?)?);
        Ok(())
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
        unsafe { many::bind_all(declarations, count, functions, failed, bind) }
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
    enter(|| {
        let code = out(code, "code")?;
        code.write(ptr::null_mut());
        let function = handle::get::<_, Function>(function)?;
        let buffer = Buffer { start: buffer, size, length };
        match function.fast() {
            Ok(fast) => {
                code.write(fast.address().as_ptr());
                buffer.write("")
            }
            Err(reason) => buffer.write(reason),
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
        let told = function.description();
        if kinds.is_null() && room != 0 {
            return Err(null("kinds"));
        }
        let value = V8Description {
            size: 0,
            result: kind(told.result).into(),
            options: told.options.into(),
            int64: match told.int64 {
                Int64::Number => SB_V8_INT64_NUMBER as c_int,
                Int64::BigInt => SB_V8_INT64_BIGINT as c_int,
            },
            reserved: 0,
            arguments: told.arguments.len(),
        };
        // SAFETY: the caller says that it is null or begins with its size.
        unsafe { write_sized(description, value, "description") }?;
        for (index, argument) in told.arguments.iter().enumerate().take(room) {
            // SAFETY: `index` is below `room`, and the caller says that there are as many elements.
            unsafe { kinds.add(index).write(kind(*argument)) };
        }
        Ok(())
    })
}

fn kind(kind: Kind) -> u8 {
    let constant = match kind {
        Kind::Void => SB_V8_VOID,
        Kind::Bool => SB_V8_BOOL,
        Kind::I32 => SB_V8_I32,
        Kind::U32 => SB_V8_U32,
        Kind::I64 => SB_V8_I64,
        Kind::U64 => SB_V8_U64,
        Kind::F32 => SB_V8_F32,
        Kind::F64 => SB_V8_F64,
        Kind::Pointer => SB_V8_POINTER,
        Kind::Value => SB_V8_VALUE,
        Kind::OneByteString => SB_V8_ONE_BYTE_STRING,
    };
    constant as u8
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
    enter(|| {
        let result = out(result, "result")?;
        let function = handle::get::<_, Function>(function)?;
        let arguments = match count {
            0 => &[],
            _ if arguments.is_null() => return Err(null("arguments")),
            // SAFETY: the array is not null; the caller says that it has `count` elements.
            _ => unsafe { slice::from_raw_parts(arguments, count) },
        };
        // SAFETY: the caller says that texts are there for the time of the call.
        let arguments = arguments.iter().map(|value| unsafe { any(value) }).collect::<Result<Vec<_>, _>>()?;
        // SAFETY: the header asks C for what a call asks for.
        match unsafe { function.call_slow(&arguments) } {
            Ok(value) => {
                result.write(returned(&value));
                Ok(())
            }
            Err(Thrown { kind, message, .. }) => {
                let constant = match kind {
                    ErrorKind::Error => SB_V8_ERROR,
                    ErrorKind::TypeError => SB_V8_TYPE_ERROR,
                    ErrorKind::RangeError => SB_V8_RANGE_ERROR,
                };
                thrown.map(|thrown| thrown.write(constant as c_int));
                Err(Failure::new(SB_ERROR_THROWN, message))
            }
        }
    })
}

/// Closes the handle of a function.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_function_close(function: *const V8FunctionHandle) -> c_int {
    enter(|| handle::close(function))
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
