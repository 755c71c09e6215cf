//! The C functions of `shim.h`, which are loaded at run time: one build of this program serves every V8.

use std::ffi::{c_char, c_void};

use libloading::os::unix::Library;

/// `Realm` of the header.
#[repr(C)]
pub(crate) struct RawRealm {
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

/// `Any` of the header.
#[repr(C)]
pub(crate) struct RawAny {
    pub(crate) tag: u8,
    pub(crate) sign: u8,
    pub(crate) number: f64,
    pub(crate) words: [u64; 2],
    pub(crate) data: *const u8,
    pub(crate) length: usize,
    pub(crate) code: *const c_char,
}

/// `Slow` of the header.
pub(crate) type RawSlow = unsafe extern "C" fn(*mut c_void, *const RawAny, u32, *mut RawAny);

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
    serve: fn(RawSlow);
    info: fn(*const u8, u32, u8, u8, u8) -> *const c_void;
    realm_new: fn(*const c_char, usize, *const isize) -> *mut RawRealm;
    realm_free: fn(*mut RawRealm);
    define: fn(*mut RawRealm, *const c_char, *const c_void, *const RawFast, u32);
    conventional: fn() -> *const c_void;
    snapshot: fn(*const isize, *const RawEntry, u32, *const c_char, *mut usize) -> *mut c_char;
    define_by_hand: fn(*mut RawRealm, Add);
    run: fn(*mut RawRealm, *const c_char, *mut u8) -> *mut c_char;
    free: fn(*mut c_char);
    fail: fn(*mut c_void, u8, *const c_char, *const c_char);
    value: fn(*const c_void, *mut c_void, *mut RawAny);
    text: fn(*const c_void, *mut c_void, *mut u8, usize);
    buffer: fn(*const c_void, *mut c_void, u32) -> usize;
    data: fn(*mut c_void) -> *mut c_void;
    call: fn(*mut RawRealm, *const c_char);
}
