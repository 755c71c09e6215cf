//! Preparing a cif: from types to the number of their shape.

use std::{
    ffi::{CStr, c_char, c_ulong},
    ptr,
};

use crate::{
    aggregate, data,
    key::{self, Key, NoKey},
    machine::MACHINE,
    real, refused,
    table::{self, Found},
    trace,
    types::{Cif, Closure, Status, Type, code},
};

/// `ffi_prep_cif`: makes `cif` describe calls of functions of this type.
///
/// # Safety
/// As libffi has it: the types are readable, and writable where their size is 0; there are `nargs` in `atypes`; all
/// stay where they are for as long as the cif is used.
#[unsafe(export_name = "springboard_libffi_ffi_prep_cif")]
pub(crate) unsafe extern "C" fn ffi_prep_cif(
    cif: *mut Cif,
    abi: u32,
    nargs: u32,
    rtype: *mut Type,
    atypes: *mut *mut Type,
) -> Status {
    // SAFETY: libffi's contract, kept by the program, is what `prepare` asks; it checks for null itself.
    unsafe { prepare(cif, abi, nargs, nargs, rtype, atypes) }
}

/// `ffi_prep_cif_var`: the same for a call of a variadic function, of whose arguments `nfixed` are declared.
///
/// # Safety
/// As [`ffi_prep_cif`].
#[unsafe(export_name = "springboard_libffi_ffi_prep_cif_var")]
pub(crate) unsafe extern "C" fn ffi_prep_cif_var(
    cif: *mut Cif,
    abi: u32,
    nfixed: u32,
    ntotal: u32,
    rtype: *mut Type,
    atypes: *mut *mut Type,
) -> Status {
    // SAFETY: libffi's contract, kept by the program, is what `prepare` asks; it checks for null itself.
    let status = unsafe { prepare(cif, abi, nfixed.min(ntotal), ntotal, rtype, atypes) };
    if status != Status::Ok {
        return status;
    }
    for index in nfixed..ntotal {
        // SAFETY: `prepare` has read them all.
        let (address, ty) = unsafe { (*atypes.add(index as usize), &**atypes.add(index as usize)) };
        let narrow = ty.size < 4 && !matches!(ty.code, code::STRUCT | code::COMPLEX);
        if ptr::eq(address, data::float()) || narrow {
            return Status::BadArgtype;
        }
    }
    Status::Ok
}

/// # Safety
/// As [`ffi_prep_cif`].
#[inline(always)]
unsafe fn prepare(
    cif: *mut Cif,
    abi: u32,
    declared: u32,
    nargs: u32,
    rtype: *mut Type,
    atypes: *mut *mut Type,
) -> Status {
    if !MACHINE.has_abi(abi) {
        return Status::BadAbi;
    }
    if cif.is_null() || rtype.is_null() || (atypes.is_null() && nargs != 0) {
        return Status::BadTypedef;
    }
    // SAFETY: neither is null, by the checks above; the program vouches that the types are readable.
    if let Some(word) = unsafe { key::of_scalars(&*rtype, atypes, nargs) }
        && abi == MACHINE.default_abi()
        && (declared == nargs || !MACHINE.dots_matter)
        && let Some(Found::Native(bytes, flags)) = table::find(&[word])
    {
        // SAFETY: writable: the program vouches for it, as libffi asks.
        unsafe {
            *cif = Cif { abi, nargs, arg_types: atypes, rtype, bytes, flags, more: Cif::more(declared) };
        }
        return Status::Ok;
    }
    // SAFETY: no address is null, by the checks above; the program vouches for what lies there.
    unsafe { prepare_any(cif, abi, declared, nargs, rtype, atypes) }
}

/// The same for types of all kinds.
///
/// # Safety
/// As [`ffi_prep_cif`]; no address but those of types is null.
#[inline(never)]
unsafe fn prepare_any(
    cif: *mut Cif,
    abi: u32,
    declared: u32,
    nargs: u32,
    rtype: *mut Type,
    atypes: *mut *mut Type,
) -> Status {
    let mut room = key::room();
    let mut key = Key::new(&mut room, abi);
    let mut bytes = 0usize;
    // SAFETY: not null, and the program vouches that it is readable; laid out first.
    let mut written = unsafe {
        if (*rtype).size == 0 && aggregate::lay_out(rtype, ptr::null_mut()) != Status::Ok {
            return Status::BadTypedef;
        }
        key.result(&*rtype)
    };
    for index in 0..nargs as usize {
        // SAFETY: there are `nargs` of them.
        let ty = unsafe { *atypes.add(index) };
        if ty.is_null() {
            return Status::BadTypedef;
        }
        // SAFETY: not null, and the program vouches that it is readable; laid out first.
        unsafe {
            if (*ty).size == 0 && aggregate::lay_out(ty, ptr::null_mut()) != Status::Ok {
                return Status::BadTypedef;
            }
            if index == declared as usize && written.is_ok() {
                written = key.dots();
            }
            if written.is_ok() {
                written = key.value(&*ty);
            }
            bytes = bytes.saturating_add((*ty).size);
        }
    }
    // libffi counts them in 32 bits.
    if i32::try_from(bytes).is_err() {
        return Status::BadTypedef;
    }
    key.end();
    // SAFETY: writable: the program vouches for it, as libffi asks.
    let cif = unsafe { &mut *cif };
    *cif = Cif { abi, nargs, arg_types: atypes, rtype, bytes: 0, flags: 0, more: Cif::more(declared) };
    if written.is_ok()
        && (abi == MACHINE.default_abi() || MACHINE.is_windows(abi))
        && let Some(Found::Native(bytes, flags)) = table::find(key.words())
    {
        (cif.bytes, cif.flags) = (bytes, flags);
        return Status::Ok;
    }
    // SAFETY: the cif has been filled with the types that the program vouches for; libffi reads no others.
    unsafe { by_libffi(cif, written, &key) }
}

/// Leaves a cif to libffi, if that knows its types.
///
/// # Safety
/// As [`ffi_prep_cif`].
#[cold]
unsafe fn by_libffi(cif: &mut Cif, written: Result<(), NoKey>, key: &Key<'_>) -> Status {
    // SAFETY: the cif holds the types for which the program vouches to its caller.
    let wrong = unsafe { refused::by_the_bundled(cif) };
    if wrong {
        trace::fallback("refused");
    }
    if wrong || written == Err(NoKey::Unknown) || key.modern {
        return Status::BadTypedef;
    }
    if trace::enabled() {
        trace::fallback(match (written, cif.abi) {
            (Err(_), _) => "unusual-types",
            (Ok(()), abi) if abi == MACHINE.default_abi() || MACHINE.is_windows(abi) => {
                match table::find(key.words()) {
                    Some(Found::Libffi(shape)) => shape.reason.unwrap_or("none"),
                    _ => "table-full",
                }
            }
            _ => "other-abi",
        });
    }
    // SAFETY: the cif holds the types for which the program vouches to its caller, and libffi writes to it alone.
    match unsafe { real::prepared(cif) } {
        Ok(prepared) => {
            *cif = prepared;
            Status::Ok
        }
        Err(status) => status,
    }
}

/// `ffi_get_struct_offsets`: lays out a structure, and writes the offset of each member, in bytes.
///
/// # Safety
/// As libffi has it: the type is writable; `offsets` is null or has room for one number per member.
#[unsafe(export_name = "springboard_libffi_ffi_get_struct_offsets")]
pub(crate) unsafe extern "C" fn ffi_get_struct_offsets(
    abi: u32,
    ty: *mut Type,
    offsets: *mut usize,
) -> Status {
    if !MACHINE.has_abi(abi) {
        return Status::BadAbi;
    }
    // SAFETY: readable where not null: the program vouches for it.
    if ty.is_null() || unsafe { (*ty).code } != code::STRUCT {
        return Status::BadTypedef;
    }
    // SAFETY: not null; the program vouches that the type is writable and that `offsets` has room for each member.
    unsafe { aggregate::lay_out(ty, offsets) }
}

/// The version of libffi whose interface this is.
const VERSION: &CStr = c"3.8.0";

/// `ffi_get_version`.
#[unsafe(export_name = "springboard_libffi_ffi_get_version")]
pub(crate) extern "C" fn ffi_get_version() -> *const c_char {
    VERSION.as_ptr()
}

/// `ffi_get_version_number`: 10000 × major + 100 × minor + patch.
#[unsafe(export_name = "springboard_libffi_ffi_get_version_number")]
pub(crate) extern "C" fn ffi_get_version_number() -> c_ulong {
    30800
}

/// `ffi_get_default_abi`.
#[unsafe(export_name = "springboard_libffi_ffi_get_default_abi")]
pub(crate) extern "C" fn ffi_get_default_abi() -> u32 {
    MACHINE.default_abi()
}

/// `ffi_get_closure_size`, in bytes.
#[unsafe(export_name = "springboard_libffi_ffi_get_closure_size")]
pub(crate) extern "C" fn ffi_get_closure_size() -> usize {
    size_of::<Closure>()
}
