//! DuckDB's C API, bound from its declarations when the program runs.

use std::{
    error::Error,
    ffi::{c_char, c_uint, c_void},
};

use springboard::{Engine, Library, function::Typed, ir::Header, library::Flags};
use springboard_everyday::header;

/// What every object of DuckDB's is to C: an address.
pub(crate) type Handle = *mut c_void;

/// `duckdb_state` of what went well.
pub(crate) const SUCCESS: c_uint = 0;

macro_rules! api {
    ($($name:ident = $symbol:literal: fn($($parameter:ty),*) $(-> $result:ty)?;)*) => {
        /// DuckDB's functions, by what they are called after `duckdb_`.
        pub(crate) struct Api {
            $(pub(crate) $name: Typed<unsafe extern "C" fn($($parameter),*) $(-> $result)?>,)*
        }

        impl Api {
            /// Loads DuckDB's library and binds its functions.
            ///
            /// # Errors
            /// A library that cannot be loaded, or is not DuckDB's.
            pub(crate) fn load(engine: &Engine, path: &str) -> Result<Api, Box<dyn Error>> {
                // UDFs written in C link to these symbols.
                // SAFETY: whoever names a library wants it loaded.
                let library = unsafe { Library::open_with(path, Flags::NOW | Flags::GLOBAL) }?;
                let header = Header::scan(include_str!("duckdb.h"), engine.data_model());
                let binding = header::bind(engine, &library, &header, |_| true);
                if let Some(missing) = binding.reported.first() {
                    return Err(format!("{path} is not DuckDB's library: {missing}").into());
                }
                let named = |symbol: &str| binding.bound.iter().find(|function| function.prototype().name.as_deref() == Some(symbol));
                Ok(Api { $($name: named($symbol).ok_or($symbol)?.typed()?,)* })
            }
        }
    };
}

// A Rust type that is not what the declaration says is an error when the library is loaded.
api! {
    version = "duckdb_library_version": fn() -> *const c_char;
    open = "duckdb_open": fn(*const c_char, *mut Handle) -> c_uint;
    close = "duckdb_close": fn(*mut Handle);
    connect = "duckdb_connect": fn(Handle, *mut Handle) -> c_uint;
    disconnect = "duckdb_disconnect": fn(*mut Handle);
    query = "duckdb_query": fn(Handle, *const c_char, *mut Rows) -> c_uint;
    result_error = "duckdb_result_error": fn(*mut Rows) -> *const c_char;
    column_count = "duckdb_column_count": fn(*mut Rows) -> u64;
    column_name = "duckdb_column_name": fn(*mut Rows, u64) -> *const c_char;
    row_count = "duckdb_row_count": fn(*mut Rows) -> u64;
    value = "duckdb_value_varchar": fn(*mut Rows, u64, u64) -> *mut c_char;
    free = "duckdb_free": fn(*mut c_char);
    destroy_result = "duckdb_destroy_result": fn(*mut Rows);
    create_type = "duckdb_create_logical_type": fn(u32) -> Handle;
    destroy_type = "duckdb_destroy_logical_type": fn(*mut Handle);
    create_function = "duckdb_create_scalar_function": fn() -> Handle;
    destroy_function = "duckdb_destroy_scalar_function": fn(*mut Handle);
    set_name = "duckdb_scalar_function_set_name": fn(Handle, *const c_char);
    add_parameter = "duckdb_scalar_function_add_parameter": fn(Handle, Handle);
    set_return_type = "duckdb_scalar_function_set_return_type": fn(Handle, Handle);
    set_volatile = "duckdb_scalar_function_set_volatile": fn(Handle);
    set_function = "duckdb_scalar_function_set_function": fn(Handle, *const c_void);
    register = "duckdb_register_scalar_function": fn(Handle, Handle) -> c_uint;
    set_error = "duckdb_scalar_function_set_error": fn(Handle, *const c_char);
    chunk_size = "duckdb_data_chunk_get_size": fn(Handle) -> u64;
    chunk_vector = "duckdb_data_chunk_get_vector": fn(Handle, u64) -> Handle;
    data = "duckdb_vector_get_data": fn(Handle) -> *mut c_void;
    validity = "duckdb_vector_get_validity": fn(Handle) -> *mut u64;
    ensure_validity = "duckdb_vector_ensure_validity_writable": fn(Handle);
    assign_text = "duckdb_vector_assign_string_element": fn(Handle, u64, *const c_char);
}

/// `duckdb_result`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Rows([u64; 6]);
