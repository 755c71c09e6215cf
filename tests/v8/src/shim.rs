//! The C functions of `shim.h`, which are loaded at run time: one build of this program serves every V8.

use std::ffi::{c_char, c_void};

use libloading::os::unix::Library;
use springboard_js::v8::{ErrorKind, Reading};

/// `Realm` of the header.
#[repr(C)]
pub(crate) struct RawRealm {
    _opaque: [u8; 0],
}

/// `Host` of the header.
#[repr(C)]
pub(crate) struct RawHost {
    _opaque: [u8; 0],
}

/// `Fast` of the header.
#[repr(C)]
pub(crate) struct RawFast {
    pub(crate) address: *const c_void,
    pub(crate) info: *const c_void,
}

/// `Entry` of the header.
#[repr(C)]
pub(crate) struct RawEntry {
    pub(crate) name: *const c_char,
    pub(crate) data: *const c_void,
    pub(crate) fast: *const RawFast,
    pub(crate) count: u32,
}

/// A function that adds two integers.
pub(crate) type Add = unsafe extern "C" fn(i32, i32) -> i32;

macro_rules! shim {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the header, without their prefix.
        pub(crate) struct Shim {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Shim {
            /// The functions in `library`, which must stay loaded.
            pub(crate) fn of(library: &Library) -> Result<Shim, libloading::Error> {
                Ok(Shim {
                    // SAFETY: these are the types that the header gives them.
                    $($name: *unsafe { library.get(concat!("shim_", stringify!($name)).as_bytes()) }?,)*
                })
            }
        }
    };
}

shim! {
    v8_version: fn() -> u32;
    slow_calls: fn(*const c_void) -> u64;
    info: fn(*const u8, u32, u8, u8, u8) -> *const c_void;
    realm_new: fn(*const c_char, usize, *const isize) -> *mut RawRealm;
    realm_free: fn(*mut RawRealm);
    define: fn(*mut RawRealm, *const c_char, *const c_void, *const RawFast, u32);
    define_weak: fn(*mut RawRealm, *const c_char, *const c_void, *const RawFast, u32, unsafe extern "C" fn(*const c_void));
    collect: fn(*mut RawRealm);
    inspect: fn(*mut RawRealm, *const c_char) -> *mut c_char;
    host_new: fn() -> *mut RawHost;
    host_define: fn(*mut RawHost, *mut RawRealm);
    host_slow_calls: fn(*mut RawHost, u32) -> u64;
    host_free: fn(*mut RawHost);
    conventional: fn() -> *const c_void;
    snapshot: fn(*const isize, *const RawEntry, u32, *const c_char, *mut usize) -> *mut c_char;
    define_by_hand: fn(*mut RawRealm, Add);
    run: fn(*mut RawRealm, *const c_char, *mut u8) -> *mut c_char;
    handles: fn() -> i32;
    free: fn(*mut c_char);
    fail: fn(*mut c_void, *mut c_void, ErrorKind, *const c_char, *const c_char);
    value: fn(*const c_void, *mut c_void, &mut Reading);
    buffer: fn(*const c_void, *mut c_void, u32) -> usize;
    data: fn(*mut c_void) -> *mut c_void;
    call: fn(*mut RawRealm, *const c_char);
}

/// The address of a function, which is there to be referred to.
pub(crate) struct Function(#[expect(dead_code)] *const ());

// SAFETY: nothing is done with the address.
unsafe impl Sync for Function {}

/// The functions of the C API that the shim calls. The linker takes what somebody refers to.
#[used]
pub(crate) static FOR_THE_SHIM: [Function; 14] = [
    Function(springboard_c::error::sb_error_message as *const ()),
    Function(springboard_c::error::sb_v8_thrown_code as *const ()),
    Function(springboard_c::v8::sb_v8_helper_error as *const ()),
    Function(springboard_c::v8::sb_v8_data_call as *const ()),
    Function(springboard_c::v8::sb_v8_data_context as *const ()),
    Function(springboard_c::v8::sb_v8_data_variants as *const ()),
    Function(springboard_c::v8::sb_v8_reading_set as *const ()),
    Function(springboard_c::v8::sb_v8_reading_text as *const ()),
    Function(springboard_c::v8::sb_v8_data_fast as *const ()),
    Function(springboard_c::v8::sb_v8_registry_new as *const ()),
    Function(springboard_c::v8::sb_v8_registry_add as *const ()),
    Function(springboard_c::v8::sb_v8_registry_references as *const ()),
    Function(springboard_c::close::sb_v8_registry_close as *const ()),
    Function(springboard_c::v8::sb_v8_track as *const ()),
];
