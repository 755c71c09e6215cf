//! The header's constants.

macro_rules! constants {
    ($($name:ident = $value:expr;)*) => {
        $(pub(crate) const $name: i64 = $value;)*

        /// Every constant of the header, with its value.
        pub const ALL: &[(&str, i64)] = &[$((stringify!($name), $name)),*];
    };
}

constants! {
    SB_OK = 0;
    SB_ERROR_NULL = 1;
    SB_ERROR_HANDLE = 2;
    SB_ERROR_CLOSED = 3;
    SB_ERROR_KIND = 4;
    SB_ERROR_THREAD = 5;
    SB_ERROR_BUSY = 6;
    SB_ERROR_ARGUMENT = 7;
    SB_ERROR_ENCODING = 8;
    SB_ERROR_PARSE = 9;
    SB_ERROR_LOAD = 10;
    SB_ERROR_SYMBOL = 11;
    SB_ERROR_LAYOUT = 12;
    SB_ERROR_NO_PATH = 13;
    SB_ERROR_NO_POINTER = 14;
    SB_ERROR_MEMORY = 15;
    SB_ERROR_CALLBACK = 16;
    SB_ERROR_SYSTEM = 17;
    SB_ERROR_INTERNAL = 18;
    SB_ERROR_THROWN = 19;
    SB_ERROR_REFUSED = 20;
    SB_ERROR_ABANDONED = 21;
    SB_ERROR_FORKED = 22;

    SB_JIT_ON = 0;
    SB_JIT_OFF = 1;
    SB_COMPILE_EAGER = 0;
    SB_COMPILE_LAZY = 1;
    SB_COMPILE_BACKGROUND = 2;
    SB_STUBS_PER_SHAPE = 0;
    SB_STUBS_PER_FUNCTION = 1;
    SB_LANDING_PADS_DEFAULT = 0;
    SB_LANDING_PADS_EMIT = 1;
    SB_LANDING_PADS_OMIT = 2;

    SB_PATH_NATIVE = 0;
    SB_PATH_UNCALLED = 1;
    SB_PATH_COMPILING = 2;
    SB_PATH_UNKNOWN_TARGET = 3;
    SB_PATH_INELIGIBLE = 4;
    SB_PATH_JIT_OFF = 5;
    SB_PATH_NO_EXECUTABLE_MEMORY = 6;
    SB_PATH_CODE_LIMIT = 7;
    SB_PATH_EMIT = 8;
    SB_PATH_OTHER = 9;

    SB_ENTRY_SLOTS = 0;
    SB_ENTRY_BOUND = 1;
    SB_ENTRY_CALLBACK = 2;
    SB_ENTRY_V8 = 3;
    SB_ENTRY_AVALUE = 4;

    SB_LIBRARY_DEFAULT = 0;
    SB_LIBRARY_LAZY = 1;
    SB_LIBRARY_GLOBAL = 2;
    SB_LIBRARY_NODELETE = 4;
    SB_LIBRARY_NOLOAD = 8;

    SB_SLOT_NONE = 0;
    SB_SLOT_BOOL = 1;
    SB_SLOT_INTEGER = 2;
    SB_SLOT_UNSIGNED = 3;
    SB_SLOT_FLOAT = 4;
    SB_SLOT_POINTER = 5;
    SB_SLOT_ADDRESS = 6;

    SB_FULL_BLOCK = 0;
    SB_FULL_REFUSE = 1;
    SB_FULL_DROP_OLDEST = 2;

    SB_AFTER_CLOSE_ZERO = 0;
    SB_AFTER_CLOSE_ABORT = 1;

    SB_SHUTDOWN_WAIT = 0;
    SB_SHUTDOWN_ABANDON = 1;

    SB_V8_PROFILE_FULL = 0;
    SB_V8_PROFILE_NODE = 1;
    SB_V8_GUARD_CLOSED = 0;
    SB_V8_GUARD_NONE = 1;
    SB_V8_NARROW_CHECK = 0;
    SB_V8_NARROW_TRUST = 1;
    SB_V8_OPTIONS_FOR_BUFFERS = 0;
    SB_V8_OPTIONS_ALWAYS = 1;
    SB_V8_INT64_DEFAULT = 0;
    SB_V8_INT64_NUMBER = 1;
    SB_V8_INT64_BIGINT = 2;

    SB_V8_VOID = 0;
    SB_V8_BOOL = 1;
    SB_V8_I32 = 2;
    SB_V8_U32 = 3;
    SB_V8_I64 = 4;
    SB_V8_U64 = 5;
    SB_V8_F32 = 6;
    SB_V8_F64 = 7;
    SB_V8_POINTER = 8;
    SB_V8_VALUE = 9;
    SB_V8_ONE_BYTE_STRING = 10;

    SB_V8_UNDEFINED = 0;
    SB_V8_NULL = 1;
    SB_V8_BOOLEAN = 2;
    SB_V8_NUMBER = 3;
    SB_V8_BIGINT = 4;
    SB_V8_BYTES = 5;
    SB_V8_TEXT = 6;
    SB_V8_OTHER = 7;

    SB_V8_ERROR = 0;
    SB_V8_TYPE_ERROR = 1;
    SB_V8_RANGE_ERROR = 2;

    SB_FOREVER = -1;
    SB_BUSY_DEFAULT = 100_000_000;
}
