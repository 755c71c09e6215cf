//! A libffi by the addresses of its functions.

use std::ffi::c_void;

use libffi::raw::{ffi_cif, ffi_type};
use libloading::Library;

pub(super) type Closed = unsafe extern "C" fn(*mut ffi_cif, *mut c_void, *mut *mut c_void, *mut c_void);

pub(super) type PrepareCif =
    unsafe extern "C" fn(*mut ffi_cif, u32, u32, *mut ffi_type, *mut *mut ffi_type) -> u32;
pub(super) type Call = unsafe extern "C" fn(*mut ffi_cif, *const c_void, *mut c_void, *mut *mut c_void);
pub(super) type Allocate = unsafe extern "C" fn(usize, *mut *mut c_void) -> *mut c_void;
pub(super) type Free = unsafe extern "C" fn(*mut c_void);
pub(super) type PrepareClosure =
    unsafe extern "C" fn(*mut c_void, *mut ffi_cif, Closed, *mut c_void, *mut c_void) -> u32;
pub(super) type PlanAllocate = unsafe extern "C" fn(*mut ffi_cif) -> *mut c_void;
pub(super) type PlanInvoke = unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void, *mut *mut c_void);

/// Call plans, since 3.7.
pub(super) struct Plans {
    pub(super) alloc: PlanAllocate,
    pub(super) invoke: PlanInvoke,
    pub(super) free: Free,
}

/// A libffi. Its functions are valid for as long as the process lives: libraries are leaked.
pub(super) struct Libffi {
    pub(super) path: &'static str,
    pub(super) prep_cif: PrepareCif,
    pub(super) call: Call,
    pub(super) closure_alloc: Allocate,
    pub(super) closure_free: Free,
    pub(super) prep_closure: PrepareClosure,
    pub(super) plans: Option<Plans>,
}

impl Libffi {
    pub(super) fn open(path: &'static str, file: &str) -> Option<Libffi> {
        // SAFETY: a libffi, whose initialisers do nothing that could harm.
        let library: &'static Library = Box::leak(Box::new(unsafe { Library::new(file) }.ok()?));
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: libffi's own declaration of that name.
                *unsafe { library.get($name) }.ok()?
            };
        }
        Some(Libffi {
            path,
            prep_cif: symbol!(b"ffi_prep_cif"),
            call: symbol!(b"ffi_call"),
            closure_alloc: symbol!(b"ffi_closure_alloc"),
            closure_free: symbol!(b"ffi_closure_free"),
            prep_closure: symbol!(b"ffi_prep_closure_loc"),
            plans: Plans::of(library),
        })
    }

    pub(super) fn bundled() -> Libffi {
        use std::mem::transmute;

        use libffi::raw;
        type Address = *const c_void;
        // SAFETY: the same functions, with pointers of other names.
        unsafe {
            Libffi {
                path: "bundled",
                prep_cif: transmute::<Address, PrepareCif>(raw::ffi_prep_cif as Address),
                call: transmute::<Address, Call>(raw::ffi_call as Address),
                closure_alloc: transmute::<Address, Allocate>(raw::ffi_closure_alloc as Address),
                closure_free: transmute::<Address, Free>(raw::ffi_closure_free as Address),
                prep_closure: transmute::<Address, PrepareClosure>(raw::ffi_prep_closure_loc as Address),
                plans: None,
            }
        }
    }
}

impl Plans {
    fn of(library: &'static Library) -> Option<Plans> {
        // SAFETY: libffi's own declarations of these names.
        unsafe {
            Some(Plans {
                alloc: *library.get(b"ffi_call_plan_alloc").ok()?,
                invoke: *library.get(b"ffi_call_plan_invoke").ok()?,
                free: *library.get(b"ffi_call_plan_free").ok()?,
            })
        }
    }
}
