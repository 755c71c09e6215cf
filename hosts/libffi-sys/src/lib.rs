//! The interface of the crate `libffi-sys` 4.2, served by springboard's drop-in for libffi.
//!
//! Types and functions are those of libffi's `ffi.h`, and documented there; docs/libffi.md says what differs behind them.
#![no_std]

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64", target_arch = "s390x")
)))]
compile_error!("springboard's drop-in for libffi is for Linux on x86_64, aarch64, riscv64 and s390x");

pub use core::ffi::c_void;
use core::{
    ffi::{c_char, c_long, c_uint, c_ulong, c_ushort},
    fmt, mem,
};

pub type ffi_arg = c_ulong;
pub type ffi_sarg = c_long;
pub type ffi_abi = u32;
pub type ffi_status = u32;
pub type ffi_type_enum = u16;

pub const FFI_64_BIT_MAX: u64 = i64::MAX as u64;
pub const FFI_CLOSURES: u32 = 1;
pub const FFI_GO_CLOSURES: u32 = 1;
pub const FFI_NATIVE_RAW_API: u32 = 0;
pub const FFI_SIZEOF_ARG: usize = size_of::<c_long>();
pub const FFI_SIZEOF_JAVA_RAW: usize = FFI_SIZEOF_ARG;

pub const FFI_TYPE_VOID: u16 = 0;
pub const FFI_TYPE_INT: u16 = 1;
pub const FFI_TYPE_FLOAT: u16 = 2;
pub const FFI_TYPE_DOUBLE: u16 = 3;
pub const FFI_TYPE_LONGDOUBLE: u16 = 4;
pub const FFI_TYPE_UINT8: u16 = 5;
pub const FFI_TYPE_SINT8: u16 = 6;
pub const FFI_TYPE_UINT16: u16 = 7;
pub const FFI_TYPE_SINT16: u16 = 8;
pub const FFI_TYPE_UINT32: u16 = 9;
pub const FFI_TYPE_SINT32: u16 = 10;
pub const FFI_TYPE_UINT64: u16 = 11;
pub const FFI_TYPE_SINT64: u16 = 12;
pub const FFI_TYPE_STRUCT: u16 = 13;
pub const FFI_TYPE_POINTER: u16 = 14;
pub const FFI_TYPE_COMPLEX: u16 = 15;
pub const FFI_TYPE_LAST: u16 = FFI_TYPE_COMPLEX;

pub const ffi_type_enum_STRUCT: ffi_type_enum = FFI_TYPE_STRUCT;
pub const ffi_type_enum_COMPLEX: ffi_type_enum = FFI_TYPE_COMPLEX;

pub const ffi_status_FFI_OK: ffi_status = 0;
pub const ffi_status_FFI_BAD_TYPEDEF: ffi_status = 1;
pub const ffi_status_FFI_BAD_ABI: ffi_status = 2;
pub const ffi_status_FFI_BAD_ARGTYPE: ffi_status = 3;

/// The numbers of a CPU's `ffitarget.h`.
macro_rules! target {
    ($($arch:literal: $trampoline:literal, $first:literal; $($name:ident $number:literal)*;)*) => {$(
        #[cfg(target_arch = $arch)]
        mod target {
            use super::ffi_abi;

            pub const FFI_TRAMPOLINE_SIZE: usize = $trampoline;
            pub const ffi_abi_FFI_FIRST_ABI: ffi_abi = $first;
            $(pub const $name: ffi_abi = $number;)*
        }
    )*};
}

target! {
    "x86_64": 32, 1;
        ffi_abi_FFI_UNIX64 2 ffi_abi_FFI_WIN64 3 ffi_abi_FFI_EFI64 3 ffi_abi_FFI_GNUW64 4 ffi_abi_FFI_LAST_ABI 5
        ffi_abi_FFI_DEFAULT_ABI 2;
    "aarch64": 24, 0;
        ffi_abi_FFI_SYSV 1 ffi_abi_FFI_WIN64 2 ffi_abi_FFI_LAST_ABI 3 ffi_abi_FFI_DEFAULT_ABI 1;
    "riscv64": 24, 0;
        ffi_abi_FFI_SYSV 1 ffi_abi_FFI_UNUSED_1 2 ffi_abi_FFI_UNUSED_2 3 ffi_abi_FFI_UNUSED_3 4 ffi_abi_LAST_ABI 5
        ffi_abi_FFI_DEFAULT_ABI 1;
    "s390x": 32, 0;
        ffi_abi_FFI_SYSV 1 ffi_abi_LAST_ABI 2 ffi_abi_FFI_DEFAULT_ABI 1;
}
pub use target::*;

type Function = Option<unsafe extern "C" fn()>;
type ClosureFunction = Option<unsafe extern "C" fn(*mut ffi_cif, *mut c_void, *mut *mut c_void, *mut c_void)>;
type RawFunction = Option<unsafe extern "C" fn(*mut ffi_cif, *mut c_void, *mut ffi_raw, *mut c_void)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ffi_type {
    pub size: usize,
    pub alignment: c_ushort,
    pub type_: c_ushort,
    pub elements: *mut *mut ffi_type,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ffi_cif {
    pub abi: ffi_abi,
    pub nargs: c_uint,
    pub arg_types: *mut *mut ffi_type,
    pub rtype: *mut ffi_type,
    pub bytes: c_uint,
    pub flags: c_uint,
    #[cfg(target_arch = "riscv64")]
    pub riscv_nfixedargs: c_uint,
    #[cfg(target_arch = "riscv64")]
    pub riscv_unused: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union ffi_raw {
    pub sint: ffi_sarg,
    pub uint: ffi_arg,
    pub flt: f32,
    pub data: [c_char; FFI_SIZEOF_ARG],
    pub ptr: *mut c_void,
}

pub type ffi_java_raw = ffi_raw;

#[repr(C)]
#[derive(Clone, Copy)]
pub union ffi_trampoline {
    pub tramp: [c_char; FFI_TRAMPOLINE_SIZE],
    pub ftramp: *mut c_void,
}

impl fmt::Debug for ffi_trampoline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ffi_trampoline")
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ffi_closure {
    pub tramp: ffi_trampoline,
    pub cif: *mut ffi_cif,
    pub fun: ClosureFunction,
    pub user_data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ffi_raw_closure {
    pub tramp: [c_char; FFI_TRAMPOLINE_SIZE],
    pub cif: *mut ffi_cif,
    pub translate_args: ClosureFunction,
    pub this_closure: *mut c_void,
    pub fun: RawFunction,
    pub user_data: *mut c_void,
}

pub type ffi_java_raw_closure = ffi_raw_closure;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ffi_go_closure {
    pub tramp: *mut c_void,
    pub cif: *mut ffi_cif,
    pub fun: ClosureFunction,
}

/// Values that are all zero.
macro_rules! zeroed {
    ($($name:ident)*) => {$(
        impl Default for $name {
            fn default() -> Self {
                // SAFETY: numbers, null pointers, and `None` for functions: zero is a value of each.
                unsafe { mem::zeroed() }
            }
        }
    )*};
}
zeroed! { ffi_type ffi_cif ffi_raw ffi_closure ffi_raw_closure ffi_go_closure }

// SAFETY: the declarations of libffi's `ffi.h`.
unsafe extern "C" {
    pub static mut ffi_type_void: ffi_type;
    pub static mut ffi_type_uint8: ffi_type;
    pub static mut ffi_type_sint8: ffi_type;
    pub static mut ffi_type_uint16: ffi_type;
    pub static mut ffi_type_sint16: ffi_type;
    pub static mut ffi_type_uint32: ffi_type;
    pub static mut ffi_type_sint32: ffi_type;
    pub static mut ffi_type_uint64: ffi_type;
    pub static mut ffi_type_sint64: ffi_type;
    pub static mut ffi_type_float: ffi_type;
    pub static mut ffi_type_double: ffi_type;
    pub static mut ffi_type_longdouble: ffi_type;
    pub static mut ffi_type_pointer: ffi_type;
    #[cfg(feature = "complex")]
    pub static mut ffi_type_complex_float: ffi_type;
    #[cfg(feature = "complex")]
    pub static mut ffi_type_complex_double: ffi_type;
    #[cfg(feature = "complex")]
    pub static mut ffi_type_complex_longdouble: ffi_type;

    pub fn ffi_prep_cif(
        cif: *mut ffi_cif,
        abi: ffi_abi,
        nargs: c_uint,
        rtype: *mut ffi_type,
        atypes: *mut *mut ffi_type,
    ) -> ffi_status;
    pub fn ffi_prep_cif_var(
        cif: *mut ffi_cif,
        abi: ffi_abi,
        nfixedargs: c_uint,
        ntotalargs: c_uint,
        rtype: *mut ffi_type,
        atypes: *mut *mut ffi_type,
    ) -> ffi_status;
    pub fn ffi_call(cif: *mut ffi_cif, fn_: Function, rvalue: *mut c_void, avalue: *mut *mut c_void);
    pub fn ffi_get_struct_offsets(abi: ffi_abi, struct_type: *mut ffi_type, offsets: *mut usize) -> ffi_status;

    pub fn ffi_closure_alloc(size: usize, code: *mut *mut c_void) -> *mut c_void;
    pub fn ffi_closure_free(closure: *mut c_void);
    #[deprecated = "use `ffi_prep_closure_loc`"]
    pub fn ffi_prep_closure(
        closure: *mut ffi_closure,
        cif: *mut ffi_cif,
        fun: ClosureFunction,
        user_data: *mut c_void,
    ) -> ffi_status;
    pub fn ffi_prep_closure_loc(
        closure: *mut ffi_closure,
        cif: *mut ffi_cif,
        fun: ClosureFunction,
        user_data: *mut c_void,
        codeloc: *mut c_void,
    ) -> ffi_status;
    pub fn ffi_call_go(
        cif: *mut ffi_cif,
        fn_: Function,
        rvalue: *mut c_void,
        avalue: *mut *mut c_void,
        closure: *mut c_void,
    );
    pub fn ffi_prep_go_closure(closure: *mut ffi_go_closure, cif: *mut ffi_cif, fun: ClosureFunction) -> ffi_status;
}

/// The raw API, in its two forms.
macro_rules! raw {
    ($($(#[$attribute:meta])* $size:ident $to_array:ident $to_raw:ident $call:ident $prep:ident $loc:ident;)*) => {
        // SAFETY: the declarations of libffi's `ffi.h`.
        unsafe extern "C" {$(
            $(#[$attribute])*
            pub fn $size(cif: *mut ffi_cif) -> usize;
            $(#[$attribute])*
            pub fn $to_array(cif: *mut ffi_cif, raw: *mut ffi_raw, args: *mut *mut c_void);
            $(#[$attribute])*
            pub fn $to_raw(cif: *mut ffi_cif, args: *mut *mut c_void, raw: *mut ffi_raw);
            $(#[$attribute])*
            pub fn $call(cif: *mut ffi_cif, fn_: Function, rvalue: *mut c_void, avalue: *mut ffi_raw);
            $(#[$attribute])*
            pub fn $prep(
                closure: *mut ffi_raw_closure,
                cif: *mut ffi_cif,
                fun: RawFunction,
                user_data: *mut c_void,
            ) -> ffi_status;
            $(#[$attribute])*
            pub fn $loc(
                closure: *mut ffi_raw_closure,
                cif: *mut ffi_cif,
                fun: RawFunction,
                user_data: *mut c_void,
                codeloc: *mut c_void,
            ) -> ffi_status;
        )*}
    };
}

raw! {
    ffi_raw_size ffi_raw_to_ptrarray ffi_ptrarray_to_raw ffi_raw_call ffi_prep_raw_closure ffi_prep_raw_closure_loc;
    #[deprecated = "libffi 3.3 deprecates it"]
    ffi_java_raw_size ffi_java_raw_to_ptrarray ffi_java_ptrarray_to_raw ffi_java_raw_call ffi_prep_java_raw_closure
        ffi_prep_java_raw_closure_loc;
}
