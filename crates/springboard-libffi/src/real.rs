//! The real libffi, linked in under other names: for what springboard has no plan for.

use std::ffi::c_void;

use crate::types::{Cif, Closure, ClosureFunction, Code, GoClosure, Status, Type};

// Links the library in which these are.
use libffi as _;

// SAFETY: libffi's own declarations (ffi.h), with this crate's structures, which have the same layout.
unsafe extern "C-unwind" {
    pub(crate) fn ffi_prep_cif(
        cif: *mut Cif,
        abi: u32,
        nargs: u32,
        rtype: *mut Type,
        atypes: *mut *mut Type,
    ) -> Status;
    pub(crate) fn ffi_prep_cif_var(
        cif: *mut Cif,
        abi: u32,
        nfixed: u32,
        ntotal: u32,
        rtype: *mut Type,
        atypes: *mut *mut Type,
    ) -> Status;
    pub(crate) fn ffi_call(cif: *mut Cif, function: Code, rvalue: *mut c_void, avalue: *mut *mut c_void);
    pub(crate) fn ffi_call_go(
        cif: *mut Cif,
        function: Code,
        rvalue: *mut c_void,
        avalue: *mut *mut c_void,
        closure: *mut c_void,
    );
    pub(crate) fn ffi_prep_closure_loc(
        closure: *mut Closure,
        cif: *mut Cif,
        function: ClosureFunction,
        user_data: *mut c_void,
        code: *mut c_void,
    ) -> Status;
    pub(crate) fn ffi_prep_go_closure(
        closure: *mut GoClosure,
        cif: *mut Cif,
        function: ClosureFunction,
    ) -> Status;
}

/// A copy of a cif as libffi itself prepares it, with the same types.
///
/// # Safety
/// The cif was prepared, and its types are still there.
pub(crate) unsafe fn prepared(cif: &Cif) -> Result<Cif, Status> {
    let mut copy = *cif;
    let Cif { abi, nargs, rtype, arg_types, .. } = *cif;
    // SAFETY: the caller vouches that the types are still there; libffi writes to the copy alone.
    let status = unsafe {
        match cif.declared() {
            declared if declared < nargs => {
                ffi_prep_cif_var(&mut copy, abi, declared, nargs, rtype, arg_types)
            }
            _ => ffi_prep_cif(&mut copy, abi, nargs, rtype, arg_types),
        }
    };
    if status == Status::Ok { Ok(copy) } else { Err(status) }
}
